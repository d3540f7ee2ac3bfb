-- upsert_contact: the one contact of a phone number, by the rules of book_by_phone.
insert into contacts as c (org_id, phone, email, name, lead_status, last_contact_at)
values (:org_id, :phone, :email, coalesce(:name, split_part(:email, '@', 1), 'Unknown'), 'contacted', now())
on conflict (org_id, phone) do update set
  email = coalesce(:email, c.email),
  name = coalesce(:name, c.name),
  lead_status = case when c.lead_status is null or c.lead_status = 'new' then 'contacted' else c.lead_status end,
  last_contact_at = now()
returning id;
