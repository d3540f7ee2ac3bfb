-- find_lock_down_faults: roles that can book now and no longer could under row-level security.
select 'role' as what, 'error' as severity,
       format('The role %I can book, and no policy of %s gives it rows: row-level security would stop it: '
              'booking-asgi schema --grant %1$I',
              r.rolname, string_agg(c.oid::regclass::text, ', ' order by c.relname)) as problem,
       null as mend
from pg_roles r
cross join unnest(array[
  'organizations', 'contacts', 'resources', 'services', 'service_resources', 'opening_hours', 'exceptions',
  'appointments', 'events', 'vapi_credentials'
]) as name
join pg_class c on c.oid = to_regclass(name)
where r.rolcanlogin and not r.rolsuper and not r.rolbypassrls and not pg_has_role(r.oid, c.relowner, 'usage')
  and has_table_privilege(r.oid, to_regclass('vapi_credentials'), 'select')
  and has_any_column_privilege(r.oid, to_regclass('appointments'), 'insert')
  and not exists (
    select from pg_policy p
    where p.polrelid = c.oid and p.polpermissive
      and exists (select from unnest(p.polroles) as role where role = 0 or pg_has_role(r.oid, role, 'usage'))
  )
group by r.rolname
order by r.rolname;
