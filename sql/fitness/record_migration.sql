-- record_migration: writes down that this migration has run on the database.
insert into booking_migrations (name) values (:name) on conflict (name) do nothing;
