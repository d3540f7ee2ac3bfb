-- book_by_phone: one contact and one appointment, in one round trip.
-- No row: the organization has no such resource, and nothing is written. A row without an
-- appointment: nothing is free, or the request is a repeat; find_standing_appointment tells which.
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
  returning a.id, a.resource, a.service_type, a.scheduled_at, a.duration_minutes
)
select contact.id as contact_id, coalesce(:name, contact.name) as attendee_name,
       appointment.id as appointment_id, appointment.resource, appointment.service_type,
       appointment.scheduled_at, appointment.duration_minutes
from contact left join appointment on true;
