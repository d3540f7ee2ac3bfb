-- retire_resource: nobody can book it any more, and all that was booked stays.
update resources set active = false where org_id = :org_id and resource = :resource;
