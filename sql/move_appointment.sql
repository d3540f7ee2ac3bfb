-- move_appointment: moves the one appointment that is meant to another start, or none.
-- `held` are those that whoever asks may change, as in find_appointments; `meant` are those of them that start
-- between since and until. It returns one row:
--   appointment_id: the one that is meant; moved says whether this statement moved it, from old_start
--   stands: it starts at the new time already, for its resource
--   starts: the starts of those that are meant, at most four
--   is_too_late: it starts too soon to be moved by a caller
--   resource_is_known is false: the organization has no resource of this very name, or it does not do the service
--   closed_by: why the resource is not open then, as in book; staff need give no notice
--   is_free is false: the resource is taken then, or the attendee has another appointment at that start
--   none of these, and not moved: another caller is booking that resource at this moment; run it again
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
active as materialized (
  select a.id, a.contact_id, a.resource, a.service_type, a.scheduled_at, a.duration_minutes, a.attendee_name,
    a.buffer_before_minutes, a.buffer_after_minutes
  from appointments a
  where a.org_id = :org_id and a.id in (select id from held) and a.status in ('pending', 'confirmed')
    and (a.scheduled_at > now() or :is_staff)
),
-- A move that comes again finds its appointment at the new start.
standing as materialized (
  select * from active
  where scheduled_at = :scheduled_at and resource = coalesce(:resource::text, resource)
    and not exists (
      select from active other
      where other.scheduled_at >= coalesce(:since::timestamptz, '-infinity') and other.scheduled_at < coalesce(:until::timestamptz, 'infinity')
        and other.id <> active.id)
  limit 1
),
meant as materialized (
  select * from active
  where not exists (select from standing)
    and scheduled_at >= coalesce(:since::timestamptz, '-infinity') and scheduled_at < coalesce(:until::timestamptz, 'infinity')
  order by scheduled_at
  limit 4
),
-- The resource that is meant, whether it is open, and whether it is free but for the appointment itself.
asked as materialized (
  select meant.*, r.resource as new_resource, not :is_staff and least(meant.scheduled_at, :scheduled_at)
      < now() + make_interval(mins => o.cancel_until_minutes) as is_too_late,
    case
      when not :is_staff and :scheduled_at < now() + make_interval(mins => s.notice_minutes) then 'notice'
      else coalesce(
        -- An extra opening that holds it beats each closure that it meets.
        (
          select case when bool_or(e.opens) then 'open' when count(*) > 0 then 'closure' end
          from exceptions e
          where e.org_id = :org_id and coalesce(e.resource, r.resource) = r.resource
            and upper(e.during) > at.day - 1 and lower(e.during) < at.day + 3
            and case when e.opens
                  then lower(e.during) at time zone o.timezone <= :scheduled_at
                    and upper(e.during) at time zone o.timezone >= at.ends
                  -- Where the clocks change, a local time may come after a later one.
                  else least(lower(e.during) at time zone o.timezone, upper(e.during) at time zone o.timezone) < at.ends
                    and upper(e.during) at time zone o.timezone > :scheduled_at end
        ),
        -- The hours of its day, or those of the day before, which may run into it. The first day of 1900 was
        -- a Monday.
        (
          select case when bool_or(
              -- First what costs little: a conversion costs more than all else here.
              d < 2
              and (at.day - d + h.opens) at time zone o.timezone <= :scheduled_at
              and (at.day - d + (h.closes <= h.opens)::integer + h.closes) at time zone o.timezone >= at.ends
            ) then 'open' else 'hours' end
          from opening_hours h, lateral (select (at.day - date '1900-01-01' + 8 - h.weekday) % 7) as back (d)
          where h.org_id = :org_id and h.resource = r.resource
          having count(*) > 0
        ),
        'open'
      )
    end as openness,
    (
      select true from appointments b
      where b.org_id = :org_id and b.resource = r.resource and b.id <> meant.id and b.status in ('pending', 'confirmed')
        and booking_span(b.scheduled_at, b.duration_minutes, b.buffer_before_minutes, b.buffer_after_minutes)
         && booking_span(:scheduled_at::timestamptz, meant.duration_minutes, meant.buffer_before_minutes, meant.buffer_after_minutes)
      limit 1
    ) is null and (
      select true from appointments b
      where b.org_id = :org_id and b.contact_id = meant.contact_id and b.scheduled_at = :scheduled_at and b.id <> meant.id
        and b.status in ('pending', 'confirmed')
        and booking_fold(coalesce(b.attendee_name, '')) collate "C" = booking_fold(coalesce(meant.attendee_name, '')) collate "C"
      limit 1
    ) is null as is_free
  from organizations o
  join meant on (select count(*) from meant) = 1
  left join services s on s.org_id = o.id and s.folded = booking_fold(meant.service_type) collate "C"
  join resources r on r.org_id = o.id and r.resource = coalesce(:resource::text, meant.resource)
    and (r.resource = meant.resource or r.active and (s.service is null or coalesce((
      select bool_or(d.resource = r.resource) from service_resources d
      where d.org_id = :org_id and d.service = s.service), true)))
  cross join lateral (
    select (:scheduled_at::timestamptz at time zone o.timezone)::date as day,
           :scheduled_at::timestamptz + make_interval(mins => meant.duration_minutes) as ends
    -- Worked out once, and not for each row of the hours.
    offset 0
  ) at
  where o.id = :org_id
),
moved as (
  update appointments a
  set scheduled_at = :scheduled_at, resource = asked.new_resource, updated_at = now(),
      -- The key is the old booking's: a repeat of that must not be answered with the new start.
      idempotency_key = null,
      -- By its start the call tells its appointments apart; the number only has to be new.
      call_nth = case when a.call_id is not null then (
        select coalesce(max(b.call_nth), 0) + 1 from appointments b
        where b.org_id = :org_id and b.call_id = a.call_id and b.scheduled_at = :scheduled_at
          and b.status in ('pending', 'confirmed')) end
  from asked
  where a.org_id = :org_id and a.id = asked.id and openness = 'open' and is_free and not is_too_late
    -- Whoever books or moves to a resource holds its lock: two who meet there would wait for each other.
    and pg_try_advisory_xact_lock(hashtextextended(:org_id::text || asked.new_resource, 0))
    -- What another request changed meanwhile is looked at again.
    and a.status in ('pending', 'confirmed') and a.scheduled_at = asked.scheduled_at and a.resource = asked.resource
  returning a.id
),
event as (
  insert into events (org_id, type, appointment_id, actor, call_id, data)
  select :org_id, 'moved', moved.id, :actor, :call_id::text, jsonb_build_object(
    'from', jsonb_build_object('scheduled_at', asked.scheduled_at, 'resource', asked.resource),
    'to', jsonb_build_object('scheduled_at', :scheduled_at::timestamptz, 'resource', asked.new_resource))
  from moved cross join asked
)
select coalesce(standing.id, meant.id) as appointment_id, coalesce(standing.contact_id, meant.contact_id) as contact_id,
       exists (select from moved) as moved, standing.id is not null as stands, meant.scheduled_at as old_start,
       coalesce(standing.service_type, meant.service_type) as service_type,
       coalesce(standing.duration_minutes, meant.duration_minutes) as duration_minutes,
       coalesce(standing.resource, asked.new_resource, meant.resource) as resource,
       array(select m.scheduled_at from meant m order by m.scheduled_at) as starts,
       coalesce(asked.is_too_late, false) as is_too_late, asked.id is not null as resource_is_known,
       nullif(asked.openness, 'open') as closed_by, asked.is_free
from (select) one
left join standing on true
left join meant on (select count(*) from meant) = 1
left join asked on true;
