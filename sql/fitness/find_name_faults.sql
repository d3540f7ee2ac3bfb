-- find_name_faults: objects that have the name of one of our keys or rules, so that ours would not be made.
-- Definitions are compared without casts, brackets and spaces, because these depend on the columns' types.
with ours (name, kind, definition) as (values
  ('appointments_resource_excl', 'x', 'org_idwith=,booking_spanscheduled_at,duration_minutes,buffer_before_minutes,buffer_after_minuteswith&&,'
     || 'resourcewith=wherestatus=anyarray''pending'',''confirmed'''),
  ('appointments_contact_start_key', 'i', 'org_id,contact_id,scheduled_at,booking_foldcoalesceattendee_name,'''''
     || 'wherestatus=anyarray''pending'',''confirmed'''),
  ('appointments_call_key', 'i', 'org_id,call_id,scheduled_at,call_nth'
     || 'wherestatus=anyarray''pending'',''confirmed''andcall_idisnotnull'),
  ('appointments_idempotency_key', 'i', 'org_id,idempotency_keywherestatus=anyarray''pending'',''confirmed'''),
  ('appointments_resource_check', 'c', 'checkresourceisnotnull'),
  ('appointments_scheduled_at_check', 'c', 'checkscheduled_atisnotnullorstatus<>allarray''pending'',''confirmed'''),
  ('appointments_status_check', 'c',
     'checkstatusisnotnullandstatus=anyarray''pending'',''confirmed'',''cancelled'',''completed'',''no_show'''),
  ('appointments_resource_fkey', 'f', 'foreignkeyorg_id,resourcereferencesresourcesorg_id,resource'),
  ('appointments_contact_fkey', 'f', 'foreignkeyorg_id,contact_idreferencescontactsorg_id,id')
),
present as (
  -- Any relation of the schema can already have the name of an index.
  select i.relname::text as name, case when x.indisexclusion then 'x' when x.indisunique then 'i' end as kind,
         x.indrelid is not distinct from to_regclass('appointments') and x.indimmediate and not x.indnullsnotdistinct as fits,
         key.columns || coalesce(' where ' || pg_get_expr(x.indpred, x.indrelid), '') as definition,
         case when i.relkind in ('i', 'I') then format('the index %s of %s', i.oid::regclass, x.indrelid::regclass)
              else 'the relation ' || i.oid::regclass end as what,
         format('alter %s %s rename to', case when i.relkind in ('i', 'I') then 'index' else 'table' end, i.oid::regclass)
           as rename,
         array['x', 'i'] as kinds
  from pg_class i
  left join pg_index x on x.indexrelid = i.oid
  left join pg_constraint c on c.conindid = i.oid and c.contype = 'x'
  cross join lateral (
    select string_agg(pg_get_indexdef(i.oid, k, true) || coalesce(' with ' || o.oprname, ''), ',' order by k) as columns
    from generate_series(1, x.indnkeyatts) k
    left join pg_operator o on o.oid = c.conexclop[k]
  ) key
  where i.relnamespace = (select relnamespace from pg_class where oid = to_regclass('appointments'))
  union all
  select c.conname, c.contype::text, coalesce((to_jsonb(c) ->> 'conenforced')::boolean, true),
         -- The constraint is validated at the end of the adoption.
         replace(pg_get_constraintdef(c.oid), ' NOT VALID', ''),
         format('a constraint of %s', c.conrelid::regclass),
         format('alter table %s rename constraint %I to', c.conrelid::regclass, c.conname),
         case when c.contype in ('p', 'u', 'x') then array['c', 'f'] else array['c', 'f', 'x'] end
  from pg_constraint c
  where c.conrelid = to_regclass('appointments')
),
fault as (
  select o.name, p.what, p.rename,
         coalesce(p.definition, '') as definition,
         coalesce(p.kind, '') = o.kind and p.fits and (
           plain.definition = o.definition
           -- Their foreign key may say more, such as ON DELETE.
           or o.kind = 'f' and starts_with(plain.definition, o.definition)
           -- In a new database the column itself is NOT NULL, without a constraint of this name.
           or o.name = 'appointments_status_check' and plain.definition = replace(o.definition, 'statusisnotnulland', '')
              and exists (select from pg_attribute
                          where attrelid = to_regclass('appointments') and attname = 'status' and attnotnull)
         ) as is_ours
  from ours o
  join present p on p.name = o.name and o.kind = any(p.kinds)
  cross join lateral (
    select regexp_replace(
      lower(p.definition),
      '::(("[^"]+"|\w+)\.)?("[^"]+"|character varying|\w+)(\(\d+\))?(\[\])?|[()\[\]\s]', '', 'g'
    ) as definition
  ) plain
)
select name as what, 'error' as severity,
       format('%s is a name of ours, and of %s already%s', name, what,
              coalesce(': ' || left(nullif(definition, ''), 200), '')) as problem,
       format('%s %I;', rename, name || '_theirs') as mend
from fault
where is_ours is not true
order by name;
