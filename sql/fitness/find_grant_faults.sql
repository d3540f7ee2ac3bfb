-- find_grant_faults: rights that a booking needs and this role does not have.
select format('grants on %s', needed."table") as what, 'error' as severity,
       format('This role may not %s %s', string_agg(needed.privilege, ', '), needed."table") as problem,
       format('grant %s on %s to %I;', string_agg(needed.privilege, ', '), to_regclass(needed."table"), current_user) as mend
from (values
  ('organizations', 'select'), ('vapi_credentials', 'select'), ('resources', 'select'),
  ('services', 'select'), ('service_resources', 'select'), ('opening_hours', 'select'), ('exceptions', 'select'),
  ('contacts', 'select'), ('contacts', 'insert'), ('contacts', 'update'),
  ('appointments', 'select'), ('appointments', 'insert'), ('appointments', 'update'),
  ('events', 'select'), ('events', 'insert')
) as needed ("table", privilege)
where not has_any_column_privilege(to_regclass(needed."table"), needed.privilege)
group by needed."table"
union all
select format('grants on %s', needed.function::regproc), 'error', format('This role may not execute %s', needed.function::regproc),
       format('grant execute on function %s to %I;', needed.function, current_user)
from unnest(array[
  to_regprocedure('booking_fold(text)'), to_regprocedure('booking_span(timestamptz, integer, integer, integer)')
]) as needed (function)
where not has_function_privilege(needed.function, 'execute')
order by what;
