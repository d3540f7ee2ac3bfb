-- add_resource: one more of what the organization can book; one that was retired can be booked again.
insert into resources (org_id, resource) values (:org_id, :resource)
on conflict (org_id, resource) do update set active = true;
