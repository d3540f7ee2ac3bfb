-- find_broken_index: the invalid index that an interrupted build left behind, and the SQL that drops it.
select format('drop index concurrently %s', x.indexrelid::regclass) as drop
from pg_index x join pg_class i on i.oid = x.indexrelid
where x.indrelid = 'appointments'::regclass and i.relname = :index and not x.indisvalid;
