-- book_by_phone: one contact and one appointment, in one round trip.
-- No row: the organization has no such resource, and nothing is written. A row without an
-- appointment: nothing is free; or, where resource_is_free, somebody was faster, and whoever asks
-- again is told.
with asked as (
  select r.resource from resources r
  where r.org_id = :org_id and r.resource = coalesce(:resource, r.resource)
),
contact as (
  insert into contacts as c (org_id, phone, email, name, lead_status, last_contact_at)
  select :org_id, :phone, :email, coalesce(:name, split_part(:email, '@', 1), 'Unknown'), 'contacted', now()
  where exists (select from asked)
  -- Not DO NOTHING: a row must come back, and a repeat must write to be as durable as the first.
  on conflict (org_id, phone) do update set
    -- Who gives no email or no name must not blank the one we have.
    email = coalesce(:email, c.email),
    name = coalesce(:name, c.name),
    lead_status = case when c.lead_status is null or c.lead_status = 'new' then 'contacted' else c.lead_status end,
    last_contact_at = now()
  returning c.id, c.name
),
free as materialized (
  select asked.resource from asked
  -- Not NOT EXISTS: with a limit the planner expects one row whatever the time is, so that it
  -- keeps the plan; else it plans each booking anew, which takes longer than to book.
  where (
    select true from appointments a
    where a.org_id = :org_id and a.resource = asked.resource and a.status in ('pending', 'confirmed')
      -- The very expression of appointments_resource_excl, so that its index answers.
      and tsrange(a.scheduled_at at time zone 'UTC',
                  (a.scheduled_at at time zone 'UTC') + make_interval(mins => coalesce(a.duration_minutes, 30)))
       && tsrange(:scheduled_at::timestamptz at time zone 'UTC',
                  (:scheduled_at::timestamptz at time zone 'UTC') + make_interval(mins => :duration_minutes))
    limit 1
  ) is null
  order by random()
),
-- First one that nobody is booking at this moment: behind an uncommitted booking a caller would
-- wait while others are free. The lock is only this hint; the constraint is the guarantee.
picked as (
  (select resource from free
   where pg_try_advisory_xact_lock(hashtextextended(:org_id::text || resource, 0))
   limit 1)
  union all
  (select resource from free)
  limit 1
),
appointment as (
  insert into appointments as a
    (org_id, contact_id, resource, service_type, scheduled_at, duration_minutes, status,
     attendee_name, idempotency_key, created_at, updated_at)
  select :org_id, contact.id, picked.resource, :service_type, :scheduled_at, :duration_minutes, 'confirmed',
         coalesce(:name, contact.name), :idempotency_key, now(), now()
  from contact, picked
  -- Not an exception: that would need a savepoint, and deadlocks where callers collide.
  on conflict do nothing
  returning a.id, a.contact_id, a.resource, a.service_type, a.scheduled_at, a.duration_minutes,
    a.attendee_name
),
-- Ours, else the active one that it repeats: by its key, or of the contact at this time. The limit
-- leaves unread what comes after the first.
standing as (
  select true as created, appointment.* from appointment
  union all
  (select false, a.id, a.contact_id, a.resource, a.service_type, a.scheduled_at, a.duration_minutes,
     a.attendee_name
   from appointments a
   where a.org_id = :org_id and a.idempotency_key = :idempotency_key
     and a.status in ('pending', 'confirmed'))
  union all
  (select false, a.id, a.contact_id, a.resource, a.service_type, a.scheduled_at, a.duration_minutes,
     a.attendee_name
   from appointments a, contact
   where a.org_id = :org_id and a.contact_id = contact.id and a.scheduled_at = :scheduled_at
     and lower(coalesce(a.attendee_name, '')) = lower(coalesce(:name, contact.name, ''))
     and a.status in ('pending', 'confirmed'))
  limit 1
)
select coalesce(standing.contact_id, contact.id) as contact_id, standing.created,
       standing.id as appointment_id, standing.resource, standing.service_type,
       standing.scheduled_at, standing.duration_minutes, standing.attendee_name,
       exists (select from free) as resource_is_free
from contact left join standing on true;
