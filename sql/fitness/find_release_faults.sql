-- find_release_faults: keys of appointments that an older release made and this one defines otherwise.
select 'schema' as what, 'error' as severity,
       format('An older release made these tables, with another %s', string_agg(i.relname, ' and ' order by i.relname))
         as problem,
       '-- booking-asgi schema --upgrade' as mend
from pg_index x
join pg_class i on i.oid = x.indexrelid
cross join lateral (
  select string_agg(pg_get_indexdef(x.indexrelid, k, true), ', ' order by k) as columns
  from generate_series(1, x.indnkeyatts) k
) key
where x.indrelid = to_regclass('appointments')
  -- An upgrade does not mend what an interrupted adoption of an older release left behind.
  and to_regclass('resources') is not null and to_regclass('vapi_credentials') is not null and (
  i.relname = 'appointments_contact_start_key' and key.columns like 'org_id, contact_id, scheduled_at, lower(%'
  or i.relname = 'appointments_resource_excl' and x.indisexclusion
     and key.columns like 'org_id, tsrange(%make_interval(mins => COALESCE(duration_minutes, 30)%, resource'
)
having count(*) > 0;
