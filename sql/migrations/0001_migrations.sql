-- The table that says which steps a database has had.
create table if not exists booking_migrations (
  name        text not null,
  applied_at  timestamptz not null default now(),
  constraint booking_migrations_pkey primary key (name)
);
