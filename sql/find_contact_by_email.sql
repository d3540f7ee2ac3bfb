-- find_contact_by_email: the most recently contacted one, and how many share the address.
select c.id, count(*) over () as matches
from contacts c
where c.org_id = :org_id and lower(c.email) = lower(:email)
order by c.last_contact_at desc nulls last, c.id
limit 1;
