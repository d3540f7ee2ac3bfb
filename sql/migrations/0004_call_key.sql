-- Two spellings of one request, in one call at the same moment, get one appointment.
create unique index concurrently if not exists appointments_call_key
  on appointments (org_id, call_id, scheduled_at, call_nth)
  where status in ('pending', 'confirmed') and call_id is not null;
