-- prune_contacts: deletes at most so many contacts without an appointment that were last contacted before; how many.
with gone as (
  delete from contacts
  -- Of one who calls at this moment it is looked at again.
  where org_id = :org_id and last_contact_at < :before::timestamptz
    and id in (
      select c.id from contacts c
      where c.org_id = :org_id and c.last_contact_at < :before
        and not exists (select from appointments a where a.org_id = :org_id and a.contact_id = c.id)
      limit :most
    )
  returning id
)
select count(*)::integer from gone;
