-- set_hours: the opening hours of these resources on these weekdays, and no others on them.
-- The three lists of the hours belong together, element by element.
with hours as (
  select * from unnest(:hours_weekdays::smallint[], :hours_opens::time[], :hours_closes::time[]) as h (weekday, opens, closes)
),
gone as (
  delete from opening_hours o
  where o.org_id = :org_id and o.resource = any(:resources::text[]) and o.weekday = any(:weekdays::smallint[])
    -- A row that comes again is updated below: one statement can't delete and insert the same key.
    and not exists (select from hours h where h.weekday = o.weekday and h.opens = o.opens)
)
insert into opening_hours (org_id, resource, weekday, opens, closes)
select :org_id, resource, weekday, opens, closes
from unnest(:resources::text[]) as resource, hours
on conflict (org_id, resource, weekday, opens) do update set closes = excluded.closes;
