-- list_open_tables: tables that a role can read or write past row-level security, and the SQL that ends it.
-- A role that got its policy from `schema --grant` is meant to have access, and so is the role that asks.
with ours as (
  select c.oid, c.oid::regclass as "table", c.relowner, c.relacl, c.relnamespace, c.relrowsecurity
  from unnest(array[
    'organizations', 'contacts', 'resources', 'services', 'service_resources', 'opening_hours', 'exceptions',
    'appointments', 'events', 'vapi_credentials', 'booking_migrations'
  ]) as name
  -- A role can read a partition by its own name; then only the partition's own row-level security counts.
  cross join lateral (
    select to_regclass(name) as oid union select relid from pg_partition_tree(to_regclass(name))
  ) tree
  join pg_class c on c.oid = tree.oid
),
granted as (
  select ours.oid, acl.grantee, coalesce(quote_ident(r.rolname), 'PUBLIC') as role, acl.privilege_type
  from ours
  cross join lateral (
    select grantee, privilege_type from aclexplode(ours.relacl)
    union
    select a.grantee, a.privilege_type from pg_attribute, aclexplode(attacl) a where attrelid = ours.oid
  ) acl
  left join pg_roles r on r.oid = acl.grantee
  where acl.grantee <> ours.relowner and not coalesce(r.rolsuper or r.rolbypassrls, false)
    and not (ours.relrowsecurity and acl.privilege_type in ('SELECT', 'INSERT', 'UPDATE', 'DELETE'))
    and (acl.grantee = 0 or (
      has_schema_privilege(acl.grantee, ours.relnamespace, 'usage')
      and not (pg_has_role(acl.grantee, 'usage') and not pg_has_role(ours.relowner, 'usage'))
      and not exists (select from pg_policy where polrelid = ours.oid and polname = ('booking_' || r.rolname)::name)))
),
roles as (
  select granted.oid, grantee, role, 
    string_agg(privilege_type, ', ' order by privilege_type)
      filter (where privilege_type not in ('SELECT', 'INSERT', 'UPDATE', 'DELETE')) as unheld,
    -- Nobody logs in as PUBLIC or as the role of an API. Any other role was granted access on purpose.
    not exists (
      select from pg_roles login
      where grantee <> 0 and login.rolcanlogin and pg_has_role(login.oid, grantee, 'usage')
        and not (login.rolsuper or login.rolbypassrls or pg_has_role(login.oid, ours.relowner, 'usage'))
    ) as is_strange
  from granted join ours on ours.oid = granted.oid
  group by granted.oid, grantee, role, ours.relowner
)
select "table"::text as "table", relrowsecurity as is_secured,
       coalesce(string_agg(role, ', ' order by role), '') as roles, coalesce(bool_or(is_strange), false) as is_strange,
       concat_ws(' ',
         case when not relrowsecurity then format('alter table %s enable row level security;', "table") end,
         string_agg(format('revoke %s on %s from %s;', unheld, "table", role), ' ' order by role)
           filter (where unheld is not null)
       ) as change
from ours left join roles on roles.oid = ours.oid
where not relrowsecurity or role is not null
group by "table", relrowsecurity
order by "table"::text;
