-- find_owner_faults: tables that this role may not alter, because it neither owns them nor has the owner's rights.
select 'owner' as what, 'error' as severity,
       format('%s belongs to the role %I: connect as that role', string_agg(c.oid::regclass::text, ', ' order by c.relname),
              pg_get_userbyid(c.relowner)) as problem,
       null::text as mend
from unnest(array[
  'organizations', 'contacts', 'resources', 'services', 'service_resources', 'opening_hours', 'exceptions',
  'appointments', 'events', 'vapi_credentials', 'booking_migrations'
]) as name
join pg_class c on c.oid = to_regclass(name)
where not pg_has_role(c.relowner, 'usage')
group by c.relowner
order by c.relowner;
