-- prune_events: deletes at most so many events that are older; how many it deleted.
with gone as (
  delete from events
  where org_id = :org_id
    and id in (select e.id from events e where e.org_id = :org_id and e.at < :before::timestamptz limit :most)
  returning id
)
select count(*)::integer from gone;
