-- find_foreign_tables: tables that have the name of one of ours, and that another application made.
-- Ours are made in the first schema of the search_path. So a schema of their own keeps both.
select ours.name as what, 'error' as severity,
       format('There is a table %s already, which is none of ours. Give our tables a schema of their own, in which '
              'this role and the one that serves look first. Connect again after that', theirs."table") as problem,
       format('create schema if not exists booking; alter role %I in database %I set search_path = booking, %s;',
              current_user, current_database(), current_setting('search_path')) as mend
from (values
  ('services', 'services_folded_key'), ('service_resources', 'service_resources_service_fkey'),
  ('opening_hours', 'opening_hours_weekday_check'), ('exceptions', 'exceptions_during_check'),
  ('events', 'events_type_check')
) as ours (name, mark)
cross join lateral (select to_regclass(format('%I.%I', current_schema(), ours.name)) as "table") theirs
where theirs."table" is not null
  and not exists (select from pg_constraint where conrelid = theirs."table" and conname = ours.mark)
order by ours.name;
