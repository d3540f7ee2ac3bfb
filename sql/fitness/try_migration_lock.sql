-- try_migration_lock: whether no other session is upgrading this database; then this one is.
select pg_try_advisory_lock(hashtextextended('booking_migrations', 0));
