-- insert_contact_by_email: a contact without a phone, where the email has none.
insert into contacts (org_id, email, name, lead_status, last_contact_at)
select :org_id, :email::text, coalesce(:name::text, split_part(:email::text, '@', 1)), 'contacted', now()
-- One may have come meanwhile with a phone, or a trigger of your own keeps it from being touched.
where not exists (select from contacts c where c.org_id = :org_id and lower(c.email::text) = lower(:email::text))
returning id, '{}'::text[] as changes;
