-- count_appointments: how many appointments an organization has from now on, by their status.
-- The cast is for a database whose status is a type of its own.
select status::text as status, count(*)::integer as count
from appointments
where org_id = :org_id and scheduled_at >= now()
group by status
order by status;
