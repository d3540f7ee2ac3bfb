-- list_closures: the closures and the extra openings that are not over, in local time, the soonest first.
select e.id, e.resource, lower(e.during) as starts, upper(e.during) as ends, e.opens, e.note
from organizations o
join exceptions e on e.org_id = o.id
where o.id = :org_id and upper(e.during) > now() at time zone o.timezone
order by lower(e.during), e.resource nulls first, e.id;
