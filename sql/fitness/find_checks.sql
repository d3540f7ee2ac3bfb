-- find_checks: each CHECK and NOT NULL of the tables and of their columns' domains, and a query that tells which rows pass it.
-- The query takes rows as a JSON array and returns the numbers of those that pass.
with recursive typed as (
  select r.name as "table", a.attrelid, a.attnum, a.attname::text as "column", a.atttypid as type,
         a.attnotnull and not exists (
           -- Since PostgreSQL 18 a NOT NULL constraint may be NOT VALID.
           select from pg_constraint n
           where n.conrelid = a.attrelid and n.contype = 'n' and n.conkey = array[a.attnum] and not n.convalidated
         ) as is_required,
         -- A column that the row leaves out gets its default.
         coalesce(case when a.attgenerated = '' then pg_get_expr(d.adbin, d.adrelid) end, 'null') as fallback
  from unnest(:tables::text[]) as r (name)
  join pg_attribute a on a.attrelid = to_regclass(r.name) and a.attnum > 0 and not a.attisdropped
  left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
  union all
  select u."table", u.attrelid, u.attnum, u."column", t.typbasetype, t.typnotnull, u.fallback
  from typed u
  join pg_type t on t.oid = u.type and t.typtype = 'd'
),
-- A domain is replaced by its base type: a cast to the domain would raise if the domain refuses the value.
sampled as (
  select u.*,
         -- The length is -1, because a cast to varchar(9) would cut off what does not fit.
         format('case when given_row ? %1$L then (given_row ->> %1$L)::%2$s else %3$s end',
                u."column", format_type(u.type, -1), u.fallback) as sample
  from typed u
  join pg_type t on t.oid = u.type and t.typtype <> 'd'
),
checks as (
  select s."table", quote_ident(c.conname) as name, 'check' as kind, array_agg(s."column") as columns,
         pg_get_expr(c.conbin, c.conrelid) as expression,
         -- This column exists since PostgreSQL 18. Before, every constraint is enforced.
         coalesce((to_jsonb(c) ->> 'conenforced')::boolean, true) as is_enforced,
         c.convalidated as is_valid, not (c.connoinherit and r.relhassubclass) as is_inherited,
         format('alter table %s drop constraint %I', c.conrelid::regclass, c.conname) as drop,
         string_agg(format('%s as %I', s.sample, s."column"), ', ') as sample, s."table" as alias
  from sampled s
  join pg_constraint c on c.conrelid = s.attrelid and c.contype = 'c' and s.attnum = any(c.conkey)
  join pg_class r on r.oid = c.conrelid
  group by c.oid, s."table", r.relhassubclass
  union all
  select s."table", quote_ident(c.conname), 'domain', array[s."column"], pg_get_expr(c.conbin, 0), true, c.convalidated, true,
         format('alter domain %s drop constraint %I', c.contypid::regtype, c.conname), s.sample || ' as value', 'domain'
  from sampled s
  join typed u on u.attrelid = s.attrelid and u.attnum = s.attnum
  join pg_constraint c on c.contypid = u.type and c.contype = 'c'
  union all
  select s."table", quote_ident(s."column"), 'not null', array[s."column"], 'value is not null', true, true, true, '',
         s.sample || ' as value', 'column'
  from sampled s
  where exists (select from typed u where u.attrelid = s.attrelid and u.attnum = s.attnum and u.is_required)
)
select "table", name, kind, columns, expression, is_enforced, is_valid, is_inherited, drop,
       format('select given_number from jsonb_array_elements($1::jsonb) with ordinality as given (given_row, given_number)'
              ' cross join lateral (select %s) as %I where (%s) is not false', sample, alias, expression) as probe
from checks
order by "table", kind, name;
