-- find_span_faults: active appointments that have no start, or that end before they start.
select 'appointments.scheduled_at' as what, 'error' as severity,
       format('%s active appointments have no start or a duration below zero, and none can be kept apart from others: %s',
              count(*), array_to_string((array_agg(a.id order by a.id))[1 : 20], ', ')) as problem,
       null::text as mend
from appointments a
where a.status::text in ('pending', 'confirmed') and (a.scheduled_at is null or a.duration_minutes < 0)
having count(*) > 0;
