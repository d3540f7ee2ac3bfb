-- list_referrers: the tables of your own whose rows point at contacts or at appointments, and at which of them.
select c.conrelid::regclass::text as referrer, c.confrelid::regclass::text as name
from pg_constraint c
where c.contype = 'f' and c.conparentid = 0
  and c.confrelid in (to_regclass('contacts'), to_regclass('appointments'))
  and (c.conrelid, c.confrelid) <> (to_regclass('appointments'), to_regclass('contacts'))
order by referrer, name;
