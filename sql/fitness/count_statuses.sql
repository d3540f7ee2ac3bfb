-- count_statuses: the statuses that are none of ours and not `ended`, and how many appointments have each.
-- An appointment that is over holds nobody's time, whatever its status, nor does one without a start.
select a.status::text, o.is_over, count(*) as appointments, min(a.scheduled_at) as starts_at
from appointments a
cross join lateral (
  -- As JSON, for there may be no such column yet.
  select coalesce(a.scheduled_at + make_interval(mins => coalesce(a.duration_minutes, 30)
    + coalesce((to_jsonb(a) ->> 'buffer_after_minutes')::integer, 0)) <= now(), true) as is_over
) o
where coalesce(a.status::text, '') not in ('pending', 'confirmed', 'cancelled', 'completed', 'no_show')
  and coalesce(a.status::text <> all (:ended::text[]), true)
group by a.status, o.is_over
order by o.is_over, count(*) desc, a.status::text;
