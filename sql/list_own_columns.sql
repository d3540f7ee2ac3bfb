-- list_own_columns: the columns of contacts and of appointments that are not ours, which no erasure knows.
select ours.name || '.' || a.attname as name
from (values
  ('contacts', array['id', 'org_id', 'phone', 'email', 'name', 'lead_status', 'last_contact_at']),
  ('appointments', array[
    'org_id', 'id', 'contact_id', 'resource', 'service_type', 'scheduled_at', 'duration_minutes', 'status',
    'attendee_name', 'idempotency_key', 'created_at', 'updated_at', 'call_id', 'call_nth', 'attendee_given',
    'by_own_number', 'buffer_before_minutes', 'buffer_after_minutes', 'found_by_email'
  ])
) as ours (name, columns)
join pg_attribute a on a.attrelid = to_regclass(ours.name) and a.attnum > 0 and not a.attisdropped
where not a.attname = any (ours.columns)
order by ours.name desc, a.attnum;
