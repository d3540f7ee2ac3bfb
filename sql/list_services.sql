-- list_services: the services that the organization lists, each with the resources that alone do it.
select s.service, s.duration_minutes, s.buffer_before_minutes, s.buffer_after_minutes, s.slot_minutes, s.notice_minutes,
       array(select d.resource from service_resources d
             where d.org_id = :org_id and d.service = s.service order by d.resource) as resources
from services s
where s.org_id = :org_id
order by s.service;
