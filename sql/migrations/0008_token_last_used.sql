-- When each token was last used, to the hour: those that nobody uses can be revoked.
alter table vapi_credentials add column if not exists last_used_at timestamptz;
