-- What a repeat in the same call is recognised by, and the buffers around an appointment.
-- Each default is a constant, so that no row is rewritten.
alter table appointments
  add column if not exists call_id text,
  add column if not exists call_nth integer,
  add column if not exists attendee_given boolean not null default true,
  add column if not exists by_own_number boolean not null default true,
  add column if not exists buffer_before_minutes integer not null default 0,
  add column if not exists buffer_after_minutes integer not null default 0;
