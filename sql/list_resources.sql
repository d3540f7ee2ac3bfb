-- list_resources: all that an organization can book or could once, and whether it still can.
select resource, active from resources where org_id = :org_id order by resource;
