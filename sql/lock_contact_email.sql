-- lock_contact_email: one caller of an address at a time, until the transaction ends; two would
-- both insert, since no unique key on email stops them.
select pg_advisory_xact_lock(hashtextextended(:org_id::uuid::text || lower(:email::text), 1));
