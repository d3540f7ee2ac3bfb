-- add_closure: a closure or an extra opening; created says whether it was not there yet, whatever its note.
with standing as (
  select id, resource, lower(during) as starts, upper(during) as ends, opens, note
  from exceptions
  where org_id = :org_id and resource is not distinct from :resource::text
    and during = tsrange(:starts::timestamp, :ends::timestamp) and opens = :opens::boolean
  order by id
  limit 1
),
added as (
  insert into exceptions (org_id, resource, during, opens, note)
  select :org_id, :resource, tsrange(:starts, :ends), :opens, :note
  where not exists (select from standing)
  returning id, resource, lower(during), upper(during), opens, note
)
select false as created, * from standing
union all
select true, * from added;
