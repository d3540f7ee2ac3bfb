-- list_overlaps: active appointments of which two hold one resource at the same time, the nearest first.
-- is_later is true for an appointment that begins before an earlier one has ended.
with active as (
  select a.id, a.org_id, x.resource, a.contact_id,
         a.scheduled_at - make_interval(mins => x.before) as starts_at,
         a.scheduled_at + make_interval(mins => x.duration + x.after) as ends_at
  from appointments a
  -- As JSON, for there may be no such columns yet.
  cross join lateral (
    select coalesce(a.duration_minutes, 30) as duration,
           coalesce(to_jsonb(a) ->> 'resource', :resource::text) as resource,
           coalesce((to_jsonb(a) ->> 'buffer_before_minutes')::integer, 0) as before,
           coalesce((to_jsonb(a) ->> 'buffer_after_minutes')::integer, 0) as after
  ) x
  where a.status::text in ('pending', 'confirmed') and a.org_id is not null and x.before + x.duration + x.after > 0
),
beside as (
  select active.*,
         max(ends_at) over (partition by org_id, resource order by starts_at, id
                            rows between unbounded preceding and 1 preceding) as free_from,
         lead(starts_at) over (partition by org_id, resource order by starts_at, id) as next_starts_at
  from active
)
select id, org_id, resource, contact_id, starts_at, ends_at, ends_at <= now() as is_over, coalesce(starts_at < free_from, false) as is_later
from beside
where starts_at < free_from or ends_at > next_starts_at
order by ends_at <= now(), abs(extract(epoch from starts_at - now())), id;
