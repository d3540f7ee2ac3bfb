-- find_column_faults: columns that are missing, have another type, or can't hold what a booking writes.
-- Every kind of text counts as text, an enum too. Whether an enum has the labels that we need shows when the statements are planned.
with wanted ("table", "column", type, default_to, may_be_null, other_name) as (values
  ('organizations', 'id', 'uuid', null, false, null),
  ('organizations', 'timezone', 'text', null, false, 'time_zone'),
  ('organizations', 'phone_region', 'text', null, false, null),
  ('contacts', 'id', 'uuid', 'gen_random_uuid()', false, null),
  ('contacts', 'org_id', 'uuid', null, false, 'organization_id'),
  ('contacts', 'phone', 'text', null, true, 'phone_number'),
  ('contacts', 'email', 'text', null, true, 'email_address'),
  ('contacts', 'name', 'text', null, false, 'full_name'),
  ('contacts', 'lead_status', 'text', null, false, null),
  ('contacts', 'last_contact_at', 'timestamptz', null, false, 'last_contacted_at'),
  ('resources', 'org_id', 'uuid', null, false, null),
  ('resources', 'resource', 'text', null, false, null),
  ('resources', 'active', 'boolean', 'true', false, null),
  ('services', 'folded', 'text', null, false, null),
  ('services', 'slot_minutes', 'integer', null, false, null),
  ('opening_hours', 'weekday', 'integer', null, false, null),
  ('exceptions', 'during', 'tsrange', null, false, null),
  ('appointments', 'id', 'uuid', 'gen_random_uuid()', false, null),
  ('appointments', 'org_id', 'uuid', null, false, 'organization_id'),
  ('appointments', 'contact_id', 'uuid', null, false, null),
  ('appointments', 'resource', 'text', null, false, null),
  ('appointments', 'service_type', 'text', null, false, null),
  ('appointments', 'scheduled_at', 'timestamptz', null, false, null),
  ('appointments', 'duration_minutes', 'integer', null, false, null),
  ('appointments', 'status', 'text', null, false, null),
  ('appointments', 'attendee_name', 'text', null, true, null),
  ('appointments', 'idempotency_key', 'text', null, true, null),
  ('appointments', 'call_id', 'text', null, true, null),
  ('appointments', 'call_nth', 'integer', null, true, null),
  ('appointments', 'attendee_given', 'boolean', 'true', false, null),
  ('appointments', 'by_own_number', 'boolean', 'true', false, null),
  ('appointments', 'buffer_before_minutes', 'integer', '0', false, null),
  ('appointments', 'buffer_after_minutes', 'integer', '0', false, null),
  ('appointments', 'created_at', 'timestamptz', null, false, null),
  ('appointments', 'updated_at', 'timestamptz', null, false, null),
  ('appointments', 'found_by_email', 'boolean', 'false', false, null),
  ('organizations', 'cancel_until_minutes', 'integer', '0', false, null),
  ('events', 'data', 'jsonb', null, false, null),
  ('vapi_credentials', 'token_sha256', 'bytea', null, false, null),
  ('vapi_credentials', 'org_id', 'uuid', null, false, null),
  ('vapi_credentials', 'revoked_at', 'timestamptz', null, false, null)
),
-- The longest value that a booking writes into each column, and how bad it is if the value does not fit.
longest ("table", "column", length, severity) as (values
  ('contacts', 'phone', 16, 'warning'),
  ('contacts', 'email', 254, 'note'),
  ('contacts', 'name', 254, 'note'),
  ('contacts', 'lead_status', 9, 'error'),
  ('appointments', 'service_type', 254, 'note'),
  ('appointments', 'attendee_name', 254, 'note'),
  ('appointments', 'status', 9, 'error'),
  ('appointments', 'idempotency_key', 64, 'error'),
  ('appointments', 'call_id', 36, 'error')
),
place as (
  select r.name as "table",
    -- A table of this name in another schema may be another application's.
    case when r.name in ('services', 'opening_hours', 'exceptions', 'events')
         then to_regclass(format('%I.%I', current_schema(), r.name)) else to_regclass(r.name) end as oid
  from (select distinct "table" from wanted) as r (name)
),
present as (
  select r.name as "table", a.attname::text as "column", a.attnotnull or t.typnotnull as is_required,
         a.atthasdef or a.attidentity <> '' or t.typdefault is not null as fills_itself,
         -- A domain that is NOT NULL makes the column NOT NULL.
         case when t.typnotnull then format_type(b.oid, nullif(t.typtypmod, -1)) end as nullable_type,
         case when b.typname in ('varchar', 'bpchar') then nullif(greatest(a.atttypmod, t.typtypmod), -1) - 4 end as length,
         -- A citext counts as text too, but an exclusion constraint can't use it.
         case when r.name = 'appointments' and a.attname = 'resource' and b.typname = 'citext' then 'citext'
              when t.typcategory in ('S', 'E') then 'text'
              when b.typname in ('int4', 'int2') then 'integer'
              when b.typname = 'bool' then 'boolean'
              else b.typname::text end as type
  from place as r (name, oid)
  join pg_attribute a on a.attrelid = r.oid and a.attnum > 0 and not a.attisdropped
  join pg_type t on t.oid = a.atttypid
  join pg_type b on b.oid = coalesce(nullif(t.typbasetype, 0), t.oid)
),
fault as (
  select w."table", w."column", 'error' as severity, 'is called ' || quote_ident(p."column") as problem,
         format('rename column %I to %I', p."column", w."column") as change
  from wanted w
  join present p on p."table" = w."table" and p."column" = w.other_name
  where not exists (select from present q where q."table" = w."table" and q."column" = w."column")
  union all
  select w."table", w."column", 'error', 'is not there',
         format('add column %I %s', w."column", concat_ws(' default ', w.type, w.default_to))
           || case when w.type in ('integer', 'boolean') and w.default_to is not null then ' not null' else '' end
  from wanted w
  where (select place.oid from place where place."table" = w."table") is not null and not exists (
    select from present p where p."table" = w."table" and p."column" in (w."column", w.other_name)
  )
  union all
  select w."table", w."column", 'error', format('is %s and not %s', p.type, w.type),
         case
           -- Replace UTC by the zone in which the times were written.
           when p.type = 'timestamp' then format('alter column %I type timestamptz using %1$I at time zone ''UTC''', w."column")
           when w.default_to is not null and (p.type = 'text' or w.type <> 'uuid') then
             format('alter column %I drop default, alter column %1$I type %s using %1$I::%2$s, alter column %1$I set default %3$s',
                    w."column", w.type, w.default_to)
           -- PostgreSQL can't convert a number to a uuid.
           when w.type <> 'uuid' or p.type = 'text' then format('alter column %I type %s using %1$I::%2$s', w."column", w.type)
         end
  from wanted w
  join present p on p."table" = w."table" and p."column" = w."column" and p.type <> w.type
  union all
  select w."table", w."column", 'error', 'has no default, and not every statement sends one',
         format('alter column %I set default %s', w."column", w.default_to)
  from wanted w
  join present p on p."table" = w."table" and p."column" = w."column" and p.type = w.type and not p.fills_itself
  where w.default_to is not null
  union all
  select w."table", w."column", 'warning', 'is NOT NULL, and not everybody gives one',
         coalesce(format('alter column %I type ', w."column") || p.nullable_type, format('alter column %I drop not null', w."column"))
  from wanted w
  join present p on p."table" = w."table" and p."column" = w."column" and p.is_required
  where w.may_be_null
  union all
  -- A buffer that is NULL would block all time before or after its appointment.
  select w."table", w."column", case when w.type = 'integer' then 'error' else 'warning' end, 'may be NULL, and must not be',
         format('alter column %I type %s using coalesce(%1$I, %3$s), alter column %1$I set not null',
                w."column", w.type, w.default_to)
  from wanted w
  join present p on p."table" = w."table" and p."column" = w."column" and p.type = w.type and not p.is_required
  where w.default_to is not null and w.type in ('integer', 'boolean')
  union all
  select l."table", l."column", l.severity, format('takes %s characters, and up to %s are written', p.length, l.length),
         format('alter column %I type text', l."column")
  from longest l
  join present p on p."table" = l."table" and p."column" = l."column" and p.length < l.length
  union all
  select p."table", p."column", 'error', 'is NOT NULL, and no statement fills it',
         coalesce(format('alter column %I type ', p."column") || p.nullable_type, format('alter column %I drop not null', p."column"))
  from present p
  where p."table" in ('contacts', 'appointments') and p.is_required and not p.fills_itself
    and not exists (select from wanted w where w."table" = p."table" and w."column" = p."column")
    and not exists (select from wanted w where w."table" = p."table" and w.other_name = p."column")
)
select format('%I.%I', "table", "column") as what, severity,
       format('The column %I of %I %s', "column", "table", problem) as problem,
       case when change is not null then format('alter table %s %s;', to_regclass("table"), change) end as mend
from fault
order by "table", "column";
