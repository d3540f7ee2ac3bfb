-- find_organization: the organization of this id, with what its times and phone numbers mean.
select id, timezone, phone_region from organizations where id = :org_id;
