-- find_soft_delete_faults: columns of appointments that mark a row as gone, and active rows that are marked.
-- The finding is an error if active rows are marked, else a note.
with marking as (
  select a.attname::text as name, plain.name ~ 'archived' as is_archive,
         case
           when t.typname in ('timestamptz', 'timestamp', 'date') then 'time'
           when t.typcategory = 'B' then case when plain.name ~ 'active$' then 'unset' else 'set' end
           when t.typcategory = 'N' then 'number'
           else 'text'
         end as kind
  from pg_attribute a
  join pg_type t on t.oid = a.atttypid
  cross join lateral (select replace(lower(a.attname), '_', '') as name) plain
  where a.attrelid = to_regclass('appointments') and a.attnum > 0 and not a.attisdropped
    and (plain.name ~ ('^(is|was|has|date)?(been)?(soft)?(deleted?|removed|archived|cancell?ed|cancell?ation|discarded|trashed|voided)'
                       || '(at|on|by|date|time|datetime|timestamp)?$')
         or plain.name ~ '^(is)?active$' and t.typcategory = 'B')
),
marked as (
  select m.name, count(*) as rows
  from appointments a
  -- Columns are read through JSON, because their names are not known beforehand.
  cross join lateral (select to_jsonb(a) as row) as json
  join marking m on case m.kind
    when 'time' then (json.row ->> m.name)::timestamptz <= now()
    when 'set' then (json.row ->> m.name)::boolean
    when 'unset' then not (json.row ->> m.name)::boolean
    when 'number' then (json.row ->> m.name)::numeric <> 0
    else lower(btrim(json.row ->> m.name)) not in ('', 'f', 'false', 'n', 'no', 'off', '0')
  end
  -- If there is no such column, no row is read.
  where exists (select from marking) and a.status::text in ('pending', 'confirmed')
    -- An appointment that took place may be archived.
    and (not m.is_archive or a.scheduled_at > now())
  group by m.name
)
select format('appointments.%I', m.name) as what, case when k.rows is null then 'note' else 'error' end as severity,
       case when k.rows is null
            then format('The column %I marks appointments that are gone: one goes on holding its time until its status is cancelled as well',
                        m.name)
            else format('%s active appointments are gone by their %I, and go on holding their time', k.rows, m.name) end as problem,
       case when k.rows is not null
            then format('select id, scheduled_at from appointments where %1$s;' || chr(10)
                        || 'update appointments set status = ''cancelled'' where %1$s;', gone.condition) end as mend
from marking m
left join marked k on k.name = m.name
cross join lateral (
  select format('status::text in (''pending'', ''confirmed'') and %s%s',
                case m.kind
                  when 'time' then format('%I <= now()', m.name)
                  when 'set' then quote_ident(m.name)
                  when 'unset' then format('not %I', m.name)
                  when 'number' then format('%I <> 0', m.name)
                  else format('lower(btrim(%I::text)) not in ('''', ''f'', ''false'', ''n'', ''no'', ''off'', ''0'')', m.name)
                end,
                case when m.is_archive then ' and scheduled_at > now()' end) as condition
) gone
order by m.name;
