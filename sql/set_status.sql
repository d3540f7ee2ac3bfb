-- set_status: what became of an appointment, as staff say it; no row where there is none, or it is cancelled.
-- Said again, it changes nothing.
with changed as (
  update appointments a set status = :status, updated_at = now()
  where a.org_id = :org_id and a.id = :appointment_id and a.status in ('pending', 'confirmed', 'completed', 'no_show')
    and a.status <> :status
  returning a.id, a.scheduled_at, a.resource
),
event as (
  insert into events (org_id, type, appointment_id, actor, data)
  select :org_id, :status, id, :actor, jsonb_build_object('scheduled_at', scheduled_at, 'resource', resource) from changed
)
-- is_so is false where another request changed it at this moment: run it again.
select exists (select from changed) or a.status = :status as is_so
from appointments a
where a.org_id = :org_id and a.id = :appointment_id and a.status in ('pending', 'confirmed', 'completed', 'no_show');
