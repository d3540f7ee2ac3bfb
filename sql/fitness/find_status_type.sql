-- find_status_type: the values that the type of appointments.status allows, and the column's default.
with recursive typed as (
  select a.atttypid as type, a.atttypmod as modifier, pg_get_expr(d.adbin, d.adrelid) as fallback
  from pg_attribute a
  left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
  where a.attrelid = to_regclass('appointments') and a.attname = 'status'
  union all
  select t.typbasetype, t.typtypmod, coalesce(u.fallback, pg_get_expr(t.typdefaultbin, 0))
  from typed u
  join pg_type t on t.oid = u.type and t.typtype = 'd'
)
select t.typname::text as type, format_type(t.oid, null) as enum,
       case when t.typtype = 'e' then array(select enumlabel::text from pg_enum where enumtypid = t.oid) end as labels,
       case when t.typname in ('varchar', 'bpchar') and u.modifier > 0 then u.modifier - 4 end as length,
       format('select (%s)::text', coalesce(u.fallback, pg_get_expr(t.typdefaultbin, 0), 'null')) as fallback
from typed u
join pg_type t on t.oid = u.type and t.typtype <> 'd';
