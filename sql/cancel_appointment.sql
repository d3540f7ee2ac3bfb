-- cancel_appointment: cancels the one appointment that is meant, or none.
-- `held` are those that whoever asks may change, as in find_appointments; `meant` are those of them that start
-- between since and until. It returns one row:
--   appointment_id: the one that this statement cancelled
--   starts: the starts of those that are meant, at most four, and that are not cancelled
--   is_too_late: the one that is meant starts too soon to be cancelled by a caller
--   cancelled_before: the start of one that was cancelled before: by this call, else at the time that is named
--   may_be_repeat: this call cancelled another one that fits as well: the request may be a repeat of that
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
),
meant as materialized (
  select a.id, a.scheduled_at, a.resource, not :is_staff and a.scheduled_at
    < now() + make_interval(mins => (select o.cancel_until_minutes from organizations o where o.id = :org_id)) as is_too_late
  from appointments a
  where a.org_id = :org_id and a.id in (select id from held) and a.status in ('pending', 'confirmed')
    and (a.scheduled_at > now() or :is_staff)
    and a.scheduled_at >= coalesce(:since::timestamptz, '-infinity') and a.scheduled_at < coalesce(:until::timestamptz, 'infinity')
  order by a.scheduled_at
  limit 4
),
-- Those that this call cancelled; and where a time is named, those that anybody cancelled who might have.
cancelled_before as materialized (
  select (e.data ->> 'scheduled_at')::timestamptz as scheduled_at, e.at, true as by_this_call
  from events e
  where e.org_id = :org_id and e.type = 'cancelled' and e.call_id = :call_id::text
    and (e.data ->> 'scheduled_at')::timestamptz >= coalesce(:since::timestamptz, '-infinity')
    and (e.data ->> 'scheduled_at')::timestamptz < coalesce(:until::timestamptz, 'infinity')
  union all
  select a.scheduled_at, a.updated_at, false
  from appointments a
  left join contacts c on c.org_id = a.org_id and c.id = a.contact_id
  where a.org_id = :org_id and a.status = 'cancelled' and a.scheduled_at >= :since and a.scheduled_at < :until
    and (a.call_id = :call_id::text or c.phone = :phone::text and (:is_staff::boolean or not a.found_by_email and (
      not a.attendee_given
      or (regexp_match(booking_fold(:name::text) collate "C", '[^ -]+$'))[1]
         = any(regexp_split_to_array(booking_fold(coalesce(a.attendee_name, '')) collate "C", '[ -]+')))))
  union all
  select a.scheduled_at, a.updated_at, false from appointments a
  where a.org_id = :org_id and a.id = :appointment_id and a.status = 'cancelled' and :is_staff
    and a.scheduled_at >= coalesce(:since::timestamptz, '-infinity') and a.scheduled_at < coalesce(:until::timestamptz, 'infinity')
),
-- Models call again after it worked: unless its very time is named, the next one must not go as well.
repeat as materialized (
  select exists (
    select from cancelled_before c, meant
    where c.by_this_call and (:since::timestamptz is null or c.scheduled_at <> meant.scheduled_at)
  ) as may_be
),
cancelled as (
  update appointments a set status = 'cancelled', updated_at = now()
  from meant
  where a.org_id = :org_id and a.id = meant.id and (select count(*) from meant) = 1 and not meant.is_too_late
    and not (select may_be from repeat)
    -- What another request changed meanwhile is looked at again.
    and a.status in ('pending', 'confirmed') and a.scheduled_at = meant.scheduled_at
  returning a.id, a.scheduled_at, a.resource
),
event as (
  insert into events (org_id, type, appointment_id, actor, call_id, data)
  select :org_id, 'cancelled', id, :actor, :call_id::text, jsonb_build_object('scheduled_at', scheduled_at, 'resource', resource)
  from cancelled
)
select cancelled.id as appointment_id, cancelled.scheduled_at,
       array(select meant.scheduled_at from meant where meant.id is distinct from cancelled.id order by meant.scheduled_at) as starts,
       coalesce((select bool_or(meant.is_too_late) from meant), false) as is_too_late,
       (select c.scheduled_at from cancelled_before c order by c.by_this_call desc, c.at desc limit 1) as cancelled_before,
       (select may_be from repeat) as may_be_repeat
from (select) one left join cancelled on true;
