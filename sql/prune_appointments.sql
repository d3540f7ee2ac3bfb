-- prune_appointments: deletes at most so many appointments that had ended by then; how many it deleted.
with gone as (
  delete from appointments
  where org_id = :org_id and scheduled_at < :before::timestamptz
    and id in (
      select a.id from appointments a
      where a.org_id = :org_id and a.scheduled_at < :before
        and a.scheduled_at + make_interval(mins => coalesce(a.duration_minutes, 30)) <= :before
      limit :most
    )
  returning id
)
select count(*)::integer from gone;
