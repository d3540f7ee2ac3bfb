-- find_release: whether the tables record their migrations, are of the release that had none, or are not ours.
-- The result is null if the tables are not ours, or if this role may not read which migrations they had.
select case
  when to_regclass('booking_migrations') is not null then
    case when has_table_privilege(to_regclass('booking_migrations'), 'select')
           and (not row_security_active(to_regclass('booking_migrations')) or exists (
             select from pg_policy p, unnest(p.polroles) as role
             where p.polrelid = to_regclass('booking_migrations') and p.polpermissive and p.polcmd in ('*', 'r')
               and (role = 0 or pg_has_role(role, 'usage'))))
         then 'migrated' end
  when to_regclass('vapi_credentials') is not null and to_regclass('resources') is not null
    and exists (select from pg_attribute where attrelid = to_regclass('appointments') and attname = 'idempotency_key')
    and not exists (select from pg_attribute where attrelid = to_regclass('appointments') and attname = 'call_id')
    then 'baseline'
end;
