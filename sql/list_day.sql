-- list_day: all appointments of a local day, in order, the cancelled ones too.
select a.id, a.contact_id, a.resource, a.service_type, a.scheduled_at, a.duration_minutes, a.status, a.attendee_name,
       c.name::text as contact_name, c.phone::text
from organizations o
join appointments a on a.org_id = o.id
left join contacts c on c.org_id = a.org_id and c.id = a.contact_id
where o.id = :org_id
  -- Where the clocks are put back over midnight, a local midnight is no instant to start from.
  and (a.scheduled_at at time zone o.timezone)::date = :day::date
  and a.scheduled_at >= (:day::date - 1)::timestamp at time zone o.timezone
  and a.scheduled_at < (:day::date + 2)::timestamp at time zone o.timezone
order by a.scheduled_at, a.resource, a.id;
