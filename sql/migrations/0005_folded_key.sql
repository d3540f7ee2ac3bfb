-- The next appointments_contact_start_key: names are compared as booking_fold has them.
create unique index concurrently if not exists appointments_contact_start_key_folded
  on appointments (org_id, contact_id, scheduled_at, booking_fold(coalesce(attendee_name, '')) collate "C")
  where status in ('pending', 'confirmed');
