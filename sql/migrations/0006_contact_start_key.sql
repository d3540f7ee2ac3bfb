-- The folded key takes the place of the one that only ignored case.
drop index if exists appointments_contact_start_key;
alter index appointments_contact_start_key_folded rename to appointments_contact_start_key;
