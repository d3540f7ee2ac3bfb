-- name_resources: sets the resources that adopt.sql gives, in this session, to organizations and appointments that have none.
select set_config('booking.resources', :resources::text[]::text, false);
