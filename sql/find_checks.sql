-- find_checks: each CHECK of the tables, and a query that tells whether a row, as JSON, passes it.
select r.name as "table", quote_ident(c.conname) as name, used.columns,
       pg_get_expr(c.conbin, c.conrelid) as expression,
       format('alter table %s drop constraint %I', c.conrelid::regclass, c.conname) as drop,
       format('select %s from (select %s) as %I', pg_get_expr(c.conbin, c.conrelid), used.sample, r.name) as probe
from unnest(:tables::text[]) as r (name)
join pg_constraint c on c.conrelid = to_regclass(r.name) and c.contype = 'c'
cross join lateral (
  select coalesce(array_agg(a.attname::text), '{}') as columns,
         -- What the row does not say is the column's default.
         string_agg(format('case when $1::jsonb ? %1$L then ($1::jsonb ->> %1$L)::%2$s else %3$s end as %1$I',
                           a.attname, format_type(a.atttypid, a.atttypmod),
                           coalesce(case when a.attgenerated = '' then pg_get_expr(d.adbin, d.adrelid) end, 'null')),
                    ', ') as sample
  from unnest(c.conkey) as k (attnum)
  join pg_attribute a on a.attrelid = c.conrelid and a.attnum = k.attnum
  left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
) used
-- A column of PostgreSQL 18; before, each one is enforced.
where coalesce((to_jsonb(c) ->> 'conenforced')::boolean, true)
order by r.name, c.conname;
