-- touch_contact: a contact that an email found has called; its rules are those of book.
update contacts c set
  name = coalesce(nullif(nullif(c.name::text, 'Unknown'), split_part(c.email::text, '@', 1)),
                  :name::text, c.name::text),
  lead_status = case when c.lead_status is null or c.lead_status = 'new' then 'contacted' else c.lead_status end,
  last_contact_at = now()
where c.org_id = :org_id and c.id = :contact_id;
