-- list_role_grants: the SQL with which the owner of the tables gives a role the rights that it lacks for serving.
with role as (
  select oid, rolname from pg_roles where rolname = :role::text
),
ours as (
  select to_regclass(name) as "table", privileges
  from (values
    ('organizations', array['select']),
    ('vapi_credentials', array['select']),
    ('resources', array['select']),
    ('services', array['select']),
    ('service_resources', array['select']),
    ('opening_hours', array['select']),
    ('exceptions', array['select']),
    ('booking_migrations', array['select']),
    ('contacts', array['select', 'insert', 'update']),
    ('appointments', array['select', 'insert', 'update']),
    ('events', array['select', 'insert'])
  ) as needed (name, privileges)
),
changes as (
  select 1 as turn, format('grant usage on schema %I to %I', n.nspname, rolname) as change
  from role, pg_namespace n
  where n.oid in (select c.relnamespace from ours join pg_class c on c.oid = ours."table")
    and not has_schema_privilege(role.oid, n.oid, 'usage')
  union all
  select 2, format('grant %s on %s to %I', string_agg(privilege, ', '), "table", rolname)
  from role, ours, unnest(privileges) as privilege
  where not has_table_privilege(role.oid, "table", privilege)
  group by "table", rolname
  union all
  select 3, format('grant update (last_used_at) on vapi_credentials to %I', rolname)
  from role
  where not has_column_privilege(role.oid, 'vapi_credentials', 'last_used_at', 'update')
  union all
  -- A column of the user's own may take its default from a sequence. An identity column needs no privilege.
  select 4, format('grant usage on sequence %s to %I', s.oid::regclass, rolname)
  from role, ours
  join pg_depend d on d.refclassid = 'pg_class'::regclass and d.refobjid = "table" and d.deptype = 'a'
  join pg_class s on d.classid = 'pg_class'::regclass and s.oid = d.objid and s.relkind = 'S'
  where 'insert' = any(privileges) and not has_sequence_privilege(role.oid, s.oid, 'usage')
  union all
  select 5, format('grant execute on function %s to %I', function, rolname)
  from role, unnest(array[
    'booking_fold(text)', 'booking_span(timestamptz, integer, integer, integer)'
  ]::regprocedure[]) as function
  where not has_function_privilege(role.oid, function, 'execute')
  union all
  select 6, format('create policy %I on %s to %I using (true) with check (true)', 'booking_' || rolname, "table", rolname)
  from role, ours
  where not exists (select from pg_policy where polrelid = "table" and polname = ('booking_' || rolname)::name)
)
select change from changes order by turn, change;
