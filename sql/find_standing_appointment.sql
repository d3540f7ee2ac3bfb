-- find_standing_appointment: why a booking found no place: the active appointment that it repeats,
-- else no id and whether a resource is free now.
with standing as (
  (select a.* from appointments a
   where a.org_id = :org_id and a.idempotency_key = :idempotency_key
     and a.status in ('pending', 'confirmed'))
  union all
  (select a.* from appointments a
   where a.org_id = :org_id and a.contact_id = :contact_id and a.scheduled_at = :scheduled_at
     and lower(coalesce(a.attendee_name, '')) = lower(coalesce(:attendee_name, ''))
     and a.status in ('pending', 'confirmed'))
  limit 1
)
select coalesce(standing.contact_id, :contact_id) as contact_id, standing.id as appointment_id, standing.resource, standing.service_type,
       standing.scheduled_at, standing.duration_minutes, standing.attendee_name,
       exists (
         select from resources r
         where r.org_id = :org_id and r.resource = coalesce(:resource, r.resource)
           and (
             select true from appointments a
             where a.org_id = r.org_id and a.resource = r.resource and a.status in ('pending', 'confirmed')
               and tsrange(a.scheduled_at at time zone 'UTC',
                           (a.scheduled_at at time zone 'UTC') + make_interval(mins => coalesce(a.duration_minutes, 30)))
                && tsrange(:scheduled_at::timestamptz at time zone 'UTC',
                           (:scheduled_at::timestamptz at time zone 'UTC') + make_interval(mins => :duration_minutes))
             limit 1
           ) is null
       ) as resource_is_free
from (values (true)) as always left join standing on true;
