-- list_outside: the future active appointments that are outside of the hours as they are now, by their start.
-- Each starts or ends outside of the opening hours, or meets a closure, or is with a resource that was
-- retired. `book` keeps the same rule, in the same words.
select a.id, a.contact_id, a.resource, a.scheduled_at, a.duration_minutes,
       exists (
         select from appointments b
         where b.org_id = :org_id and b.resource = a.resource and b.status in ('pending', 'confirmed')
           and (b.scheduled_at, b.id) < (a.scheduled_at, a.id)
           and b.scheduled_at + make_interval(mins => coalesce(b.duration_minutes, 30)) > a.scheduled_at
       ) as overlaps
from organizations o
join appointments a on a.org_id = o.id
join resources r on r.org_id = o.id and r.resource = a.resource
cross join lateral (
  select (a.scheduled_at at time zone o.timezone)::date as day,
         a.scheduled_at + make_interval(mins => coalesce(a.duration_minutes, 30)) as ends
  -- Worked out once, and not for each row of the hours.
  offset 0
) at
cross join lateral (
  select coalesce(
    -- An extra opening that holds it beats each closure that it meets.
    (
      select case when bool_or(e.opens) then 'open' when count(*) > 0 then 'closure' end
      from exceptions e
      where e.org_id = :org_id and coalesce(e.resource, r.resource) = r.resource
        and upper(e.during) > at.day - 1 and lower(e.during) < at.day + 3
        and case when e.opens
              then lower(e.during) at time zone o.timezone <= a.scheduled_at
                and upper(e.during) at time zone o.timezone >= at.ends
              -- Where the clocks change, a local time may come after a later one.
              else least(lower(e.during) at time zone o.timezone, upper(e.during) at time zone o.timezone) < at.ends
                and upper(e.during) at time zone o.timezone > a.scheduled_at end
    ),
    -- The hours of its day, or those of the day before, which may run into it. The first day of 1900 was
    -- a Monday.
    (
      select case when bool_or(
          -- First what costs little: a conversion costs more than all else here.
          d < 2
          and (at.day - d + h.opens) at time zone o.timezone <= a.scheduled_at
          and (at.day - d + (h.closes <= h.opens)::integer + h.closes) at time zone o.timezone >= at.ends
        ) then 'open' else 'hours' end
      from opening_hours h, lateral (select (at.day - date '1900-01-01' + 8 - h.weekday) % 7) as back (d)
      where h.org_id = :org_id and h.resource = r.resource
      having count(*) > 0
    ),
    'open'
  ) as openness
) hours
where o.id = :org_id and a.scheduled_at > now() and a.status in ('pending', 'confirmed')
  and (not r.active or hours.openness <> 'open')
order by a.scheduled_at, a.resource;
