-- insert_contact_by_email: a contact without a phone.
insert into contacts (org_id, email, name, lead_status, last_contact_at)
values (:org_id, :email, coalesce(:name, split_part(:email, '@', 1)), 'contacted', now())
returning id;
