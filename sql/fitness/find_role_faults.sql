-- find_role_faults: the reasons why `schema --grant` can't grant anything to this role.
select 'role' as what, 'error' as severity,
       format('There is no role %I on this server', :role::text) as problem,
       format('create role %I login;', :role::text) as mend
where not exists (select from pg_roles where rolname = :role::text);
