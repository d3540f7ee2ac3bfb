-- list_tokens: the credentials of an organization, by the start of their hash, newest first.
select left(encode(token_sha256, 'hex'), 12) as id, label, created_at, last_used_at, revoked_at
from vapi_credentials
where org_id = :org_id
order by created_at desc, id;
