-- revoke_token: the credential stops working; a revoked one keeps its date.
update vapi_credentials
set revoked_at = coalesce(revoked_at, now())
where org_id = :org_id and left(encode(token_sha256, 'hex'), 12) = :token_id
returning org_id;
