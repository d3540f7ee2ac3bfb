-- book: one contact and one appointment, in one round trip, whoever calls and however often.
-- The contact is that of the phone, else that of the contact_id which an email found; the other is null.
-- It returns one row:
--   key_is_reused: the idempotency key is another request's, and nothing was written
--   resource_is_known is false: the organization has no resource of this very name, and nothing was
--     written
--   limit_reached is 'call' or 'contact': it holds as many appointments as most_per_call or
--     most_per_contact, and nothing was written; null for either is no limit
--   appointment_id: the appointment that stands; created says whether this statement made it, else
--     recognised_by says how it was found
--   no appointment_id, closed_by is not null: nothing is open then, by the opening 'hours', by a
--     'closure', or since the service must be booked with more 'notice'
--   no appointment_id, resource_is_free is false: every resource that is open is taken
--   no appointment_id, resource_is_free is true: another caller took it at this moment; run it again
-- Most of its cost is setting up the plan, whichever parts are run: each part costs 2 to 4 %.
--
-- The resources that can be meant, whether each is open, and what the clinic has set for the service. A
-- service that is not listed is as the request says.
with asked as materialized (
  select r.resource, coalesce(s.service, :service_type::text) as service_type,
    coalesce(s.duration_minutes, :duration_minutes) as duration_minutes,
    coalesce(s.buffer_before_minutes, 0) as buffer_before_minutes,
    coalesce(s.buffer_after_minutes, 0) as buffer_after_minutes,
    case
      when :scheduled_at < now() + make_interval(mins => s.notice_minutes) then 'notice'
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
    end as openness
  from organizations o
  left join services s
    -- IS TRUE keeps it from an index: nothing is folded where no service is listed.
    on s.org_id = o.id and (s.folded = (select booking_fold(:service_type::text) collate "C")) is true
  cross join lateral (
    select (:scheduled_at::timestamptz at time zone o.timezone)::date as day,
           :scheduled_at::timestamptz + make_interval(mins => coalesce(s.duration_minutes, :duration_minutes)) as ends
    -- Worked out once, and not for each row of the hours.
    offset 0
  ) at
  join resources r
    on r.org_id = o.id and r.active and r.resource = coalesce(:resource::text, r.resource)
  where o.id = :org_id
    and (s.service is null or coalesce((
      select bool_or(d.resource = r.resource) from service_resources d
      where d.org_id = :org_id and d.service = s.service), true))
),
-- The contact as it was before.
known as (
  select c.id, c.email::text, c.name::text, c.lead_status::text
  from contacts c
  where c.org_id = :org_id and c.id = coalesce(
    (select p.id from contacts p where p.org_id = :org_id and p.phone = :phone::text), :contact_id::uuid)
),
-- The active appointments of the contact at this start, for any attendee.
held as (
  select a.id, a.contact_id, a.resource, a.service_type, a.scheduled_at, a.duration_minutes, a.attendee_name,
    a.attendee_given, booking_fold(coalesce(a.attendee_name, '')) collate "C" as folded, known.name as contact_name
  from known, appointments a
  where a.org_id = :org_id and a.contact_id = known.id and a.scheduled_at = :scheduled_at
    and a.status in ('pending', 'confirmed')
),
-- The active appointments of this call, at any start.
call as (
  select a.id, a.contact_id, a.resource, a.service_type, a.scheduled_at, a.duration_minutes, a.attendee_name,
    a.attendee_given, a.call_nth, a.created_at
  from appointments a
  where a.org_id = :org_id and a.call_id = :call_id::text and a.status in ('pending', 'confirmed')
),
free as materialized (
  select asked.* from asked
  -- Not NOT EXISTS: with a limit the planner expects one row whatever the time is, so that it
  -- keeps the plan; else it plans each booking anew, which takes longer than to book.
  where openness = 'open' and (
    select true from appointments a
    where a.org_id = :org_id and a.resource = asked.resource and a.status in ('pending', 'confirmed')
      and booking_span(a.scheduled_at, a.duration_minutes, a.buffer_before_minutes, a.buffer_after_minutes)
       && booking_span(:scheduled_at::timestamptz, asked.duration_minutes, asked.buffer_before_minutes, asked.buffer_after_minutes)
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
     a.attendee_given, null as fuller_name, false as changes_contact
   from appointments a
   where a.org_id = :org_id and a.idempotency_key = :idempotency_key::text and a.status in ('pending', 'confirmed'))
  union all
  -- By its call: the same start, and the same person as far as names tell. Another phone is another
  -- person, or a question: it is never guessed to be a correction.
  (select 'call', false,
     call.id, call.contact_id, call.resource, call.service_type, call.scheduled_at, call.duration_minutes,
     call.attendee_name, call.attendee_given,
     case when length(:name::text) > length(attendee_name) or not attendee_given then :name::text end,
     -- A phone added to an email; an email gives no appointment away that has a phone.
     phone is null and contact_id is distinct from (select known.id from known)
       and not exists (select from held where held.folded = call.folded)
   from (
     select call.*, booking_fold(coalesce(call.attendee_name, '')) collate "C" as folded, booking_fold(:name::text) collate "C" as given,
       (select c.phone::text from contacts c where c.org_id = :org_id and c.id = call.contact_id) as phone
     from call
     where call.scheduled_at = :scheduled_at
     offset 0
   ) call
   where (given is null or not attendee_given or folded = given
          or starts_with(folded, given || ' ') or starts_with(given, folded || ' '))
     and coalesce(phone = :phone::text, true)
     -- Where the contact holds one of that very name beside it, that other one is the answer.
     and not exists (select from held where held.folded = given and held.id <> call.id)
   order by folded = given desc nulls last, call_nth desc
   limit 1)
  union all
  -- By its contact, start and attendee. From another number only a name that was said counts, or
  -- "booked" beside "taken" would tell a stranger who comes when.
  (select 'contact', false,
     held.id, held.contact_id, held.resource, held.service_type, held.scheduled_at, held.duration_minutes,
     held.attendee_name, held.attendee_given, null, false
   from held
   where held.folded = booking_fold(
       coalesce(:name::text, case when :by_own_number::boolean then held.contact_name end, '')) collate "C"
     and (:name::text is not null or :by_own_number or exists (select from free)))
  limit 1
),
verdict as materialized (
  -- The resource of a repeat may have left meanwhile.
  select asked.is_known or coalesce(standing.resource = coalesce(:resource::text, standing.resource), false)
           as resource_is_known,
         case when standing.id is null then asked.closed_by end as closed_by, asked.duration_minutes,
         coalesce(standing.key_is_reused, false) as key_is_reused,
         standing.id is not null as stands, standing.id is not null or exists (select from free) as resource_is_free,
         case
           when standing.id is not null then null
           when (select count(*) from call) >= :most_per_call::integer then 'call'
           when :most_per_contact::integer is not null and (
             select count(*) from (
               select from known, appointments a
               where a.org_id = :org_id and a.contact_id = known.id and a.scheduled_at > now()
                 and a.status in ('pending', 'confirmed')
                 -- Or a stranger who books for a number could lock its owner out.
                 and (a.by_own_number or not :by_own_number)
               limit :most_per_contact::integer
             ) future
           ) >= :most_per_contact::integer then 'contact'
         end as limit_reached
  from (
    select count(*) > 0 as is_known, min(duration_minutes) as duration_minutes,
      -- It is a closure only where that keeps all of them closed.
      case when not bool_or(openness = 'open') then max(openness) end as closed_by
    from asked
  ) asked
  left join standing on true
),
by_phone as (
  insert into contacts as c (org_id, phone, email, name, lead_status, last_contact_at)
  select :org_id, :phone::text, :email::text, coalesce(:name::text, split_part(:email::text, '@', 1), 'Unknown'),
         'contacted', now()
  from verdict
  where :phone::text is not null and resource_is_known and not key_is_reused and limit_reached is null
  -- Not DO NOTHING: a row must come back, and a repeat must write to be as durable as the first.
  on conflict (org_id, phone) do update set
    -- Who gives no email or no name must not blank the one we have. Only the owner replaces one, and
    -- only who gets the appointment; anyone fills a gap.
    (email, name) = (
      select case when :by_own_number and resource_is_free then coalesce(:email::text, c.email::text)
                  else coalesce(c.email::text, :email::text) end,
             case when :by_own_number and resource_is_free then coalesce(:name::text, c.name::text)
                  else coalesce(nullif(nullif(c.name::text, 'Unknown'), split_part(c.email::text, '@', 1)),
                                :name::text, c.name::text) end
      from verdict
    ),
    lead_status = case when c.lead_status is null or c.lead_status = 'new' then 'contacted' else c.lead_status end,
    last_contact_at = excluded.last_contact_at
  returning c.id, c.email::text, c.name::text, c.lead_status::text
),
contact as (
  select * from by_phone
  union all
  select known.* from known, verdict
  where :phone::text is null and resource_is_known and not key_is_reused and limit_reached is null
),
-- First one that nobody is booking at this moment: behind an uncommitted booking a caller would
-- wait while others are free. The lock is only this hint; the constraint is the guarantee.
picked as (
  (select * from free
   where pg_try_advisory_xact_lock(hashtextextended(:org_id::text || resource, 0))
   limit 1)
  union all
  (select * from free)
  limit 1
),
appointment as (
  insert into appointments as a
    (org_id, contact_id, resource, service_type, scheduled_at, duration_minutes, status, attendee_name,
     idempotency_key, created_at, updated_at, call_id, call_nth, attendee_given, by_own_number,
     buffer_before_minutes, buffer_after_minutes, found_by_email)
  select :org_id, contact.id, picked.resource, picked.service_type, :scheduled_at, picked.duration_minutes, 'confirmed',
         coalesce(:name::text, case when :by_own_number then contact.name end),
         :idempotency_key::text, now(), now(), :call_id::text,
         -- Two requests of a call at the same moment see the same number: appointments_call_key lets one in.
         case when :call_id::text is not null
              then (select coalesce(max(call.call_nth), 0) + 1 from call where call.scheduled_at = :scheduled_at) end,
         :name::text is not null, :by_own_number, picked.buffer_before_minutes, picked.buffer_after_minutes,
         :phone::text is null
  from verdict, contact, picked
  where not stands
  -- Not an exception: that would need a savepoint, and deadlocks where callers collide.
  on conflict do nothing
  returning a.id, a.contact_id, a.resource, a.service_type, a.scheduled_at, a.duration_minutes, a.attendee_name,
    a.attendee_given
),
-- What the same person said with more of the name, or with a phone added to an email.
mended as (
  update appointments a
  set attendee_name = coalesce(fuller_name, a.attendee_name),
      attendee_given = a.attendee_given or :name::text is not null,
      contact_id = case when changes_contact then contact.id else a.contact_id end,
      found_by_email = a.found_by_email and not (changes_contact and :phone::text is not null),
      updated_at = now()
  from standing, contact
  where a.org_id = :org_id and a.id = standing.id and (fuller_name is not null or changes_contact)
    -- What another request of the call changed meanwhile is looked at again.
    and a.status in ('pending', 'confirmed')
    and (a.attendee_name, a.attendee_given, a.contact_id)
      is not distinct from (standing.attendee_name, standing.attendee_given, standing.contact_id)
  returning a.id, a.contact_id, a.attendee_name, a.attendee_given
),
event as (
  insert into events (org_id, type, appointment_id, actor, call_id, data)
  select :org_id::uuid, 'booked', id, :actor::text, :call_id::text,
         jsonb_build_object('scheduled_at', scheduled_at, 'duration_minutes', duration_minutes, 'resource', resource)
  from appointment
  union all
  select :org_id::uuid, 'mended', mended.id, :actor::text, :call_id::text,
         jsonb_build_object('name', fuller_name is not null, 'contact', changes_contact)
  from mended cross join standing
),
answer as (
  select true as created, null as recognised_by, appointment.* from appointment
  union all
  select false, recognised_by, standing.id, coalesce(mended.contact_id, standing.contact_id), resource, service_type,
         scheduled_at, duration_minutes, coalesce(mended.attendee_name, standing.attendee_name),
         coalesce(mended.attendee_given, standing.attendee_given)
  from standing left join mended on true
  where mended.id is not null or (fuller_name is null and not changes_contact)
)
select verdict.key_is_reused, verdict.resource_is_known, verdict.closed_by, verdict.resource_is_free,
       verdict.limit_reached,
       coalesce(answer.contact_id, contact.id) as contact_id,
       -- What it changed of a contact that was there; under a race it may name one too many.
       case when known.id is not null then array_remove(array[
         case when known.email is distinct from contact.email then 'email' end,
         case when known.name is distinct from contact.name then 'name' end,
         case when known.lead_status is distinct from contact.lead_status then 'lead_status' end
       ], null) end as contact_changes,
       answer.id as appointment_id, answer.created, answer.recognised_by, answer.resource, answer.service_type,
       answer.scheduled_at, answer.duration_minutes, answer.attendee_name, answer.attendee_given,
       coalesce(answer.duration_minutes = verdict.duration_minutes, true) as is_as_long,
       exists (select from resources r where r.org_id = :org_id and r.active and r.resource <> answer.resource) as is_one_of_several,
       array(select (call.id, call.scheduled_at, call.call_nth, call.created_at, call.attendee_name) from call) as call
from verdict
left join contact on true
left join known on true
left join answer on contact.id is not null;
