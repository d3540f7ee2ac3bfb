-- touch_contact_by_email: whose email this is, marked as contacted now, and how many contacts share it.
-- If several contacts have this email, it takes one of the given name; among those one without a
-- phone; among those the one that was contacted last.
with found as (
  select c.id, c.name::text, c.lead_status::text, count(*) over () as matches
  from contacts c
  where c.org_id = :org_id and lower(c.email::text) = lower(:email::text)
  order by coalesce(booking_fold(c.name) collate "C" = booking_fold(:name::text) collate "C", false) desc,
           c.phone is null desc, c.last_contact_at desc nulls last, c.id
  limit 1
)
update contacts c set
  -- An email finds its contact, it does not identify the person as a phone does: a name only fills
  -- a gap or a placeholder.
  name = coalesce(nullif(nullif(c.name::text, 'Unknown'), split_part(c.email::text, '@', 1)),
                  :name::text, c.name::text),
  lead_status = case when c.lead_status is null or c.lead_status = 'new' then 'contacted' else c.lead_status end,
  last_contact_at = now()
from found
where c.org_id = :org_id and c.id = found.id
returning c.id, found.matches, array_remove(array[
  case when found.name is distinct from c.name::text then 'name' end,
  case when found.lead_status is distinct from c.lead_status::text then 'lead_status' end
], null) as changes;
