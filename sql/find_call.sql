-- find_call: the organizations in which a call did something. Each is looked up in the index of its events.
select o.id
from organizations o
where exists (select from events e where e.org_id = o.id and e.call_id = :call_id::text)
order by o.id;
