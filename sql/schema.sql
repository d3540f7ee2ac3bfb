-- The tables of a new database. Safe to run again: what exists stays as it is, but for a default
-- of random ids, see below.
--
-- An organization is a clinic, or whoever else takes bookings. It has a time zone, in which its
-- people name a time, and a region, in which a local phone number is read. A resource is what one
-- appointment at a time can have: a doctor, a chair, a room. It has a name. A resource that left is
-- not active: nobody books it any more, and its appointments stay.
--
-- A service is what an appointment is for. A service that is listed brings its length and its
-- buffers, and says which resources do it; any other text is a service too, of the length that is
-- asked for. Opening hours are the local times of a weekday at which a resource can be booked; a
-- resource that has none can be booked at any time. An exception is a closure or an extra opening,
-- for one resource or for all, in local time. An extra opening beats a closure.
--
-- A contact is a person whom the organization knows by a phone number, or by an email address where
-- there is no number. One number is one contact of an organization, for good. An attendee is the
-- person for whom an appointment is made: often the contact, and sometimes a child or a parent, who
-- has no number of their own. So the attendee's name stands in the appointment, and several
-- attendees may share a contact.
--
-- An appointment gives one resource to one contact, from scheduled_at on, for duration_minutes. Its
-- buffers keep the resource free before and after. A pending or a confirmed appointment is active:
-- it occupies its time. A cancelled or a completed one does not, nor does one to which nobody came.
--
-- A caller is who is on the phone. A call is one phone call or chat, known by its call_id: when it
-- asks again for the same time, that is a repeat, and not a second appointment. A direct caller is a
-- program, which sends an idempotency_key for the same purpose.
--
-- An event is one change of an appointment: who did what, when, and in which call.
--
-- A token opens one organization to whoever sends it; only its SHA-256 is stored.
--
-- Every key leads with org_id, and every foreign key carries it: a row of one organization can't
-- point at another's, and the tables can be partitioned or distributed by org_id as they are.

-- Contacts of somebody else would be passed over as well.
do $$
begin
  if to_regclass('contacts') is not null and to_regclass('appointments') is null
     and not exists (select from pg_constraint where conrelid = to_regclass('contacts') and conname = 'contacts_org_fkey') then
    raise object_not_in_prerequisite_state using
      message = 'There are contacts already: booking-asgi schema --adopt --plan says what would change';
  end if;
end
$$;

-- Tables that are not of this release would be passed over, and what follows would fail halfway.
do $$
begin
  if to_regclass('appointments') is null then
    return;
  elsif to_regclass('booking_migrations') is null then
    raise object_not_in_prerequisite_state using
      message = 'There are appointments already: booking-asgi schema --adopt --plan, or --upgrade if an older release made them';
  elsif not exists (select from booking_migrations where name = '0014_erased') then
    raise object_not_in_prerequisite_state using message = 'The tables are an older release''s: booking-asgi schema --upgrade';
  end if;
end
$$;

-- The tables that this run makes, for its end.
do $$
begin
  perform set_config('booking.new_tables', array(
    select name
    from unnest(array[
      'organizations', 'contacts', 'resources', 'services', 'service_resources', 'opening_hours', 'exceptions',
      'appointments', 'events', 'vapi_credentials', 'booking_migrations'
    ]) as name
    where to_regclass(name) is null
  )::text, false);
end
$$;

create extension if not exists btree_gist;

-- The form in which names are compared: without case, invisible marks and superfluous spaces, and
-- with one kind of apostrophe and of hyphen. Indexes rest on it, so its body must never change: a
-- new rule needs a new name. It must never raise, or no row could be written: so it does without
-- normalize() where the encoding is not UTF8. Compare its results with collate "C", since
-- PostgreSQL can't derive a collation for them.
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

-- The time that an appointment occupies, its buffers included: in the exclusion constraint, and in
-- each query that asks whether a time is free. It is in UTC, since a range of timestamptz can't be
-- built by an immutable expression. Without the coalesce an appointment of unknown length would
-- block all time after it. Its body must never change, as that of booking_fold.
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

create table if not exists organizations (
  id            uuid not null default gen_random_uuid(),
  name          text not null,
  timezone      text not null,
  phone_region  text not null,
  created_at    timestamptz not null default now(),
  -- A caller can cancel or move an appointment up to so long before its start.
  cancel_until_minutes  integer not null default 0,
  constraint organizations_pkey primary key (id),
  constraint organizations_phone_region_check check (phone_region ~ '^[A-Z]{2}$')
);

create table if not exists contacts (
  id               uuid not null default gen_random_uuid(),
  org_id           uuid not null,
  phone            text,
  email            text,
  name             text,
  lead_status      text default 'new',
  last_contact_at  timestamptz,
  constraint contacts_pkey primary key (org_id, id),
  constraint contacts_org_fkey foreign key (org_id) references organizations (id),
  -- A partial index in its place would not do: ON CONFLICT (org_id, phone) can't use one.
  constraint uq_contacts_org_phone unique (org_id, phone)
-- Leave 10 % of each page free, so that updating a contact who calls again is a HOT update.
-- If you partition the table, set it on the partitions.
) with (fillfactor = 90);

-- A contact without an email is not in this index.
create index if not exists contacts_org_email_idx on contacts (org_id, lower(email)) where email is not null;

create table if not exists resources (
  org_id    uuid not null,
  resource  text not null,
  -- Whether it can still be booked.
  active    boolean not null default true,
  constraint resources_pkey primary key (org_id, resource),
  constraint resources_org_fkey foreign key (org_id) references organizations (id)
);

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

create table if not exists appointments (
  org_id            uuid not null,
  id                uuid not null default gen_random_uuid(),
  contact_id        uuid not null,
  resource          text not null,
  service_type      text not null,
  scheduled_at      timestamptz not null,
  duration_minutes  integer not null default 30,
  status            text not null default 'confirmed',
  attendee_name     text,
  idempotency_key   text,
  created_at        timestamptz not null default now(),
  updated_at        timestamptz not null default now(),
  -- The phone call or chat that booked it, and its number among those of that call and start.
  call_id           text,
  call_nth          integer,
  -- Whether the attendee's name was said; else it is the contact's, or missing.
  attendee_given    boolean not null default true,
  -- Whether the caller's own number was the contact's, or somebody spoke for the clinic.
  by_own_number     boolean not null default true,
  buffer_before_minutes  integer not null default 0,
  buffer_after_minutes   integer not null default 0,
  -- Whether the contact was found by an email: who calls from its number need not be the same person.
  found_by_email    boolean not null default false,
  constraint appointments_pkey primary key (org_id, id),
  constraint appointments_contact_fkey foreign key (org_id, contact_id) references contacts (org_id, id),
  constraint appointments_resource_fkey foreign key (org_id, resource)
    references resources (org_id, resource) on update cascade,
  constraint appointments_duration_minutes_check check (duration_minutes between 5 and 480),
  constraint appointments_status_check
    check (status in ('pending', 'confirmed', 'cancelled', 'completed', 'no_show')),
  -- No resource is ever booked twice at once, whatever the durations and buffers.
  constraint appointments_resource_excl exclude using gist (
    -- The range stands before the resource, since ranges are cheaper to compare than texts.
    org_id with =,
    booking_span(scheduled_at, duration_minutes, buffer_before_minutes, buffer_after_minutes) with &&,
    resource with =
  ) where (status in ('pending', 'confirmed'))
);

-- From 18 on ids are in the order of time: new ones share pages of an index, random ones touch one
-- each. Not those of organizations, which GiST tells apart by their first bits.
do $$
declare
  name text;
begin
  if current_setting('server_version_num')::int >= 180000 then
    for name in
      select adrelid::regclass from pg_attrdef
      where adrelid in ('contacts'::regclass, 'appointments'::regclass)
        and pg_get_expr(adbin, adrelid) = 'gen_random_uuid()'
    loop
      execute format('alter table %s alter column id set default uuidv7()', name);
    end loop;
  end if;
end
$$;

-- A person who asks twice gets one appointment. Two children of one parent get two at the same time.
create unique index if not exists appointments_contact_start_key
  on appointments (org_id, contact_id, scheduled_at, booking_fold(coalesce(attendee_name, '')) collate "C")
  where status in ('pending', 'confirmed');

-- Two spellings of one request, in one call at the same moment, get one appointment.
create unique index if not exists appointments_call_key
  on appointments (org_id, call_id, scheduled_at, call_nth)
  where status in ('pending', 'confirmed') and call_id is not null;

-- A repeated request finds its booking; a cancelled booking answers no repeat.
create unique index if not exists appointments_idempotency_key
  on appointments (org_id, idempotency_key)
  where status in ('pending', 'confirmed');

-- The appointments of a day, whatever became of them.
create index if not exists appointments_start_idx on appointments (org_id, scheduled_at);

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

create table if not exists vapi_credentials (
  token_sha256  bytea not null,
  org_id        uuid not null,
  label         text not null default '',
  created_at    timestamptz not null default now(),
  revoked_at    timestamptz,
  last_used_at  timestamptz,
  constraint vapi_credentials_pkey primary key (token_sha256),
  constraint vapi_credentials_org_fkey foreign key (org_id) references organizations (id)
);

-- The steps by which an older database becomes this one: see sql/migrations.
create table if not exists booking_migrations (
  name        text not null,
  applied_at  timestamptz not null default now(),
  constraint booking_migrations_pkey primary key (name)
);

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

-- Row-level security without a policy: only the owner of a new table reads and writes it, whatever the
-- database grants on new tables by default. Supabase grants all, to its role anon. A role that serves
-- gets its policies by `booking-asgi schema --grant`.
do $$
declare
  change text;
begin
  for change in
    with made as (
      select c.oid, c.oid::regclass as "table", c.relowner, c.relacl
      from unnest(nullif(current_setting('booking.new_tables'), '')::text[]) as name
      join pg_class c on c.oid = to_regclass(name)
    )
    select format('alter table %s enable row level security', "table") from made
    union all
    -- Row-level security holds back none of these, such as TRUNCATE and TRIGGER.
    select format('revoke %s on %s from %s', acl.privilege_type, "table", coalesce(quote_ident(r.rolname), 'public'))
    from made
    cross join lateral aclexplode(made.relacl) acl
    left join pg_roles r on r.oid = acl.grantee
    where acl.privilege_type not in ('SELECT', 'INSERT', 'UPDATE', 'DELETE') and acl.grantee <> made.relowner
      and not coalesce(r.rolsuper or r.rolbypassrls, false)
  loop
    execute change;
  end loop;
  perform set_config('booking.new_tables', '', false);
end
$$;
