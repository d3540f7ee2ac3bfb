-- list_migrations: the steps that the database has had.
select name from booking_migrations order by name;
