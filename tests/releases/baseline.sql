-- The tables of a new database. Safe to run again: what exists stays as it is, but for a default
-- of random ids, see below.
-- Every key leads with org_id, and every foreign key carries it: a row of one tenant can't point
-- at another's, and the tables can be partitioned or distributed by org_id as they are.

create extension if not exists btree_gist;

create table if not exists organizations (
  id            uuid not null default gen_random_uuid(),
  name          text not null,
  timezone      text not null,
  phone_region  text not null,
  created_at    timestamptz not null default now(),
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
-- Room in every page: who calls again is written beside their last version, and in no index (HOT).
-- If you partition the table, it is for the partitions to have.
) with (fillfactor = 90);

-- Who gave no email is not in it.
create index if not exists contacts_org_email_idx on contacts (org_id, lower(email)) where email is not null;

create table if not exists resources (
  org_id    uuid not null,
  resource  text not null,
  constraint resources_pkey primary key (org_id, resource),
  constraint resources_org_fkey foreign key (org_id) references organizations (id)
);

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
  constraint appointments_pkey primary key (org_id, id),
  constraint appointments_contact_fkey foreign key (org_id, contact_id) references contacts (org_id, id),
  constraint appointments_resource_fkey foreign key (org_id, resource) references resources (org_id, resource),
  constraint appointments_duration_minutes_check check (duration_minutes between 5 and 480),
  constraint appointments_status_check
    check (status in ('pending', 'confirmed', 'cancelled', 'completed', 'no_show')),
  -- No resource is ever booked twice at once, whatever the durations. Only an immutable range can
  -- be constrained, hence UTC; without the coalesce a NULL duration would block all time after it.
  constraint appointments_resource_excl exclude using gist (
    -- The range before the resource: to compare ranges is cheaper than to compare texts.
    org_id with =,
    tsrange(scheduled_at at time zone 'UTC',
            (scheduled_at at time zone 'UTC') + make_interval(mins => coalesce(duration_minutes, 30))) with &&,
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

-- Who asks twice does not get two chairs; two children of one parent at the same time do.
create unique index if not exists appointments_contact_start_key
  on appointments (org_id, contact_id, scheduled_at, lower(coalesce(attendee_name, '')))
  where status in ('pending', 'confirmed');

-- A repeated request finds its booking; a cancelled booking answers no repeat.
create unique index if not exists appointments_idempotency_key
  on appointments (org_id, idempotency_key)
  where status in ('pending', 'confirmed');

create table if not exists vapi_credentials (
  token_sha256  bytea not null,
  org_id        uuid not null,
  label         text not null default '',
  created_at    timestamptz not null default now(),
  revoked_at    timestamptz,
  constraint vapi_credentials_pkey primary key (token_sha256),
  constraint vapi_credentials_org_fkey foreign key (org_id) references organizations (id)
);
