-- find_appointments: the next appointments that whoever asks may know of, soonest first, at most so many.
-- See `held` for who may know of which.
with held as (
  -- What this very call booked.
  select a.id from appointments a
  where a.org_id = :org_id and a.call_id = :call_id::text and a.status in ('pending', 'confirmed')
  union all
  -- For staff, the appointment of this id.
  select a.id from appointments a where a.org_id = :org_id and a.id = :appointment_id::uuid and :is_staff::boolean
  union all
  -- Those of the contact: for staff all of them. For the caller whose number it is, those whose attendee has
  -- the last word of the name that was said, or no name of their own; never one that an email found.
  select a.id
  from contacts c
  join appointments a on a.org_id = c.org_id and a.contact_id = c.id and a.status in ('pending', 'confirmed')
  where c.org_id = :org_id and c.phone = :phone::text and (:is_staff or not a.found_by_email and (
    not a.attendee_given
    or (regexp_match(booking_fold(:name::text) collate "C", '[^ -]+$'))[1]
       = any(regexp_split_to_array(booking_fold(coalesce(a.attendee_name, '')) collate "C", '[ -]+'))))
)
select a.id, a.scheduled_at, a.duration_minutes, a.resource, a.service_type, a.attendee_name,
       coalesce(a.call_id = :call_id, false) as is_of_this_call
from appointments a
where a.org_id = :org_id and a.id in (select id from held) and a.status in ('pending', 'confirmed')
  and a.scheduled_at > now()
  and a.scheduled_at >= coalesce(:since::timestamptz, '-infinity') and a.scheduled_at < coalesce(:until::timestamptz, 'infinity')
order by a.scheduled_at, a.id
limit :most;
