-- find_upgrade_lock_faults: a finding if there are so many active appointments that rebuilding the constraint delays bookings.
select '--lock' as what, 'error' as severity,
       format('%s active appointments: every booking waits for about %s s while appointments_resource_excl is built',
              count(*), round(count(*) * 0.18 / 1000.0)) as problem,
       '-- At a quiet hour: booking-asgi schema --upgrade --lock' as mend
from appointments a
where a.status in ('pending', 'confirmed')
having count(*) > 20000;
