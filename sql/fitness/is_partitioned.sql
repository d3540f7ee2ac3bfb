-- is_partitioned: whether appointments has partitions; their indexes can't be built concurrently.
select relkind = 'p' from pg_class where oid = 'appointments'::regclass;
