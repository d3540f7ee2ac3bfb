-- find_phone_faults: contacts that no caller's phone finds, because their phone is not in E.164.
with odd as (
  select c.id, count(*) over () as contacts
  from contacts c
  -- The pattern does not use {1,14}, which takes three times as long.
  where c.phone::text !~ '^\+[1-9][0-9]+$' or length(c.phone::text) > 16
  order by c.id
  limit 20
)
select 'phones' as what, 'warning' as severity,
       format('The phones of %s contacts are not E.164, so that the next call of each makes a second contact: %s',
              max(contacts), string_agg(id::text, ', ' order by id)) as problem,
       '-- Who has only signs and spaces too many; the others need their country code from you.' || chr(10)
       || 'update contacts set phone = ''+'' || regexp_replace(phone::text, ''\D'', '''', ''g'') where phone::text ~ ''^\s*\+'' and phone::text !~ ''^\+[1-9][0-9]+$'';' as mend
from odd
having count(*) > 0;
