-- list_elsewhere: the tables of these names that stand where the search_path does not look, or are no tables.
select c.relname::text as name, c.oid::regclass::text as relation, n.nspname::text as schema,
       case c.relkind when 'v' then 'a view' when 'm' then 'a materialized view' when 'f' then 'a foreign table' end as kind,
       format('alter role %I in database %I set search_path = %I, %s;', current_user, current_database(), n.nspname,
              current_setting('search_path')) as mend
from pg_class c
join pg_namespace n on n.oid = c.relnamespace
where c.relname = any (:tables::text[]) and c.relkind in ('r', 'p', 'v', 'm', 'f')
  and (c.relkind not in ('r', 'p') or to_regclass(c.relname) is null)
  and n.nspname not in ('pg_catalog', 'information_schema') and n.nspname not like 'pg\_temp%'
  -- A view in front of a table that is found does no harm.
  and (to_regclass(c.relname) is null or to_regclass(c.relname) = c.oid)
order by n.nspname, c.relname;
