-- count_prunable: how many events, appointments and contacts are so old that prune would delete them.
select (select count(*)::integer from events e where e.org_id = :org_id and e.at < :before::timestamptz) as events,
       (
         select count(*)::integer from appointments a
         where :prunes_appointments::boolean and a.org_id = :org_id and a.scheduled_at < :before
           and a.scheduled_at + make_interval(mins => coalesce(a.duration_minutes, 30)) <= :before
       ) as appointments,
       (
         select count(*)::integer from contacts c
         where :prunes_contacts::boolean and c.org_id = :org_id and c.last_contact_at < :before
           and not exists (
             select from appointments a
             where a.org_id = :org_id and a.contact_id = c.id
               and (not :prunes_appointments
                 or a.scheduled_at + make_interval(mins => coalesce(a.duration_minutes, 30)) > :before))
       ) as contacts;
