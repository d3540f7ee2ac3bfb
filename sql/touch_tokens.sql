-- touch_tokens: they are in use now; written once an hour at most.
update vapi_credentials set last_used_at = now()
where token_sha256 = any(:tokens::bytea[]) and (last_used_at < now() - interval '1 hour' or last_used_at is null);
