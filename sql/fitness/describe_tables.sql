-- describe_tables: what an adoption finds in the tables, and how many rows it has to touch.
select (select count(*) from appointments) as appointments,
       -- As JSON, for there may be no such columns yet.
       (select count(*) from appointments a where to_jsonb(a) ->> 'status' in ('pending', 'confirmed')) as active,
       (select count(*) from appointments a where to_jsonb(a) ->> 'status' in ('pending', 'confirmed')
          and to_jsonb(a) ->> 'resource' is not null) as compared,
       (select count(*) from appointments a where to_jsonb(a) ->> 'resource' is null) as without_resource,
       array(select a.attname::text from pg_attribute a
             where a.attrelid = 'appointments'::regclass and a.attnum > 0 and not a.attisdropped) as columns,
       array(select a.attname::text from pg_attribute a
             where a.attrelid = 'appointments'::regclass and (a.atthasdef or a.attidentity <> '')) as defaults,
       array(select a.attname::text from pg_attribute a
             where a.attrelid = to_regclass('organizations') and a.attnum > 0 and not a.attisdropped) as organization_columns,
       array(select c.conname::text from pg_constraint c where c.conrelid = 'appointments'::regclass) as constraints,
       array(select i.relname::text from pg_index x join pg_class i on i.oid = x.indexrelid
             where x.indrelid in (to_regclass('appointments'), to_regclass('contacts')) and x.indisvalid) as indexes,
       array(select t.tgname::text from pg_trigger t
             where t.tgrelid = 'appointments'::regclass and not t.tgisinternal and t.tgenabled <> 'D'
               and t.tgtype & 16 > 0) as update_triggers,
       (to_regprocedure('booking_fold(text)') is null) as lacks_functions,
       not exists (select from pg_extension where extname = 'btree_gist') as lacks_extension,
       array(select distinct to_jsonb(a) ->> 'status' from appointments a where to_jsonb(a) ->> 'status' is not null) as statuses;
