-- upsert_contact: the one contact of a phone number, by the rules of book for those who may replace.
with known as (
  select c.email::text, c.name::text, c.lead_status::text
  from contacts c where c.org_id = :org_id and c.phone = :phone::text
),
contact as (
  insert into contacts as c (org_id, phone, email, name, lead_status, last_contact_at)
  values (:org_id, :phone::text, :email::text, coalesce(:name::text, split_part(:email::text, '@', 1), 'Unknown'),
          'contacted', now())
  on conflict (org_id, phone) do update set
    email = coalesce(:email::text, c.email::text),
    name = coalesce(:name::text, c.name::text),
    lead_status = case when c.lead_status is null or c.lead_status = 'new' then 'contacted' else c.lead_status end,
    last_contact_at = excluded.last_contact_at
  returning c.id, c.email::text, c.name::text, c.lead_status::text
)
select contact.id, (
  select array_remove(array[
    case when known.email is distinct from contact.email then 'email' end,
    case when known.name is distinct from contact.name then 'name' end,
    case when known.lead_status is distinct from contact.lead_status then 'lead_status' end
  ], null) from known) as changes
from contact;
