-- find_refusals: what of the database's own can keep a row from appointments without an error.
-- A trigger before the insert may drop the row, a rule may replace it, and ON CONFLICT DO NOTHING
-- heeds every unique key.
select 'the trigger ' || quote_ident(t.tgname) as name
from pg_trigger t
where t.tgrelid = 'appointments'::regclass and not t.tgisinternal and t.tgenabled in ('O', 'A')
  -- For each row, before, an insert.
  and t.tgtype::integer & 7 = 7
union all
select 'the rule ' || quote_ident(r.rulename)
from pg_rewrite r
where r.ev_class = 'appointments'::regclass and r.ev_type = '3' and r.ev_enabled in ('O', 'A')
union all
select 'the key ' || quote_ident(i.relname)
from pg_index x join pg_class i on i.oid = x.indexrelid
where x.indrelid = 'appointments'::regclass and (x.indisunique or x.indisexclusion) and not x.indisprimary
  and i.relname not in ('appointments_resource_excl', 'appointments_contact_start_key',
                        'appointments_idempotency_key', 'appointments_call_key')
order by name;
