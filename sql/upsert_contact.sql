-- upsert_contact: the one contact of a phone number, by the rules of book for those who may replace.
insert into contacts as c (org_id, phone, email, name, lead_status, last_contact_at)
values (:org_id, :phone::text, :email::text, coalesce(:name::text, split_part(:email::text, '@', 1), 'Unknown'),
        'contacted', now())
on conflict (org_id, phone) do update set
  email = coalesce(:email::text, c.email::text),
  name = coalesce(:name::text, c.name::text),
  lead_status = case when c.lead_status is null or c.lead_status = 'new' then 'contacted' else c.lead_status end,
  last_contact_at = excluded.last_contact_at
returning id;
