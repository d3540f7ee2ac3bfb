-- record_migration: the database has had this step.
insert into booking_migrations (name) values (:name) on conflict (name) do nothing;
