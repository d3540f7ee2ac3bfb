-- list_triggers: those of the database's own on the tables that a booking writes.
select string_agg(tgname || ' on ' || tgrelid::regclass, ', ' order by tgname) as names
from pg_trigger
where not tgisinternal
  and tgrelid in (to_regclass('organizations'), to_regclass('contacts'), to_regclass('resources'),
                  to_regclass('appointments'));
