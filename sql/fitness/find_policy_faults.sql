-- find_policy_faults: tables whose row-level security hides rows from this role, or may.
with command as (
  select needed."table",
         coalesce(bool_or(p.polpermissive), false) as is_permitted,
         coalesce(bool_or(p.polpermissive and rule.is_open), false) as is_open,
         coalesce(bool_or(not p.polpermissive and not rule.is_open), false) as is_restricted,
         string_agg(quote_ident(p.polname), ', ') filter (where not rule.is_open) as policies
  from (values
    ('organizations', 'r'), ('vapi_credentials', 'r'), ('resources', 'r'),
    ('services', 'r'), ('service_resources', 'r'), ('opening_hours', 'r'), ('exceptions', 'r'),
    ('contacts', 'r'), ('contacts', 'a'), ('contacts', 'w'),
    ('appointments', 'r'), ('appointments', 'a'), ('appointments', 'w'),
    ('events', 'r'), ('events', 'a')
  ) as needed ("table", command)
  left join pg_policy p on p.polrelid = to_regclass(needed."table") and p.polcmd in ('*', needed.command)
    and exists (select from unnest(p.polroles) as role where role = 0 or pg_has_role(role, 'usage'))
  left join lateral (
    select coalesce(pg_get_expr(p.polqual, p.polrelid), 'true') = 'true'
           and coalesce(pg_get_expr(p.polwithcheck, p.polrelid), 'true') = 'true' as is_open
  ) rule on true
  where row_security_active(to_regclass(needed."table"))
  group by needed."table", needed.command
)
select format('row security on %s', "table") as what,
       case when bool_and(is_permitted) then 'warning' else 'error' end as severity,
       case when bool_and(is_permitted)
            then format('Of %s this role has the rows that %s gives it, and no session state is set for a policy to read',
                        "table", max(policies))
            else format('No policy of %s gives this role its rows', "table") end as problem,
       -- If a restrictive policy hides a row, no other policy can show it.
       case when not bool_or(is_restricted)
            then format('create policy %I on %s to %I using (true) with check (true);',
                        'booking_' || current_user, to_regclass("table"), current_user) end as mend
from command
group by "table"
having not bool_and(is_open and not is_restricted)
order by "table";
