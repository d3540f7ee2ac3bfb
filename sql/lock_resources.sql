-- lock_resources: whoever else changes the hours of these resources waits until this transaction ends.
-- A booking does not wait: its foreign key takes a weaker lock.
select resource from resources
where org_id = :org_id and resource = any(:resources::text[])
order by resource
for no key update;
