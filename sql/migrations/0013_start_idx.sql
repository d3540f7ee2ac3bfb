-- The appointments of a day, whatever became of them.
create index concurrently if not exists appointments_start_idx on appointments (org_id, scheduled_at);
