-- set_service_resources: these resources alone do the service; none is every one.
-- It comes after put_service, and in a statement of its own, so that a new spelling has arrived by then.
with gone as (
  delete from service_resources
  where org_id = :org_id and service = :service and resource <> all(:resources::text[])
)
insert into service_resources (org_id, service, resource)
select :org_id, :service, resource from unnest(:resources::text[]) as resource
on conflict (org_id, service, resource) do nothing;
