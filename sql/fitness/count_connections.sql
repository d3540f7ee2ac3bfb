-- count_connections: how many connections the server takes, and how many of these it keeps for its own roles.
select current_setting('max_connections')::integer as most,
       current_setting('superuser_reserved_connections')::integer
         -- From 16 on.
         + coalesce(current_setting('reserved_connections', true)::integer, 0) as reserved;
