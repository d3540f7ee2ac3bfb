-- find_span_faults: active appointments that have no start, or no length.
select 'appointments.scheduled_at' as what, 'error' as severity,
       format('%s active appointments have no start, and would block all time of their resource', count(*)) as problem,
       'select id, created_at from appointments where status::text in (''pending'', ''confirmed'') and scheduled_at is null;'
       || chr(10) || '-- They come at no time, so that nobody waits for them:'
       || chr(10) || 'update appointments set status = ''cancelled'' where status::text in (''pending'', ''confirmed'') and scheduled_at is null;'
         as mend
from appointments a
where a.status::text in ('pending', 'confirmed') and a.scheduled_at is null
having count(*) > 0
union all
select 'appointments.duration_minutes', 'error',
       format('%s active appointments have a length of zero or below, and hold no time', count(*)),
       'select id, scheduled_at from appointments where status::text in (''pending'', ''confirmed'') and duration_minutes <= 0;'
       || chr(10) || '-- They hold half an hour from then on, as those do whose length is not known:'
       || chr(10) || 'update appointments set duration_minutes = 30 where status::text in (''pending'', ''confirmed'') and duration_minutes <= 0;'
from appointments a
where a.status::text in ('pending', 'confirmed') and a.duration_minutes <= 0
having count(*) > 0;
