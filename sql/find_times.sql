-- find_times: the soonest starts that are free, at most so many, each with the resources that are free then.
-- It reads one local day after another, and stops when it has enough. `book` keeps the same rule: an
-- appointment lies within one window, which is the hours of a weekday or an extra opening; it meets no
-- closure, unless an extra opening holds it; and it overlaps no other one, buffers included.
with asked as materialized (
  select r.resource, o.timezone as zone,
    make_interval(mins => coalesce(s.duration_minutes, :duration_minutes)) as length,
    make_interval(mins => coalesce(s.buffer_before_minutes, 0)) as before,
    make_interval(mins => coalesce(s.buffer_after_minutes, 0)) as after,
    make_interval(mins => coalesce(s.slot_minutes, 15)) as slot,
    greatest(:since::timestamptz, now() + make_interval(mins => coalesce(s.notice_minutes, 0))) as since,
    exists (select from opening_hours h where h.org_id = :org_id and h.resource = r.resource) as has_hours
  from organizations o
  left join services s on s.org_id = o.id and s.folded = booking_fold(:service_type::text) collate "C"
  join resources r on r.org_id = o.id and r.active and r.resource = coalesce(:resource::text, r.resource)
  where o.id = :org_id
    and (s.service is null or coalesce((
      select bool_or(d.resource = r.resource) from service_resources d
      where d.org_id = :org_id and d.service = s.service), true))
),
clinic as (select min(zone) as zone, min(since) as since from asked),
exception as materialized (
  select e.resource, e.opens, tstzrange(least(starts, ends), ends, case when starts < ends then '[)' else '[]' end) as span
  from clinic, exceptions e
  -- Where the clocks change, a local time may come after a later one, and a closure may shrink to an instant,
  -- which nobody is booked over.
  cross join lateral (select lower(e.during) at time zone zone as starts, upper(e.during) at time zone zone as ends) at
  where e.org_id = :org_id and upper(e.during) > (since at time zone zone) - interval '2 days'
    and lower(e.during) < (:until::timestamptz at time zone zone) + interval '2 days'
)
select found.starts, found.resources
from clinic
cross join generate_series(
  date_trunc('day', since at time zone zone),
  (:until::timestamptz - interval '1 microsecond') at time zone zone,
  interval '1 day'
) as day
-- Worked out once a day, and not for each start.
cross join lateral (
  select bounds.*,
    (next + interval '3 hours') at time zone zone - (midnight - interval '3 hours') at time zone zone
      = next - midnight + interval '6 hours' as is_without_change
  from (
    select day::date as today, day at time zone zone as midnight, (day + interval '1 day') at time zone zone as next
    offset 0
  ) bounds
  offset 0
) local
cross join lateral (
  select start.starts, array_agg(distinct asked.resource order by asked.resource) as resources
  from asked
  cross join lateral (
    select coalesce(range_agg(tstzrange(
      a.scheduled_at - make_interval(mins => a.buffer_before_minutes) - asked.after,
      a.scheduled_at + make_interval(mins => coalesce(a.duration_minutes, 30) + a.buffer_after_minutes) + asked.before
    )), '{}') as times
    from appointments a
    where a.org_id = :org_id and a.resource = asked.resource and a.status in ('pending', 'confirmed')
      and a.id is distinct from :ignored_id::uuid
      and booking_span(a.scheduled_at, a.duration_minutes, a.buffer_before_minutes, a.buffer_after_minutes)
       && tsrange((midnight - asked.before) at time zone 'UTC', (next + asked.length + asked.after) at time zone 'UTC')
  ) busy
  cross join lateral (
    select coalesce(range_agg(e.span), '{}') as times
    from exception e
    where not e.opens and coalesce(e.resource, asked.resource) = asked.resource
  ) closed
  cross join lateral (
    -- The hours of the day, and those of the day before, which may run into it.
    select tstzmultirange(tstzrange(least(at.opens, at.closes), at.closes)) - closed.times as times
    from (values (today), (today - 1)) as days (day)
    join opening_hours h
      on h.org_id = :org_id and h.resource = asked.resource and h.weekday = extract(isodow from days.day)
    cross join lateral (
      select (days.day + h.opens) at time zone zone as opens,
             (days.day + (h.closes <= h.opens)::integer + h.closes) at time zone zone as closes
    ) at
    union all
    select tstzmultirange(tstzrange(midnight, next + asked.length)) - closed.times
    where not asked.has_hours
    union all
    select tstzmultirange(e.span)
    from exception e
    where e.opens and coalesce(e.resource, asked.resource) = asked.resource
      and e.span && tstzrange(midnight, next)
  ) open
  cross join lateral unnest(open.times - busy.times) as piece
  cross join lateral generate_series(
    date_bin(slot, greatest(lower(piece), midnight, asked.since) + slot - interval '1 microsecond', midnight),
    least(upper(piece) - length, next - interval '1 microsecond', :until::timestamptz - interval '1 microsecond'),
    slot
  ) as start (starts)
  where (:from_time::time is null or (start.starts at time zone zone)::time >= :from_time)
    and (:to_time::time is null or (start.starts at time zone zone)::time < :to_time)
    -- A local time that comes twice is never offered, since a caller could not say which is meant.
    and (
      is_without_change or not exists (
        select from unnest(array[interval '30 minutes', '1 hour', '2 hours']) as change
        where starts at time zone zone in ((starts + change) at time zone zone, (starts - change) at time zone zone)
      )
    )
  group by start.starts
  order by start.starts
) found
limit :most;
