-- find_overlap_faults: active appointments that begin before an earlier one of their resource ends.
with active as (
  select a.id, a.org_id, a.resource,
         a.scheduled_at - make_interval(mins => a.before) as starts,
         a.scheduled_at + make_interval(mins => a.duration + a.after) as ends
  from (
    select a.id, a.org_id, a.scheduled_at, coalesce(a.duration_minutes, 30) as duration,
           -- Columns are read through JSON, because the table may not have them yet.
           coalesce(to_jsonb(a) ->> 'resource', :resource::text) as resource,
           coalesce((to_jsonb(a) ->> 'buffer_before_minutes')::integer, 0) as before,
           coalesce((to_jsonb(a) ->> 'buffer_after_minutes')::integer, 0) as after
    from appointments a
    where a.status::text in ('pending', 'confirmed')
  ) a
  where a.before + a.duration + a.after > 0
),
following as (
  select active.*,
         max(ends) over (partition by org_id, resource order by starts, id
                         rows between unbounded preceding and 1 preceding) as free_from
  from active
  where org_id is not null
),
overlap as (
  select id, org_id, resource, starts, count(*) over () as appointments
  from following
  where starts < free_from
  order by starts, id
  limit 20
)
select 'appointments_resource_excl' as what, 'error' as severity,
       format('%s active appointments begin before an earlier one of the same resource has ended: %s',
              max(o.appointments),
              string_agg(format('%s at %sZ (during %s)', o.id, o.starts at time zone 'UTC', earlier.id), ', '
                         order by o.starts, o.id)) as problem,
       '-- Cancel one of each two, or give them other resources: a column resource that you fill is kept.' as mend
from overlap o
cross join lateral (
  select a.id from active a
  where a.org_id = o.org_id and a.resource = o.resource and a.id <> o.id
    and (a.starts, a.id) < (o.starts, o.id) and a.ends > o.starts
  order by a.starts
  limit 1
) earlier
having count(*) > 0;
