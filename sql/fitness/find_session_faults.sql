-- find_session_faults: settings of the server and of this role that stand in the way of a booking.
select fault.what, fault.severity, fault.problem, fault.mend
from (values
  (pg_is_in_recovery(), 'read-only', 'error', 'The server is a standby: connect to the primary', null),
  (current_setting('transaction_read_only')::boolean and not pg_is_in_recovery(),
   'read-only', 'error', 'This role may only read here',
   format('alter role %I in database %I set default_transaction_read_only = off;', current_user, current_database())),
  (not exists (select from pg_extension where extname = 'btree_gist'),
   'btree_gist', 'warning', 'The extension that appointments_resource_excl is made of is not there',
   'create extension btree_gist;'),
  -- The mend is made of the functions' text in sql/migrations.
  (to_regclass('appointments') is not null
     and (to_regprocedure('booking_fold(text)') is null
          or to_regprocedure('booking_span(timestamptz, integer, integer, integer)') is null),
   'functions', 'error', 'The functions by which names and times are compared are not there', null),
  -- The test is an accented letter, which other encodings may lack.
  (getdatabaseencoding() <> 'UTF8'
     or lower(chr(case when getdatabaseencoding() = 'UTF8' then 201 else 65 end) collate "default")
        <> chr(case when getdatabaseencoding() = 'UTF8' then 233 else 97 end),
   'folding', 'note', 'Names are compared without case in ASCII only, for the database''s encoding or collation has no more', null),
  (current_setting('statement_timeout') = '0' or current_setting('idle_in_transaction_session_timeout') = '0',
   'statement_timeout', 'note',
   'This role has no statement_timeout or no idle_in_transaction_session_timeout: what hangs holds its locks for ever',
   format('alter role %1$I in database %2$I set statement_timeout = ''5s''; '
          'alter role %1$I in database %2$I set idle_in_transaction_session_timeout = ''5s'';',
          current_user, current_database())),
  (current_setting('is_superuser')::boolean, 'superuser', 'note',
   'This role is a superuser, whom nothing in the database holds back: serve as a role of its own,'
   ' after booking-asgi schema --grant ROLE', null),
  -- A connection through a Unix socket has no address.
  (not coalesce(inet_client_addr() <<= '127.0.0.0/8' or inet_client_addr() = '::1', true)
     and not (select ssl from pg_stat_ssl where pid = pg_backend_pid()),
   'encryption', 'note',
   'This connection comes from another address and is not encrypted: its network can read it', null)
) as fault (is_so, what, severity, problem, mend)
where fault.is_so;
