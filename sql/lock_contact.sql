-- lock_contact: keeps every booking of a contact waiting until the end of the transaction; no row where there is none.
select c.id from contacts c where c.org_id = :org_id and c.id = :contact_id for update;
