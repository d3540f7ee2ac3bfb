-- The constraint heeds buffers from now on. It is built anew while the table is locked.
alter table appointments
  drop constraint if exists appointments_resource_excl,
  add constraint appointments_resource_excl exclude using gist (
    org_id with =,
    booking_span(scheduled_at, duration_minutes, buffer_before_minutes, buffer_after_minutes) with &&,
    resource with =
  ) where (status in ('pending', 'confirmed'));
