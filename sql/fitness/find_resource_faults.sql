-- find_resource_faults: organizations that have nothing to book.
select 'resources' as what, 'warning' as severity,
       format('%s organizations have nothing to book, so that their calls fail: %s',
              count(*), array_to_string((array_agg(o.id order by o.id))[1 : 20], ', ')) as problem,
       'insert into resources (org_id, resource) select o.id, ''main'' from organizations o'
       || ' where not exists (select from resources r where r.org_id = o.id and r.active)'
       || ' on conflict (org_id, resource) do update set active = true;' as mend
from organizations o
where not exists (select from resources r where r.org_id = o.id and r.active)
having count(*) > 0;
