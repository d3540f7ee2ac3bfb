-- find_link_faults: appointments whose contact does not exist, so that our foreign key can't be added.
select 'appointments.contact_id' as what, 'error' as severity,
       format('%s appointments have a contact that their organization does not have: %s', count(*),
              array_to_string((array_agg(a.id order by a.id))[1 : 20], ', ')) as problem,
       '-- update appointments set contact_id = null where id in (...);' as mend
from appointments a
where a.org_id is not null and a.contact_id is not null
  and exists (
    select from pg_constraint k
    where k.conrelid = 'contacts'::regclass and k.contype in ('p', 'u') and not k.condeferrable
      and (select array_agg(b.attname::text order by b.attname) from pg_attribute b
           where b.attrelid = k.conrelid and b.attnum = any(k.conkey)) = array['id', 'org_id']
  )
  and not exists (select from contacts c where c.org_id = a.org_id and c.id = a.contact_id)
having count(*) > 0;
