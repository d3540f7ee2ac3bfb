-- list_bookable: the names of all that an organization can book, and whether each does the service.
select r.resource,
       s.service is null
         or not exists (select from service_resources d where d.org_id = :org_id and d.service = s.service)
         or exists (select from service_resources d
                    where d.org_id = :org_id and d.service = s.service and d.resource = r.resource) as does_it
from resources r
left join services s on s.org_id = r.org_id and s.folded = booking_fold(:service_type::text) collate "C"
where r.org_id = :org_id and r.active
order by r.resource;
