-- remove_closure: the closure or extra opening of this id; its id, or no row where there is none.
delete from exceptions where org_id = :org_id and id = :closure_id returning id;
