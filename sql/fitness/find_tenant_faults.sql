-- find_tenant_faults: organizations that have appointments and no row of their own.
select 'organizations' as what, 'error' as severity,
       format('%s organizations have appointments, and no row in organizations: %s', count(*),
              array_to_string((array_agg(a.org_id order by a.org_id))[1 : 20], ', ')) as problem,
       null::text as mend
from (select distinct org_id from appointments where org_id is not null) a
where not exists (select from organizations o where o.id = a.org_id)
having count(*) > 0;
