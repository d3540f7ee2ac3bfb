-- find_hours_faults: resources without opening hours, which can be booked at any time of the day.
select 'opening_hours' as what, 'note' as severity,
       format('%s resources have no opening hours, so that they can be booked at any time: booking-asgi hours set',
              count(*)) as problem,
       null as mend
from resources r
where r.active and not exists (select from opening_hours h where h.org_id = r.org_id and h.resource = r.resource)
having count(*) > 0;
