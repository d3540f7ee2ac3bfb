-- find_events: what was done in a call, to an appointment, or to the appointments of a contact, in order.
-- One of the three is given. What one transaction did has one time, and stands in the order of the types.
select e.id, e.at, e.type, e.appointment_id, e.actor, e.call_id, e.data::text as data
from events e
where e.org_id = :org_id and e.id in (
  select each.id from events each where each.org_id = :org_id and each.call_id = :call_id::text
  union all
  select each.id from events each where each.org_id = :org_id and each.appointment_id = :appointment_id::uuid
  union all
  select each.id
  from appointments a
  join events each on each.org_id = a.org_id and each.appointment_id = a.id
  where a.org_id = :org_id and a.contact_id = :contact_id::uuid
)
order by e.at,
  array_position(array['booked', 'mended', 'moved', 'cancelled', 'completed', 'no_show', 'erased'], e.type), e.id;
