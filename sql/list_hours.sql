-- list_hours: each resource with its opening hours, in the order of the week; one row of nulls where it has none.
select r.resource, h.weekday, h.opens, h.closes
from resources r
left join opening_hours h on h.org_id = r.org_id and h.resource = r.resource
where r.org_id = :org_id
order by r.resource, h.weekday, h.opens;
