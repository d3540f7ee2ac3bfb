-- list_appointments: an organization's active ones; `overlaps` where an earlier one of the resource has not ended.
-- Not by the constraint's index: this is what finds out that it does not hold.
select a.id, a.contact_id, a.resource, a.scheduled_at, a.duration_minutes,
       coalesce(a.scheduled_at < max(a.scheduled_at + make_interval(mins => coalesce(a.duration_minutes, 30))) over (
         partition by a.resource order by a.scheduled_at, a.id
         rows between unbounded preceding and 1 preceding
       ), false) as overlaps
from appointments a
where a.org_id = :org_id and a.status in ('pending', 'confirmed')
order by a.scheduled_at, a.resource;
