-- find_grant_faults: what a booking does and this role may not do.
select format('grants on %s', needed."table") as what, 'error' as severity,
       format('This role may not %s %s', string_agg(needed.privilege, ', '), needed."table") as problem,
       format('grant %s on %s to %I;', string_agg(needed.privilege, ', '), to_regclass(needed."table"), current_user) as mend
from (values
  ('organizations', 'select'), ('vapi_credentials', 'select'), ('resources', 'select'),
  ('contacts', 'select'), ('contacts', 'insert'), ('contacts', 'update'),
  ('appointments', 'select'), ('appointments', 'insert')
) as needed ("table", privilege)
where not has_any_column_privilege(to_regclass(needed."table"), needed.privilege)
group by needed."table"
order by needed."table";
