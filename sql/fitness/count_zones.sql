-- count_zones: the zones and regions of the organizations, and how many have each; 20 of them.
-- As text, for a char(n) has spaces at its end.
select o.timezone::text, o.phone_region::text, count(*) as organizations, (array_agg(o.id order by o.id))[1 : 20] as ids
from organizations o
group by o.timezone, o.phone_region;
