-- find_organization_by_token: whose token this is, while it is not revoked.
select o.id, o.timezone::text, o.phone_region::text
from vapi_credentials v
join organizations o on o.id = v.org_id
where v.token_sha256 = :token_sha256 and v.revoked_at is null;
