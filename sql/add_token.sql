-- add_token: one more credential of the organization; only the hash of a token is ever stored.
insert into vapi_credentials (token_sha256, org_id, label) values (:token_sha256, :org_id, :label)
on conflict (token_sha256) do nothing
returning org_id;
