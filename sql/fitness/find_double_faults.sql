-- find_double_faults: active appointments that share contact, start and attendee, or their number in a call, or an idempotency key.
with active as (
  -- Columns are read through JSON, because the table may not have them yet.
  select a.id, a.org_id, a.contact_id, a.scheduled_at,
         booking_fold(coalesce(to_jsonb(a) ->> 'attendee_name', '')) collate "C" as attendee,
         to_jsonb(a) ->> 'call_id' as call_id, to_jsonb(a) ->> 'call_nth' as call_nth,
         to_jsonb(a) ->> 'idempotency_key' as idempotency_key
  from appointments a
  where a.status::text in ('pending', 'confirmed') and a.org_id is not null
),
double as (
  select 'appointments_contact_start_key' as what, min(scheduled_at) as starts, array_agg(id order by id) as ids
  from active
  where contact_id is not null and scheduled_at is not null
  group by org_id, contact_id, scheduled_at, attendee
  having count(*) > 1
  union all
  select 'appointments_call_key', min(scheduled_at), array_agg(id order by id)
  from active
  where call_id is not null and scheduled_at is not null and call_nth is not null
  group by org_id, call_id, scheduled_at, call_nth
  having count(*) > 1
  union all
  select 'appointments_idempotency_key', min(scheduled_at), array_agg(id order by id)
  from active
  where idempotency_key is not null
  group by org_id, idempotency_key
  having count(*) > 1
),
listed as (
  select double.*, count(*) over (partition by what) as doubles,
         row_number() over (partition by what order by starts, ids) as number
  from double
)
select what, 'error' as severity,
       format('%s times there are several active appointments where one is meant: %s', max(doubles),
              string_agg(format('%s at %sZ', array_to_string(ids[1 : 5], ' and '), starts at time zone 'UTC'), ', '
                         order by number)) as problem,
       '-- Keep one of each, and cancel the others.' as mend
from listed
where number <= 20
group by what
order by what;
