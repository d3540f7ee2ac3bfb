-- name_resources: what adopt.sql gives to organizations and appointments without, in this session.
select set_config('booking.resources', :resources::text[]::text, false);
