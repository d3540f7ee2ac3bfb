-- list_migrations: the migrations that have run on this database.
select name from booking_migrations order by name;
