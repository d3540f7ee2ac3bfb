-- remove_organization: it and all that is its own here; how many contacts that were.
-- One statement, for foreign keys are checked at its end: the order in it does not matter.
with appointment as (delete from appointments where org_id = :org_id),
contact as (delete from contacts where org_id = :org_id returning id),
resource as (delete from resources where org_id = :org_id),
service as (delete from services where org_id = :org_id),
service_resource as (delete from service_resources where org_id = :org_id),
hours as (delete from opening_hours where org_id = :org_id),
event as (delete from events where org_id = :org_id),
exception as (delete from exceptions where org_id = :org_id),
credential as (delete from vapi_credentials where org_id = :org_id),
organization as (delete from organizations where id = :org_id)
select count(*) from contact;
