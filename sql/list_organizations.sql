-- list_organizations: the id and the name of each, by their names.
select id, name::text from organizations order by name, id;
