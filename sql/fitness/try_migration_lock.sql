-- try_migration_lock: true if no other session is upgrading this database; from then on this session is.
select pg_try_advisory_lock(hashtextextended('booking_migrations', 0));
