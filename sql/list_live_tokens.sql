-- list_live_tokens: the hash of each token that is not revoked, and whose it is.
select t.token_sha256, o.id, o.timezone::text, o.phone_region::text
from vapi_credentials t join organizations o on o.id = t.org_id
where t.revoked_at is null;
