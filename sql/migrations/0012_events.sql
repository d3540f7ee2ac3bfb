-- What was done to each appointment from now on: see schema.sql. Each default is a constant, so that no row
-- is rewritten.
alter table appointments add column if not exists found_by_email boolean not null default false;
alter table organizations add column if not exists cancel_until_minutes integer not null default 0;

-- What was done to an appointment, by whom and in which call. Rows are only ever added. It names no
-- person: no name, phone, email or free text.
create table if not exists events (
  org_id          uuid not null,
  id              uuid not null default gen_random_uuid(),
  at              timestamptz not null default now(),
  type            text not null,
  appointment_id  uuid not null,
  -- caller, api:<token id>, staff:<label> or system.
  actor           text not null,
  call_id         text,
  -- What it was and what it is since then.
  data            jsonb not null default '{}',
  constraint events_pkey primary key (org_id, id),
  constraint events_type_check
    check (type in ('booked', 'mended', 'moved', 'cancelled', 'completed', 'no_show'))
);

create index if not exists events_appointment_idx on events (org_id, appointment_id);

create index if not exists events_call_idx on events (org_id, call_id) where call_id is not null;

-- Whoever can book needs what a booking writes now; nobody else gets anything.
do $$
declare
  change text;
begin
  for change in
    with made as (
      select c.oid::regclass as "table", c.relowner, c.relacl
      from unnest(array['events']) as name
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
    select format('grant select, insert on %s to %s', "table", role) from made, booking
    union all
    select format('create policy %I on %s to %s using (true) with check (true)', 'booking_' || name, "table", role)
    from made, booking
  loop
    execute change;
  end loop;
end
$$;
