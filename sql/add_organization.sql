-- add_organization: an organization, with the zone of its clocks and the region of its phone numbers.
insert into organizations (id, name, timezone, phone_region)
values (:org_id, :name, :timezone, :phone_region)
on conflict (id) do nothing
returning id;
