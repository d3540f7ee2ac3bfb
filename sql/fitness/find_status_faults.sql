-- find_status_faults: appointments that have no status, or a status that is not one of ours.
select 'appointments.status' as what, 'error' as severity,
       format('%s appointments have the status %s, and which of ours it is only you know: pending, confirmed, cancelled, completed or no_show',
              count(*), coalesce(quote_literal(a.status::text), 'NULL')) as problem,
       format('update appointments set status = :''status'' where status is not distinct from %s;',
              quote_nullable(a.status::text)) as mend
from appointments a
where coalesce(a.status::text, '') not in ('pending', 'confirmed', 'cancelled', 'completed', 'no_show')
group by a.status
order by count(*) desc
limit 20;
