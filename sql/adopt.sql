-- Brings a database with contacts and appointments of its own up to the guarantees of schema.sql.
--
-- Run it through `booking-asgi schema --adopt`, which looks first at what stands in the way. Its
-- `--plan` says beforehand what changes for whoever writes these tables. Or:
--   psql "$URL" -f sql/migrations/0002_functions.sql    # harms nobody: list_doubles needs it
--   psql "$URL" -v resource="'main'" -v ended="'{}'" -f sql/fitness/list_overlaps.sql    # and list_doubles,
--     find_lock_faults, _name_, _release_ and _span_faults: each must print no row
--   psql "$URL" -v ended="'{}'" -f sql/fitness/count_statuses.sql    # none that is not over
--   psql "$URL" -v ON_ERROR_STOP=1 -f sql/adopt.sql
-- Other resources than `main`: -c "set booking.resources = '{Dr. Lee,Dr. Kim}'" before that -f.
-- Statuses of your own that hold no time: -c "set booking.ended = '{archived,rescheduled}'".
-- Connect directly, not through a pooler: it is a session. Each step is a statement that commits,
-- and is safe to repeat; after a failure run it all again. The way back stands at the end.
--
-- Contacts are neither written nor altered, they only get an index to be found by email, built
-- beside the traffic. Zones, regions and names of organizations are never assumed: they stay NULL
-- until you fill them. Primary keys, and NULLs of contact_id and duration_minutes, stay.
-- Each appointment is updated once, for its resource, and so your triggers on that run.
--
-- Whoever writes these tables today goes on writing them. So a rule is added only where a promise to
-- callers would break without it. That is why there is no foreign key from appointments: an
-- appointment of a new organization, of a resource that no caller can book, or of a contact that is
-- deleted later, gives nobody's time to somebody else. Nor is a length refused, but for none at all.

-- step: A timeout of the role must not end what is slow but harms nobody.
set statement_timeout = 0;

-- step: So must no timeout end the waiting for what is built beside the traffic.
set lock_timeout = 0;

-- step: Whoever waits for an exclusive lock stops all who come after: wait briefly, and often.
create or replace function pg_temp.briefly(change text) returns void language plpgsql as $$
begin
  -- Stops no writer, keeps a second adoption out, and makes autovacuum give way.
  perform set_config('lock_timeout', '30s', true);
  lock table appointments in share update exclusive mode;
  perform set_config('lock_timeout', '100ms', true);
  for attempt in 1 .. 100 loop
    begin
      execute change;
      return;
    exception when lock_not_available then
      if attempt = 100 then raise; end if;
    end;
    perform pg_sleep(0.2);
  end loop;
end $$;

-- step: What can be booked; the first is what appointments without a resource get.
create or replace function pg_temp.named() returns text[] stable language sql as
$$ select coalesce(nullif(current_setting('booking.resources', true), ''), '{main}')::text[] $$;

-- step: The statuses of theirs that hold no time, as the operator says.
create or replace function pg_temp.ended() returns text[] stable language sql as
$$ select coalesce(nullif(current_setting('booking.ended', true), ''), '{}')::text[] $$;

-- step: Where only one of the two tables is there, nobody writes the other one yet. It is closed to
-- all but its owner, as the tables of schema.sql are.
do $$
begin
  if to_regclass('contacts') is null and to_regclass('appointments') is null then
    raise undefined_table using message = 'There is nothing to adopt: booking-asgi schema --apply';
  end if;
  if to_regclass('contacts') is null then
    create table contacts (
      id               uuid not null default gen_random_uuid(),
      org_id           uuid not null,
      phone            text,
      email            text,
      name             text,
      lead_status      text default 'new',
      last_contact_at  timestamptz,
      constraint contacts_pkey primary key (org_id, id),
      constraint uq_contacts_org_phone unique (org_id, phone)
    ) with (fillfactor = 90);
    alter table contacts enable row level security;
  end if;
  if to_regclass('appointments') is null then
    create table appointments (
      org_id            uuid not null,
      id                uuid not null default gen_random_uuid(),
      contact_id        uuid not null,
      service_type      text not null,
      scheduled_at      timestamptz not null,
      duration_minutes  integer not null default 30,
      status            text not null default 'confirmed',
      created_at        timestamptz not null default now(),
      updated_at        timestamptz not null default now(),
      constraint appointments_pkey primary key (org_id, id)
    );
    alter table appointments enable row level security;
  end if;
end
$$;

-- step: A status that is an enum may lack labels, which must be committed before they are used.
select pg_temp.briefly(format('alter type %s add value if not exists %L', t.oid::regtype, label))
from pg_attribute a
join pg_type t on t.oid = a.atttypid and t.typtype = 'e'
cross join unnest(array['pending', 'confirmed', 'cancelled', 'completed', 'no_show']) as label
where a.attrelid = 'appointments'::regclass and a.attname = 'status'
  and not exists (select from pg_enum e where e.enumtypid = t.oid and e.enumlabel = label);

-- step: What the exclusion constraint is made of.
create extension if not exists btree_gist;

-- step: The form in which names are compared: without case, invisible marks and superfluous spaces,
-- and with one kind of apostrophe and of hyphen. Its body must never change, see schema.sql.
do $$
declare
  spaces constant text := '\t\n\x0b\f\r\u0085\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008'
    '\u2009\u200a\u2028\u2029\u202f\u205f\u3000';
  apostrophes constant text := '`\u00b4\u02b9\u02bb\u02bc\u2018\u2019\u201b\u2032\uff07';
  hyphens constant text := '\u2010\u2011\u2012\u2013\u2014\u2015\u2212\ufe58\ufe63\uff0d';
  -- translate() removes what it has no replacement for.
  invisible constant text := '\u00ad\u034f\u061c\u180e\u200b\u200c\u200d\u200e\u200f\u202a\u202b\u202c\u202d\u202e'
    '\u2060\u2061\u2062\u2063\u2064\u2066\u2067\u2068\u2069\u206a\u206b\u206c\u206d\u206e\u206f'
    '\ufe00\ufe01\ufe02\ufe03\ufe04\ufe05\ufe06\ufe07\ufe08\ufe09\ufe0a\ufe0b\ufe0c\ufe0d\ufe0e\ufe0f\ufeff';
  folded text := $body$translate(value, E'\t\n\x0b\f\r`', '     ''')$body$;
begin
  if to_regprocedure('booking_fold(text)') is not null then
    return;
  end if;
  if getdatabaseencoding() = 'UTF8' then
    folded := format('normalize(translate(value, E''%s'', %L))', spaces || apostrophes || hyphens || invisible,
                     repeat(' ', 24) || repeat('''', 10) || repeat('-', 10));
  end if;
  execute format('create function booking_fold(value text) returns text language sql immutable parallel safe '
                 'return btrim(regexp_replace(lower(%s collate "default"), '' +'', '' '', ''g''))', folded);
end
$$;

-- step: The time that an appointment occupies, its buffers included. Its body must never change either.
do $$
begin
  if to_regprocedure('booking_span(timestamptz, integer, integer, integer)') is null then
    create function booking_span(
      scheduled_at timestamptz, duration_minutes integer, buffer_before_minutes integer, buffer_after_minutes integer
    ) returns tsrange language sql immutable parallel safe
    return tsrange(
      (scheduled_at at time zone 'UTC') - make_interval(mins => buffer_before_minutes),
      (scheduled_at at time zone 'UTC') + make_interval(mins => coalesce(duration_minutes, 30) + buffer_after_minutes)
    );
  end if;
end
$$;

-- step: New rows get a resource from now on. Old ones have none yet, and what has none is compared
-- with nothing: so the exclusion constraint takes a tenth of the time to build.
select pg_temp.briefly(format('alter table appointments add column resource text, '
                              'alter column resource set default %L', (pg_temp.named())[1]))
where not exists (select from pg_attribute where attrelid = 'appointments'::regclass and attname = 'resource');

-- step: A resource of their own may have no default, and the old writers name none.
select pg_temp.briefly(format('alter table appointments alter column resource set default %L', (pg_temp.named())[1]))
from pg_attribute
where attrelid = 'appointments'::regclass and attname = 'resource' and not atthasdef;

-- step: And the other columns. Each default is a constant, so that no row is rewritten.
select pg_temp.briefly(format('alter table appointments add column %I %s', name, type))
from (values
  ('attendee_name', 'text'),
  ('idempotency_key', 'text'),
  ('call_id', 'text'),
  ('call_nth', 'integer'),
  ('attendee_given', 'boolean not null default true'),
  ('by_own_number', 'boolean not null default true'),
  ('buffer_before_minutes', 'integer not null default 0'),
  ('buffer_after_minutes', 'integer not null default 0'),
  ('found_by_email', 'boolean not null default false')
) as ours (name, type)
where not exists (select from pg_attribute where attrelid = 'appointments'::regclass and attname = name);

-- step: No statement sends an id.
select pg_temp.briefly('alter table appointments alter column id set default gen_random_uuid()')
from pg_attribute
where attrelid = 'appointments'::regclass and attname = 'id' and not atthasdef and attidentity = '';

-- step: What an interrupted build left behind stands in the way of its next one.
select pg_temp.briefly(format('drop index %s', x.indexrelid::regclass))
from pg_index x join pg_class i on i.oid = x.indexrelid
where i.relname in (
    'appointments_contact_start_key', 'appointments_call_key', 'appointments_idempotency_key',
    'appointments_start_idx', 'contacts_org_email_idx'
  )
  and x.indrelid in ('appointments'::regclass, 'contacts'::regclass) and not x.indisvalid;

-- step: Who asks twice does not get two chairs; two children of one parent at the same time do.
create unique index concurrently if not exists appointments_contact_start_key
  on appointments (org_id, contact_id, scheduled_at, booking_fold(coalesce(attendee_name, '')) collate "C")
  where status in ('pending', 'confirmed');

-- step: Two spellings of one request, in one call at the same moment, get one appointment.
create unique index concurrently if not exists appointments_call_key
  on appointments (org_id, call_id, scheduled_at, call_nth)
  where status in ('pending', 'confirmed') and call_id is not null;

-- step: A repeated request finds its booking; a cancelled booking answers no repeat.
create unique index concurrently if not exists appointments_idempotency_key
  on appointments (org_id, idempotency_key)
  where status in ('pending', 'confirmed');

-- step: The appointments of a day, whatever became of them.
create index concurrently if not exists appointments_start_idx on appointments (org_id, scheduled_at);

-- step: Without it each booking by email alone reads all contacts.
create index concurrently if not exists contacts_org_email_idx on contacts (org_id, lower(email)) where email is not null;

-- step: No resource is ever booked twice at once. It can't be built beside the traffic.
select pg_temp.briefly($$
  alter table appointments add constraint appointments_resource_excl exclude using gist (
    org_id with =,
    booking_span(scheduled_at, duration_minutes, buffer_before_minutes, buffer_after_minutes) with &&,
    resource with =
  ) where (status in ('pending', 'confirmed'))
$$)
where not exists (select from pg_constraint
                  where conrelid = 'appointments'::regclass and conname = 'appointments_resource_excl');

-- step: Now the old rows, few at a time. Who holds one is passed over, and visited again.
do $$
declare
  first constant text := (pg_temp.named())[1];
  batch tid[];
begin
  for visit in 1 .. 20 loop
    for batch in
      select array_agg(page.row) from (
        select ctid as row, row_number() over () / 100 as number from appointments where resource is null
      ) page group by page.number
    loop
      perform set_config('lock_timeout', '100ms', true);
      begin
        update appointments set resource = first
        where ctid = any(array(select ctid from appointments
                               where ctid = any(batch) and resource is null for update skip locked));
      exception when lock_not_available then null;
      end;
      commit;
    end loop;
    if not exists (select from appointments where resource is null and status in ('pending', 'confirmed')) then
      return;
    end if;
    perform pg_sleep(0.5);
  end loop;
  raise lock_not_available using message = 'an open transaction holds rows of appointments';
end $$;

-- step: No row may escape the constraints. Only new rows are looked at here, which takes no time.
-- A row that holds nobody's time may have any status, any length and no resource: the application
-- that wrote it before may go on. A status that is not ours may mean an appointment, which would
-- then be kept apart from no other. So it is refused until the appointment is over, unless the
-- operator says that it holds no time. What is over stays over, so that a condition with now() in
-- it never becomes false for a row that nobody changes: a dump of the table can be restored.
do $$
declare
  statuses constant text := format(
    '(status is not null and (status in (''pending'', ''confirmed'', ''cancelled'', ''completed'', ''no_show'')'
    ' or status::text = any (array[%s]::text[])))'
    ' or scheduled_at + make_interval(mins => coalesce(duration_minutes, 30) + buffer_after_minutes) <= now()',
    (select string_agg(quote_literal(status), ', ') from unnest(pg_temp.ended()) as status)
  );
  rule record;
begin
  for rule in select * from (values
    ('appointments_resource_check', 'resource is not null or status not in (''pending'', ''confirmed'')'),
    ('appointments_scheduled_at_check', 'scheduled_at is not null or status not in (''pending'', ''confirmed'')'),
    ('appointments_length_check', 'duration_minutes > 0 or status not in (''pending'', ''confirmed'')'),
    ('appointments_status_check', statuses)
  ) as rules (name, condition)
  where not exists (select from pg_constraint
                    where conrelid = 'appointments'::regclass and conname = rules.name)
  loop
    perform pg_temp.briefly(format('alter table appointments add constraint %I check (%s) not valid',
                                   rule.name, rule.condition));
  end loop;
  -- A status that was not named when the rule was made.
  if exists (
    select from pg_constraint c, unnest(pg_temp.ended()) as status
    where c.conrelid = 'appointments'::regclass and c.conname = 'appointments_status_check'
      and strpos(pg_get_constraintdef(c.oid), quote_literal(status)) = 0
      -- A CHECK of theirs may have our name where it refuses the same and more.
      and pg_get_constraintdef(c.oid) like '%status IS NOT NULL%'
  ) then
    perform pg_temp.briefly(format('alter table appointments drop constraint appointments_status_check, '
                                   'add constraint appointments_status_check check (%s) not valid', statuses));
  end if;
end $$;

-- step: The organizations. Where there is no such table, all are in it that have a contact or an
-- appointment.
select pg_temp.briefly($$
  create table organizations (
    id            uuid not null default gen_random_uuid(),
    name          text,
    timezone      text,
    phone_region  text,
    created_at    timestamptz not null default now(),
    cancel_until_minutes  integer not null default 0,
    constraint organizations_pkey primary key (id),
    constraint organizations_phone_region_check check (phone_region ~ '^[A-Z]{2}$')
  );
  insert into organizations (id)
  select org_id from contacts where org_id is not null
  union
  select org_id from appointments where org_id is not null
$$)
where to_regclass('organizations') is null;

-- step: Where there is one, what it lacks.
select pg_temp.briefly(format('alter table organizations add column %I %s', name, type))
from (values
  ('name', 'text'),
  ('timezone', 'text'),
  ('phone_region', 'text'),
  ('cancel_until_minutes', 'integer not null default 0')
) as ours (name, type)
where not exists (select from pg_attribute where attrelid = 'organizations'::regclass and attname = name);

-- step: Before its rows nobody books through booking_core, who would not see the rows without one.
select pg_temp.briefly($$
  create table resources (
    org_id    uuid not null,
    resource  text not null,
    active    boolean not null default true,
    constraint resources_pkey primary key (org_id, resource),
    -- Whoever deletes an organization today can go on doing so.
    constraint resources_org_fkey foreign key (org_id) references organizations (id) on delete cascade
  )
$$)
where to_regclass('resources') is null;

-- step: Where there is one, what it lacks.
select pg_temp.briefly('alter table resources add column active boolean not null default true')
where not exists (select from pg_attribute where attrelid = 'resources'::regclass and attname = 'active');

-- step: Who has one already gets no other, but for those that are in use.
insert into resources (org_id, resource)
select o.id, resource from organizations o, unnest(pg_temp.named()) as resource
where not exists (select from resources r where r.org_id = o.id)
union
-- An appointment that stood beside another one when it was adopted holds a resource that nobody can book.
select a.org_id, a.resource from appointments a join organizations o on o.id = a.org_id
where a.resource is not null and a.resource <> 'double-booked ' || a.id
on conflict do nothing;

-- step: When it can be booked, and for what.
select pg_temp.briefly($$
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
    constraint services_org_fkey foreign key (org_id) references organizations (id) on delete cascade,
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
    constraint exceptions_org_fkey foreign key (org_id) references organizations (id) on delete cascade,
    constraint exceptions_resource_fkey foreign key (org_id, resource)
      references resources (org_id, resource) on update cascade on delete cascade,
    constraint exceptions_during_check check (coalesce(isfinite(lower(during)) and isfinite(upper(during)), false))
  );

  -- Those that are over are not read.
  create index if not exists exceptions_org_end_idx on exceptions (org_id, upper(during));
$$);

-- step: What was done to each appointment from now on.
select pg_temp.briefly($$
  -- What was done to an appointment, by whom and in which call. It names no person: no name, phone, email
  -- or free text. Nothing changes a row, but that an erasure takes out the call_id. `prune` deletes old ones.
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
      check (type in ('booked', 'mended', 'moved', 'cancelled', 'completed', 'no_show', 'erased'))
  );

  create index if not exists events_appointment_idx on events (org_id, appointment_id);

  create index if not exists events_call_idx on events (org_id, call_id) where call_id is not null;
$$);

-- step: An older release knew no erasure.
select pg_temp.briefly($$
  alter table events
    drop constraint if exists events_type_check,
    add constraint events_type_check
      check (type in ('booked', 'mended', 'moved', 'cancelled', 'completed', 'no_show', 'erased'))
$$)
where not exists (
  select from pg_constraint
  where conrelid = 'events'::regclass and conname = 'events_type_check'
    and strpos(pg_get_constraintdef(oid), '''erased''') > 0
);

-- step: Only the hash of a token is ever stored.
select pg_temp.briefly($$
  create table vapi_credentials (
    token_sha256  bytea not null,
    org_id        uuid not null,
    label         text not null default '',
    created_at    timestamptz not null default now(),
    revoked_at    timestamptz,
    last_used_at  timestamptz,
    constraint vapi_credentials_pkey primary key (token_sha256),
    constraint vapi_credentials_org_fkey foreign key (org_id) references organizations (id) on delete cascade
  )
$$)
where to_regclass('vapi_credentials') is null;

-- step: The old rows are looked at beside the traffic.
select pg_temp.briefly(format('alter table appointments validate constraint %I', conname))
from pg_constraint
where conrelid = 'appointments'::regclass and not convalidated and conname in (
  'appointments_resource_check', 'appointments_scheduled_at_check', 'appointments_length_check',
  'appointments_status_check'
);

-- step: The steps by which an older release's database becomes this one: here they are all made.
create table if not exists booking_migrations (
  name        text not null,
  applied_at  timestamptz not null default now(),
  constraint booking_migrations_pkey primary key (name)
);

-- step: Without them schema.sql would refuse these tables.
insert into booking_migrations (name)
values
  ('0001_migrations'),
  ('0002_functions'),
  ('0003_calls'),
  ('0004_call_key'),
  ('0005_folded_key'),
  ('0006_contact_start_key'),
  ('0007_resource_excl'),
  ('0008_token_last_used'),
  ('0009_row_security'),
  ('0010_hours'),
  ('0011_resource_fkey'),
  ('0012_events'),
  ('0013_start_idx'),
  ('0014_erased')
on conflict (name) do nothing;

-- step: Row-level security on the tables that we made, so that no role reads or writes them which nobody
-- meant to: Supabase grants all on each new table to its role anon.
-- Each role that was granted something and logs in, or through which others log in, keeps what it has
-- by a policy. Where PUBLIC was granted something, nobody can tell who relies on it: that table stays
-- as it is, and `booking-asgi check` says so. A policy must be there before the table is locked down.
select pg_temp.briefly($step$
do $$
declare
  change text;
begin
  for change in
    with made as (
      select c.oid, c.oid::regclass as "table", c.relowner, c.relacl
      from (values
        ('resources', null, null), ('vapi_credentials', null, null), ('booking_migrations', null, null),
        ('services', null, null), ('service_resources', null, null), ('opening_hours', null, null),
        ('exceptions', null, null), ('events', null, null),
        -- These may be the user's own. Only our SQL gives them such a constraint.
        ('organizations', 'organizations', 'organizations_phone_region_check'),
        ('contacts', 'contacts', 'contacts_org_fkey'), ('appointments', 'contacts', 'contacts_org_fkey')
      ) as ours (name, marked, mark)
      join pg_class c on c.oid = to_regclass(ours.name) and not c.relrowsecurity
      where ours.mark is null
         or exists (select from pg_constraint where conrelid = to_regclass(ours.marked) and conname = ours.mark)
    ),
    granted as (
      select made.oid, made."table", acl.grantee, acl.privileges, r.rolname,
        exists (
          select from pg_roles login
          where login.rolcanlogin and pg_has_role(login.oid, acl.grantee, 'usage')
            and not (login.rolsuper or login.rolbypassrls or pg_has_role(login.oid, made.relowner, 'usage'))
        ) as logs_in
      from made
      cross join lateral (
        select grantee, string_agg(privilege_type, ', ') filter (
          where privilege_type not in ('SELECT', 'INSERT', 'UPDATE', 'DELETE')) as privileges
        from (
          select grantee, privilege_type from aclexplode(made.relacl)
          union
          select a.grantee, a.privilege_type from pg_attribute, aclexplode(attacl) a where attrelid = made.oid
        ) each
        group by grantee
      ) acl
      left join pg_roles r on r.oid = acl.grantee
      where acl.grantee <> made.relowner and not coalesce(r.rolsuper or r.rolbypassrls, false)
    ),
    closing as (
      select * from made where not exists (select from granted where granted.oid = made.oid and grantee = 0)
    )
    select format('create policy %I on %s to %I using (true) with check (true)', 'booking_' || rolname, "table", rolname)
    from granted
    where logs_in and oid in (select oid from closing)
      and not exists (select from pg_policy where polrelid = granted.oid and polname = ('booking_' || rolname)::name)
    union all
    -- Row-level security holds back none of these, such as TRUNCATE and TRIGGER.
    select format('revoke %s on %s from %I', privileges, "table", rolname)
    from granted
    where privileges is not null and not logs_in and oid in (select oid from closing)
    union all
    select format('alter table %s enable row level security', "table") from closing
  loop
    execute change;
  end loop;
end
$$
$step$);

-- step: As it was.
reset lock_timeout;

-- step: As it was.
reset statement_timeout;

-- The way back. Leave out what was there before; labels of an enum stay. It loses the zones,
-- tokens, resources, attendees and calls that were written meanwhile.
--
-- alter table appointments
--   drop constraint if exists appointments_resource_excl,
--   drop constraint if exists appointments_resource_check,
--   drop constraint if exists appointments_scheduled_at_check,
--   drop constraint if exists appointments_status_check,
--   drop constraint if exists appointments_length_check;
-- drop index if exists appointments_contact_start_key, appointments_call_key, appointments_idempotency_key,
--   appointments_start_idx, contacts_org_email_idx;
-- alter table appointments
--   drop column resource, drop column attendee_name, drop column idempotency_key,
--   drop column call_id, drop column call_nth, drop column attendee_given, drop column by_own_number,
--   drop column buffer_before_minutes, drop column buffer_after_minutes, drop column found_by_email;
-- drop table vapi_credentials, events, exceptions, opening_hours, service_resources, services, resources, booking_migrations;
-- drop function booking_fold(text), booking_span(timestamptz, integer, integer, integer);
-- Where it had none: alter table appointments alter column id drop default;
-- Where there were organizations: alter table organizations drop column timezone, drop column phone_region,
--   drop column cancel_until_minutes;
-- Where they had no name: alter table organizations drop column name;
-- Where there were none: drop table organizations;
-- Where nothing else needs it: drop extension btree_gist;
