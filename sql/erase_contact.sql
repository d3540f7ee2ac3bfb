-- erase_contact: what is stored of a person goes; times, resources and listed services stay for the books.
-- Run it behind lock_contact, in one READ COMMITTED transaction: else a booking that is under way would be missed.
-- It returns one row: whether anything changed, how many appointments the contact has, and the starts of those that
-- it cancelled.
with contact as (
  -- A column for names may be NOT NULL, so this is what a contact without a name has.
  update contacts c set phone = null, email = null, name = 'Unknown'
  where c.org_id = :org_id and c.id = :contact_id
    and (c.phone is not null or c.email is not null or c.name::text is distinct from 'Unknown')
  returning c.id
),
theirs as materialized (
  select a.id, a.status in ('pending', 'confirmed') and a.scheduled_at > now() as is_to_come,
         -- Two of one start that stay active need two names: see appointments_contact_start_key.
         case when a.status in ('pending', 'confirmed') and a.scheduled_at <= now()
                and count(*) filter (where a.status in ('pending', 'confirmed')) over (partition by a.scheduled_at) > 1
              then 'Erased ' || a.id end as attendee_name,
         -- A service that is not listed is free text, in which anything may stand.
         case when exists (
           select from services s
           where s.org_id = :org_id and s.folded = booking_fold(a.service_type::text) collate "C"
         ) then a.service_type::text else 'Appointment' end as service_type
  from appointments a
  where a.org_id = :org_id and a.contact_id = :contact_id
),
changed as (
  update appointments a
  set attendee_name = theirs.attendee_name, attendee_given = false, service_type = theirs.service_type,
      idempotency_key = null, call_id = null, call_nth = null,
      status = case when theirs.is_to_come then 'cancelled' else a.status end, updated_at = now()
  from theirs
  where a.org_id = :org_id and a.id = theirs.id
    and (theirs.is_to_come or a.idempotency_key is not null or a.call_id is not null
      or a.attendee_name::text is distinct from theirs.attendee_name
      or a.service_type::text is distinct from theirs.service_type)
  returning a.id, a.scheduled_at, a.resource, theirs.is_to_come
),
calls as (
  update events e set call_id = null
  where e.org_id = :org_id and e.appointment_id in (select theirs.id from theirs) and e.call_id is not null
  returning e.id
),
written as (
  insert into events (org_id, type, appointment_id, actor, data)
  select :org_id::uuid, 'cancelled', id, :actor::text, jsonb_build_object('scheduled_at', scheduled_at, 'resource', resource)
  from changed
  where is_to_come
  union all
  select :org_id::uuid, 'erased', id, :actor::text, '{}'::jsonb from changed
)
select exists (select from contact) or exists (select from changed) or exists (select from calls) as changed,
       (select count(*)::integer from theirs) as appointments,
       array(select changed.scheduled_at from changed where changed.is_to_come order by changed.scheduled_at) as cancelled;
