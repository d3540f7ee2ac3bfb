-- find_contact_by_email: whose email this is, and how many contacts share it.
-- Of several the one of the given name; among those one without a phone; then the one contacted last.
select c.id, count(*) over () as matches
from contacts c
where c.org_id = :org_id and lower(c.email::text) = lower(:email::text)
order by coalesce(booking_fold(c.name) collate "C" = booking_fold(:name::text) collate "C", false) desc,
         c.phone is null desc, c.last_contact_at desc nulls last, c.id
limit 1;
