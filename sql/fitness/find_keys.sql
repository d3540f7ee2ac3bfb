-- find_keys: each index of the tables, what it keeps unique, and the SQL that drops it.
select r.name as "table", quote_ident(i.relname) as name,
       (select string_agg(pg_get_indexdef(x.indexrelid, k, true) || coalesce(' with ' || o.oprname, ''), ', ' order by k)
        from generate_series(1, x.indnkeyatts) k
        left join pg_operator o on o.oid = c.conexclop[k]) as columns,
       pg_get_expr(x.indpred, x.indrelid) as predicate,
       x.indisunique or x.indisexclusion as is_unique,
       x.indisvalid and x.indisready as is_valid,
       x.indimmediate as is_immediate,
       x.indnullsnotdistinct as takes_one_null,
       case when c.oid is null then format('drop index %s;', x.indexrelid::regclass)
            else format('alter table %s drop constraint %I;', x.indrelid::regclass, c.conname) end as drop
from unnest(:tables::text[]) as r (name)
join pg_index x on x.indrelid = to_regclass(r.name)
join pg_class i on i.oid = x.indexrelid
-- A foreign key also names the index that it points at.
left join pg_constraint c on c.conindid = x.indexrelid and c.contype in ('p', 'u', 'x')
order by r.name, i.relname;
