-- The appointments of before are held against the new foreign key, while others book.
do $$
begin
  if exists (select from pg_constraint where conrelid = 'appointments'::regclass
             and conname = 'appointments_resource_fkey' and not convalidated) then
    alter table appointments validate constraint appointments_resource_fkey;
  end if;
end
$$;
