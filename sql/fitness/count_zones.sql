-- count_zones: the zones and regions of the organizations, and how many have each; 20 of them.
-- The cast to text drops the spaces at the end of a char(n).
select o.timezone::text, o.phone_region::text, count(*) as organizations, (array_agg(o.id order by o.id))[1 : 20] as ids
from organizations o
group by o.timezone, o.phone_region;
