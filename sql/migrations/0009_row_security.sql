-- Row-level security on the tables that we made, so that no role reads or writes them which nobody
-- meant to: Supabase grants all on each new table to its role anon.
-- Each role that was granted something and logs in, or through which others log in, keeps what it has
-- by a policy. Where PUBLIC was granted something, nobody can tell who relies on it: that table stays
-- as it is, and `booking-asgi check` says so. A policy must be there before the table is locked down.
do $$
declare
  change text;
begin
  for change in
    with made as (
      select c.oid, c.oid::regclass as "table", c.relowner, c.relacl
      from (values
        ('resources', null, null), ('vapi_credentials', null, null), ('booking_migrations', null, null),
        -- These may be the user's own. Only our SQL gives them such a constraint.
        ('organizations', 'organizations', 'organizations_phone_region_check'),
        ('contacts', 'contacts', 'contacts_org_fkey'), ('appointments', 'contacts', 'contacts_org_fkey')
      ) as ours (name, marked, mark)
      join pg_class c on c.oid = to_regclass(ours.name) and not c.relrowsecurity
      where ours.mark is null
         or exists (select from pg_constraint where conrelid = to_regclass(ours.marked) and conname = ours.mark)
    ),
    granted as (
      select made.oid, made."table", acl.grantee, acl.privileges, r.rolname,
        exists (
          select from pg_roles login
          where login.rolcanlogin and pg_has_role(login.oid, acl.grantee, 'usage')
            and not (login.rolsuper or login.rolbypassrls or pg_has_role(login.oid, made.relowner, 'usage'))
        ) as logs_in
      from made
      cross join lateral (
        select grantee, string_agg(privilege_type, ', ') filter (
          where privilege_type not in ('SELECT', 'INSERT', 'UPDATE', 'DELETE')) as privileges
        from (
          select grantee, privilege_type from aclexplode(made.relacl)
          union
          select a.grantee, a.privilege_type from pg_attribute, aclexplode(attacl) a where attrelid = made.oid
        ) each
        group by grantee
      ) acl
      left join pg_roles r on r.oid = acl.grantee
      where acl.grantee <> made.relowner and not coalesce(r.rolsuper or r.rolbypassrls, false)
    ),
    closing as (
      select * from made where not exists (select from granted where granted.oid = made.oid and grantee = 0)
    )
    select format('create policy %I on %s to %I using (true) with check (true)', 'booking_' || rolname, "table", rolname)
    from granted
    where logs_in and oid in (select oid from closing)
      and not exists (select from pg_policy where polrelid = granted.oid and polname = ('booking_' || rolname)::name)
    union all
    -- Row-level security holds back none of these, such as TRUNCATE and TRIGGER.
    select format('revoke %s on %s from %I', privileges, "table", rolname)
    from granted
    where privileges is not null and not logs_in and oid in (select oid from closing)
    union all
    select format('alter table %s enable row level security', "table") from closing
  loop
    execute change;
  end loop;
end
$$;
