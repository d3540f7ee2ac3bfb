-- find_resources: what the organization has to book, by name.
select resource from resources where org_id = :org_id order by resource;
