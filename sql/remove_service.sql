-- remove_service: the service of this name, however it is spelled; its name, or no row where there is none.
delete from services
where org_id = :org_id and folded = booking_fold(:service::text) collate "C"
returning service;
