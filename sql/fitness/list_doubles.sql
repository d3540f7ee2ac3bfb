-- list_doubles: active appointments beside another one of the same contact, start and attendee, the nearest first.
-- Also those of the same number in a call, and of the same idempotency key. The kept one is not listed.
with active as (
  select a.id, a.org_id, a.contact_id, a.scheduled_at,
         a.scheduled_at + make_interval(mins => coalesce(a.duration_minutes, 30)) <= now() as is_over, a.created_at,
         -- As JSON, for there may be no such columns yet.
         booking_fold(coalesce(to_jsonb(a) ->> 'attendee_name', '')) collate "C" as attendee,
         to_jsonb(a) ->> 'call_id' as call_id, to_jsonb(a) ->> 'call_nth' as call_nth,
         to_jsonb(a) ->> 'idempotency_key' as idempotency_key
  from appointments a
  where a.status::text in ('pending', 'confirmed') and a.org_id is not null
),
double as (
  select 'appointments_contact_start_key' as what, active.*, first_value(id) over same as kept
  from active
  where contact_id is not null and scheduled_at is not null
  window same as (partition by org_id, contact_id, scheduled_at, attendee order by is_over, created_at, id)
  union all
  select 'appointments_call_key', active.*, first_value(id) over same
  from active
  where call_id is not null and scheduled_at is not null and call_nth is not null
  window same as (partition by org_id, call_id, scheduled_at, call_nth order by is_over, created_at, id)
  union all
  select 'appointments_idempotency_key', active.*, first_value(id) over same
  from active
  where idempotency_key is not null
  window same as (partition by org_id, idempotency_key order by is_over, created_at, id)
)
select what, id, kept, org_id, contact_id, attendee, scheduled_at as starts_at, coalesce(is_over, false) as is_over
from double
where id <> kept
order by is_over, abs(extract(epoch from scheduled_at - now())), id;
