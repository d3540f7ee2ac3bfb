-- rename_resource: another name for it, in its appointments, hours, exceptions and services as well.
-- The foreign keys pass the new name on, but an adopted database has none from its appointments.
with renamed as (
  update resources set resource = :name where org_id = :org_id and resource = :resource
)
update appointments set resource = :name, updated_at = now() where org_id = :org_id and resource = :resource;
