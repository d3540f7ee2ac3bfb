-- list_resources: the names of all that an organization can book.
select resource from resources where org_id = :org_id order by resource;
