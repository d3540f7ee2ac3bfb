-- export_contact: all that is stored of a person, as JSON, with columns of your own; no row where there is no such contact.
select jsonb_build_object(
  'contact', to_jsonb(c),
  'appointments', (
    select coalesce(jsonb_agg(to_jsonb(a) order by a.scheduled_at, a.id), '[]')
    from appointments a where a.org_id = :org_id and a.contact_id = c.id
  ),
  'events', (
    select coalesce(jsonb_agg(to_jsonb(e) order by e.at, e.id), '[]')
    from events e
    join appointments a on a.org_id = e.org_id and a.id = e.appointment_id
    where e.org_id = :org_id and a.contact_id = c.id
  )
)::text as exported
from contacts c
where c.org_id = :org_id and c.id = :contact_id;
