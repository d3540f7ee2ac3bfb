-- insert_contact_by_email: a contact without a phone.
insert into contacts (org_id, email, name, lead_status, last_contact_at)
values (:org_id, :email::text, coalesce(:name::text, split_part(:email::text, '@', 1)), 'contacted', now())
returning id;
