-- rename_resource: another name for it, in its appointments, hours, exceptions and services as well.
-- The foreign keys pass the new name on.
update resources set resource = :name where org_id = :org_id and resource = :resource;
