-- find_contacts: the contacts of a phone number or of an email address, the last one that called first.
select c.id, c.phone::text, c.email::text, c.name::text, c.lead_status::text, c.last_contact_at,
       (select count(*)::integer from appointments a where a.org_id = c.org_id and a.contact_id = c.id) as appointments
from contacts c
where c.org_id = :org_id and (c.phone = :phone::text or lower(c.email::text) = lower(:email::text))
order by c.last_contact_at desc nulls last, c.id;
