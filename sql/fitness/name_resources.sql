-- name_resources: what adopt.sql gives to organizations and appointments without, and the statuses
-- of others that hold no time, in this session.
select set_config('booking.resources', :resources::text[]::text, false),
       set_config('booking.ended', :ended::text[]::text, false);
