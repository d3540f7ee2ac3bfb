-- find_zone_offsets: the database's offset from UTC of each zone at each instant, in seconds; null for a zone that it does not know.
with known as materialized (
  -- Names are looked up first, because an unknown name would raise an error below.
  select z.name from unnest(:zones::text[]) as z (name)
  where lower(z.name) in (select lower(name) from pg_timezone_names)
)
select z.name as zone,
       case when k.name is not null then (
         select array_agg(extract(epoch from i.instant at time zone k.name - i.instant at time zone 'UTC')::integer order by i.number)
         from unnest(:instants::timestamptz[]) with ordinality as i (instant, number)
       ) end as offsets
from unnest(:zones::text[]) as z (name)
left join known k on k.name = z.name;
