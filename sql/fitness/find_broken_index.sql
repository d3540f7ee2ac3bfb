-- find_broken_index: the index that a try to build it left behind, which is not valid.
select format('drop index concurrently %s', x.indexrelid::regclass) as drop
from pg_index x join pg_class i on i.oid = x.indexrelid
where x.indrelid = 'appointments'::regclass and i.relname = :index and not x.indisvalid;
