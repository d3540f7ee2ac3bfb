-- book: one contact and one appointment, in one round trip, whoever calls and however often.
-- The contact is that of the phone, else that of the contact_id which an email found; the other is null.
-- It returns one row:
--   key_is_reused: the idempotency key is another request's, and nothing was written
--   resource_is_known is false: the organization has no such resource, and nothing was written;
--     organization_is_ready says whether it has any
--   appointment_id: the appointment that stands; created says whether this statement made it, else
--     recognised_by says how it was found
--   no appointment_id, resource_is_free is false: every resource is taken
--   no appointment_id, resource_is_free is true: another caller took it at this moment; run it again
with asked as (
  select r.resource from resources r
  where r.org_id = :org_id
    and (:resource::text is null or booking_fold(r.resource) collate "C" = booking_fold(:resource::text) collate "C")
),
-- The contact as it was before.
known as (
  select c.id, c.email::text, c.name::text, c.lead_status::text
  from contacts c where c.org_id = :org_id and c.phone = :phone::text
  union all
  select c.id, c.email::text, c.name::text, c.lead_status::text
  from contacts c where c.org_id = :org_id and c.id = :contact_id::uuid
),
-- What this call holds already.
call as (
  select a.id, a.contact_id, a.resource, a.service_type, a.scheduled_at, a.duration_minutes, a.attendee_name,
    a.attendee_given, a.call_id, a.call_nth, a.created_at
  from appointments a
  where a.org_id = :org_id and a.call_id = :call_id::text and a.status in ('pending', 'confirmed')
),
free as materialized (
  select asked.resource from asked
  -- Not NOT EXISTS: with a limit the planner expects one row whatever the time is, so that it
  -- keeps the plan; else it plans each booking anew, which takes longer than to book.
  where (
    select true from appointments a
    where a.org_id = :org_id and a.resource = asked.resource and a.status in ('pending', 'confirmed')
      and booking_span(a.scheduled_at, a.duration_minutes, a.buffer_before_minutes, a.buffer_after_minutes)
       && booking_span(:scheduled_at::timestamptz, :duration_minutes, 0, 0)
    limit 1
  ) is null
  order by random()
),
-- The active appointment that this request repeats. The limit leaves unread what comes after the
-- first that is found.
standing as materialized (
  -- By its key.
  (select 'key' as recognised_by,
     -- A key of a call names the call; only a direct caller can give one to two requests.
     coalesce(a.call_id <> :call_id::text, true) and (a.scheduled_at <> :scheduled_at or not exists (
       select from contacts c
       where c.org_id = :org_id and c.id = a.contact_id
         and (c.id = :contact_id::uuid or c.phone = :phone::text
              or (:phone::text is null and lower(c.email::text) = lower(:email::text)))
     )) as key_is_reused,
     a.id, a.contact_id, a.resource, a.service_type, a.scheduled_at, a.duration_minutes, a.attendee_name,
     a.attendee_given, a.call_id, a.call_nth, a.created_at
   from appointments a
   where a.org_id = :org_id and a.idempotency_key = :idempotency_key::text and a.status in ('pending', 'confirmed'))
  union all
  -- By its call: the same start, and the same person as far as names tell.
  (select 'call', false, call.*
   from call
   cross join lateral (
     select booking_fold(call.attendee_name) collate "C" as held, booking_fold(:name::text) collate "C" as given
   ) name
   where call.scheduled_at = :scheduled_at
     and (:name::text is null or not call.attendee_given or held = given
          or starts_with(held, given || ' ') or starts_with(given, held || ' '))
     -- Another phone is another person, or a question: it is never guessed to be a correction.
     and not exists (select from contacts c
                     where c.org_id = :org_id and c.id = call.contact_id and c.phone <> :phone::text)
   order by held = given desc nulls last, call.call_nth desc
   limit 1)
  union all
  -- By its contact, start and attendee. From another number only a name that was said counts, or
  -- "booked" beside "taken" would tell a stranger who comes when.
  (select 'contact', false,
     a.id, a.contact_id, a.resource, a.service_type, a.scheduled_at, a.duration_minutes, a.attendee_name,
     a.attendee_given, a.call_id, a.call_nth, a.created_at
   from known, appointments a
   where a.org_id = :org_id and a.contact_id = known.id and a.scheduled_at = :scheduled_at
     and booking_fold(coalesce(a.attendee_name, '')) collate "C" = booking_fold(
       coalesce(:name::text, case when :by_own_number::boolean then known.name end, '')) collate "C"
     and a.status in ('pending', 'confirmed')
     and (:name::text is not null or :by_own_number or exists (select from free)))
  limit 1
),
verdict as materialized (
  select exists (select from asked) and not exists (select from standing where key_is_reused) as is_accepted,
         :by_own_number::boolean and (exists (select from standing) or exists (select from free)) as may_replace
),
by_phone as (
  insert into contacts as c (org_id, phone, email, name, lead_status, last_contact_at)
  select :org_id, :phone::text, :email::text, coalesce(:name::text, split_part(:email::text, '@', 1), 'Unknown'),
         'contacted', now()
  from verdict
  where :phone::text is not null and is_accepted
  -- Not DO NOTHING: a row must come back, and a repeat must write to be as durable as the first.
  on conflict (org_id, phone) do update set
    -- Who gives no email or no name must not blank the one we have.
    email = case when (select may_replace from verdict) then coalesce(:email::text, c.email::text)
                 else coalesce(c.email::text, :email::text) end,
    name = case when (select may_replace from verdict) then coalesce(:name::text, c.name::text)
                else coalesce(nullif(nullif(c.name::text, 'Unknown'), split_part(c.email::text, '@', 1)),
                              :name::text, c.name::text) end,
    lead_status = case when c.lead_status is null or c.lead_status = 'new' then 'contacted' else c.lead_status end,
    last_contact_at = excluded.last_contact_at
  returning c.id, c.email::text, c.name::text, c.lead_status::text
),
by_email as (
  -- An email finds its contact, it does not identify the person as a phone does: a name only fills
  -- a gap or a placeholder.
  update contacts c set
    name = coalesce(nullif(nullif(c.name::text, 'Unknown'), split_part(c.email::text, '@', 1)),
                    :name::text, c.name::text),
    lead_status = case when c.lead_status is null or c.lead_status = 'new' then 'contacted' else c.lead_status end,
    last_contact_at = now()
  from verdict
  where c.org_id = :org_id and c.id = :contact_id::uuid and is_accepted
  returning c.id, c.email::text, c.name::text, c.lead_status::text
),
contact as (
  select * from by_phone
  union all
  select * from by_email
),
-- First one that nobody is booking at this moment: behind an uncommitted booking a caller would
-- wait while others are free. The lock is only this hint; the constraint is the guarantee.
picked as (
  (select resource from free
   where not exists (select from standing)
     and pg_try_advisory_xact_lock(hashtextextended(:org_id::text || resource, 0))
   limit 1)
  union all
  (select resource from free where not exists (select from standing))
  limit 1
),
appointment as (
  insert into appointments as a
    (org_id, contact_id, resource, service_type, scheduled_at, duration_minutes, status, attendee_name,
     idempotency_key, created_at, updated_at, call_id, call_nth, attendee_given, by_own_number)
  select :org_id, contact.id, picked.resource, :service_type::text, :scheduled_at, :duration_minutes, 'confirmed',
         coalesce(:name::text, case when :by_own_number then contact.name end),
         :idempotency_key::text, now(), now(), :call_id::text,
         -- Two requests of a call at the same moment see the same number: appointments_call_key lets one in.
         case when :call_id::text is not null
              then (select coalesce(max(call.call_nth), 0) + 1 from call where call.scheduled_at = :scheduled_at) end,
         :name::text is not null, :by_own_number
  from contact, picked
  -- Not an exception: that would need a savepoint, and deadlocks where callers collide.
  on conflict do nothing
  returning a.id, a.contact_id, a.resource, a.service_type, a.scheduled_at, a.duration_minutes, a.attendee_name,
    a.attendee_given, a.call_id, a.call_nth, a.created_at
),
-- What the same person said with more of the name, or with a phone added to an email. Where the
-- contact has an appointment of that name at that start already, that other one is the answer.
mend as materialized (
  select wanted.*, (
      select a.id from appointments a
      where a.org_id = :org_id and a.contact_id = wanted.contact_id and a.scheduled_at = :scheduled_at
        and booking_fold(coalesce(a.attendee_name, '')) collate "C"
          = booking_fold(coalesce(wanted.attendee_name, '')) collate "C"
        and a.status in ('pending', 'confirmed') and a.id <> standing.id
    ) as other_id
  from standing, contact
  cross join lateral (
    select
      case when length(:name::text) > length(standing.attendee_name) or not standing.attendee_given
           then coalesce(:name::text, standing.attendee_name) else standing.attendee_name end as attendee_name,
      standing.attendee_given or :name::text is not null as attendee_given,
      -- An email gives no appointment away that has a phone.
      case when :phone::text is null and exists (
             select from contacts c where c.org_id = :org_id and c.id = standing.contact_id and c.phone is not null)
           then standing.contact_id else contact.id end as contact_id
  ) wanted
  where standing.recognised_by = 'call'
    and (standing.attendee_name, standing.attendee_given, standing.contact_id)
      is distinct from (wanted.attendee_name, wanted.attendee_given, wanted.contact_id)
),
mended as (
  update appointments a
  set attendee_name = mend.attendee_name, attendee_given = mend.attendee_given, contact_id = mend.contact_id,
      updated_at = now()
  from mend, standing
  where a.org_id = :org_id and a.id = standing.id and mend.other_id is null
    -- What another request of the call changed meanwhile is looked at again.
    and a.status in ('pending', 'confirmed')
    and (a.attendee_name, a.attendee_given, a.contact_id)
      is not distinct from (standing.attendee_name, standing.attendee_given, standing.contact_id)
  returning a.id, a.contact_id, a.resource, a.service_type, a.scheduled_at, a.duration_minutes, a.attendee_name,
    a.attendee_given, a.call_id, a.call_nth, a.created_at
),
answer as (
  select true as created, null as recognised_by, appointment.* from appointment
  union all
  select false, 'call', mended.* from mended
  union all
  select false, 'contact', a.id, a.contact_id, a.resource, a.service_type, a.scheduled_at, a.duration_minutes,
         a.attendee_name, a.attendee_given, a.call_id, a.call_nth, a.created_at
  from mend join appointments a on a.org_id = :org_id and a.id = mend.other_id
  union all
  select false, standing.recognised_by, standing.id, standing.contact_id, standing.resource, standing.service_type,
         standing.scheduled_at, standing.duration_minutes, standing.attendee_name, standing.attendee_given,
         standing.call_id, standing.call_nth, standing.created_at
  from standing
  -- No contact was written where the request is refused.
  where exists (select from contact) and not exists (select from mend)
)
select exists (select from standing where key_is_reused) as key_is_reused,
       exists (select from asked) as resource_is_known,
       case when not exists (select from asked)
            then exists (select from resources r where r.org_id = :org_id) end as organization_is_ready,
       exists (select from free) or exists (select from standing) as resource_is_free,
       coalesce(answer.contact_id, contact.id) as contact_id,
       -- What it changed of a contact that was there; under a race it may name one too many.
       case when known.id is not null then array_remove(array[
         case when known.email is distinct from contact.email then 'email' end,
         case when known.name is distinct from contact.name then 'name' end,
         case when known.lead_status is distinct from contact.lead_status then 'lead_status' end
       ], null) else '{}' end as contact_changes,
       answer.id as appointment_id, answer.created, answer.recognised_by, answer.resource, answer.service_type,
       answer.scheduled_at, answer.duration_minutes, answer.attendee_name, answer.attendee_given,
       earlier.at_this_start, earlier.other_start,
       -- Where nothing is booked: for whom this call holds the time already.
       held.attendee_name as held_for
from verdict
left join contact on true
left join known on known.id = contact.id
left join answer on true
-- Only what was booked before it, so that a repeat is answered as the first was.
left join lateral (
  select count(*) filter (where call.scheduled_at = answer.scheduled_at)::integer as at_this_start,
         (array_agg(call.scheduled_at order by call.created_at desc, call.id)
            filter (where call.scheduled_at <> answer.scheduled_at))[1] as other_start
  from call
  where call.id <> answer.id
    and (answer.created
         or case when call.scheduled_at = answer.scheduled_at then call.call_nth < answer.call_nth
                 else call.created_at < answer.created_at end)
) earlier on true
left join lateral (
  select coalesce(call.attendee_name, 'Unknown') as attendee_name from call
  where answer.id is null and call.scheduled_at = :scheduled_at
  order by call.call_nth desc
  limit 1
) held on true;
