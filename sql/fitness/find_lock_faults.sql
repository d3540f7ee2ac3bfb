-- find_lock_faults: a finding if there are so many active appointments that adding the constraint delays bookings.
with size as (
  -- An appointment that has a resource is compared with the others while the table is locked; see adopt.sql.
  select count(*) as active, count(to_jsonb(a) ->> 'resource') as compared
  from appointments a
  where a.status::text in ('pending', 'confirmed')
)
select '--lock' as what, 'error' as severity,
       format('%s active appointments: every booking waits for about %s s while appointments_resource_excl is built',
              active, round((active * 0.03 + compared * 0.12) / 1000.0)) as problem,
       '-- At a quiet hour: booking-asgi schema --adopt --lock' as mend
from size
where active + compared * 2 > 20000
  and not exists (select from pg_constraint
                  where conrelid = 'appointments'::regclass and conname = 'appointments_resource_excl');
