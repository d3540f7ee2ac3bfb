-- When an organization can be booked, and for what: see schema.sql.
alter table resources add column if not exists active boolean not null default true;

create table if not exists services (
  org_id                 uuid not null,
  service                text not null,
  -- Its name in the form in which names are compared.
  folded                 text collate "C" not null generated always as (booking_fold(service)) stored,
  duration_minutes       integer not null,
  buffer_before_minutes  integer not null default 0,
  buffer_after_minutes   integer not null default 0,
  -- Its free times are looked for at every so many minutes from midnight on.
  slot_minutes           integer not null default 15,
  -- How long before its start it must be booked.
  notice_minutes         integer not null default 0,
  constraint services_pkey primary key (org_id, service),
  constraint services_folded_key unique (org_id, folded),
  constraint services_org_fkey foreign key (org_id) references organizations (id),
  constraint services_duration_minutes_check check (duration_minutes between 5 and 480),
  constraint services_buffer_minutes_check
    check (buffer_before_minutes between 0 and 480 and buffer_after_minutes between 0 and 480),
  constraint services_slot_minutes_check check (slot_minutes between 5 and 480),
  constraint services_notice_minutes_check check (notice_minutes between 0 and 525600)
);

-- Which resources do a service. Every resource does one that has no row here.
create table if not exists service_resources (
  org_id    uuid not null,
  service   text not null,
  resource  text not null,
  constraint service_resources_pkey primary key (org_id, service, resource),
  constraint service_resources_service_fkey foreign key (org_id, service)
    references services (org_id, service) on update cascade on delete cascade,
  constraint service_resources_resource_fkey foreign key (org_id, resource)
    references resources (org_id, resource) on update cascade on delete cascade
);

-- From opens to closes on a weekday, 1 being Monday. Where closes is not after opens it is on the next
-- day: 00:00 is the end of the day, and the same time twice is a whole day. No 24:00, which asyncpg can't
-- read.
create table if not exists opening_hours (
  org_id    uuid not null,
  resource  text not null,
  weekday   smallint not null,
  opens     time not null,
  closes    time not null,
  constraint opening_hours_pkey primary key (org_id, resource, weekday, opens),
  constraint opening_hours_resource_fkey foreign key (org_id, resource)
    references resources (org_id, resource) on update cascade on delete cascade,
  constraint opening_hours_weekday_check check (weekday between 1 and 7),
  constraint opening_hours_time_check check (opens < '24:00' and closes < '24:00')
);

-- In local time, so that a change of the zone's rules does not move a holiday.
create table if not exists exceptions (
  org_id    uuid not null,
  id        uuid not null default gen_random_uuid(),
  -- Null is every resource.
  resource  text,
  during    tsrange not null,
  -- Whether it is an extra opening; else it is a closure.
  opens     boolean not null default false,
  note      text not null default '',
  constraint exceptions_pkey primary key (org_id, id),
  constraint exceptions_org_fkey foreign key (org_id) references organizations (id),
  constraint exceptions_resource_fkey foreign key (org_id, resource)
    references resources (org_id, resource) on update cascade on delete cascade,
  constraint exceptions_during_check check (coalesce(isfinite(lower(during)) and isfinite(upper(during)), false))
);

-- Those that are over are not read.
create index if not exists exceptions_org_end_idx on exceptions (org_id, upper(during));

-- A resource can be renamed. The old rows are looked at by the next step, beside the traffic.
do $$
begin
  if exists (select from pg_constraint
             where conrelid = 'appointments'::regclass and conname = 'appointments_resource_fkey' and confupdtype <> 'c') then
    execute 'alter table appointments drop constraint appointments_resource_fkey, add constraint appointments_resource_fkey '
      'foreign key (org_id, resource) references resources (org_id, resource) on update cascade'
      -- PostgreSQL 17 and older look at the rows of a partitioned table at once.
      || case when (select relkind from pg_class where oid = 'appointments'::regclass) <> 'p' then ' not valid' else '' end;
  end if;
end
$$;

-- Whoever can book needs what a booking reads now; nobody else gets anything.
do $$
declare
  change text;
begin
  for change in
    with made as (
      select c.oid::regclass as "table", c.relowner, c.relacl
      from unnest(array['services', 'service_resources', 'opening_hours', 'exceptions']) as name
      join pg_class c on c.oid = to_regclass(name)
    ),
    booking as (
      select distinct coalesce(r.rolname, 'public') as name, coalesce(quote_ident(r.rolname), 'public') as role
      from pg_class a
      cross join lateral aclexplode(a.relacl) acl
      left join pg_roles r on r.oid = acl.grantee
      where a.oid = 'appointments'::regclass and acl.privilege_type = 'INSERT' and acl.grantee <> a.relowner
        and (acl.grantee = 0 or exists (
          select from pg_roles login
          where login.rolcanlogin and pg_has_role(login.oid, acl.grantee, 'usage')
            and not (login.rolsuper or pg_has_role(login.oid, a.relowner, 'usage'))))
    )
    select format('alter table %s enable row level security', "table") from made
    union all
    select format('revoke all on %s from %s', "table", string_agg(distinct coalesce(quote_ident(r.rolname), 'public'), ', '))
    from made
    cross join lateral aclexplode(relacl) acl
    left join pg_roles r on r.oid = acl.grantee
    where acl.grantee <> relowner and not coalesce(r.rolsuper or r.rolbypassrls, false)
    group by "table"
    union all
    select format('grant select on %s to %s', "table", role) from made, booking
    union all
    select format('create policy %I on %s to %s using (true) with check (true)', 'booking_' || name, "table", role)
    from made, booking
  loop
    execute change;
  end loop;
end
$$;
