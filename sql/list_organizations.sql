-- list_organizations: each organization with its resources and the number of its live tokens, by name.
-- A parameter that is null leaves no organization out. Names are compared as people say them, by booking_fold.
-- Joins instead of subqueries in the select list: those would be refused where the tables are distributed.
with named as (
  select org_id, array_agg(resource order by resource) as resources from resources group by org_id
), counted as (
  select org_id, count(*)::integer as live_tokens from vapi_credentials where revoked_at is null group by org_id
)
select o.id, o.name, o.timezone, o.phone_region,
       coalesce(n.resources, '{}') as resources, coalesce(c.live_tokens, 0) as live_tokens
from organizations o
left join named n on n.org_id = o.id
left join counted c on c.org_id = o.id
where (:org_id::uuid is null or o.id = :org_id::uuid)
  and (:name::text is null or booking_fold(o.name) collate "C" = booking_fold(:name::text) collate "C")
order by o.name, o.id;
