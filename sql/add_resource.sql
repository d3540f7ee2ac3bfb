-- add_resource: one more of what the organization can book.
insert into resources (org_id, resource) values (:org_id, :resource)
on conflict (org_id, resource) do nothing;
