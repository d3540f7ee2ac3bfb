"""Whose token a request carries: it alone decides the tenant, and there is no other by default."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Collection, Mapping
from functools import lru_cache

import structlog

from booking_asgi.database import Database, Unavailable
from booking_asgi.logs import describe
from booking_core import Organization, OrganizationNotReady, list_live_tokens, touch_tokens
from booking_core.organizations import token_sha256

log = structlog.get_logger("booking_asgi")

# A revoked token works for so long at most.
KNOWN_SECONDS = 5.0
# Before that they are loaded again, so that who calls all the time never waits for it.
RENEWED_SECONDS = 2.0
# So often at most for a token that is not among them: it may be new.
UNKNOWN_SECONDS = 1.0
# So often at most it is written down which are in use.
TOLD_SECONDS = 60.0
ID_LENGTH = 12


def token_of(headers: Mapping[str, str]) -> str | None:
    """The token in `X-Vapi-Secret`, or in `Authorization` with or without `Bearer`."""
    if secret := headers.get("x-vapi-secret", "").strip():
        return secret
    scheme, _, token = headers.get("authorization", "").strip().partition(" ")
    return (token.strip() if scheme.lower() == "bearer" else scheme) or None


@lru_cache(maxsize=1024)
def token_id(token: str) -> str:
    """The id under which `token list` shows it: the start of its hash."""
    return token_sha256(token).hex()[:ID_LENGTH]


class Tenants:
    """All live tokens, loaded in one query: so a guess buys no query of its own, and no good token
    waits behind guesses."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._live: Mapping[bytes, Organization | OrganizationNotReady] = {}
        self._loaded_at = -math.inf
        self._loading: asyncio.Task[None] | None = None
        self._used: set[bytes] = set()
        self._told_at = -math.inf

    async def find(self, token: str, give_up_at: float) -> Organization | None:
        """None where it is nobody's. Raises `Unavailable`, or `OrganizationNotReady`."""
        key = token_sha256(token)
        while (now := time.monotonic()) < give_up_at:
            age = now - self._loaded_at
            found = self._live.get(key)
            is_due = age > min(KNOWN_SECONDS, RENEWED_SECONDS if found else UNKNOWN_SECONDS)
            is_first = is_due and self._loading is None
            if is_first:
                self._loading = self._database.in_background(self._load(give_up_at))
            if age <= KNOWN_SECONDS and (found or not is_due):
                if found:
                    self._used.add(key)
                return _ready(found)
            loading = self._loading
            assert loading is not None
            await asyncio.wait({loading}, timeout=give_up_at - now)
            # Where it was given up for one who came earlier, it is asked anew.
            if not loading.done() or (
                not is_first and isinstance(loading.exception(), Unavailable)
            ):
                continue
            loading.result()
            return _ready(self._live.get(key))
        raise Unavailable("past the deadline")

    async def _load(self, give_up_at: float) -> None:
        asked_at = time.monotonic()
        try:
            self._live = await self._database.within(
                give_up_at, lambda lease: lease.run(list_live_tokens)
            )
            self._loaded_at = asked_at
        finally:
            self._loading = None
        if asked_at > self._told_at + TOLD_SECONDS and (used := self._used & self._live.keys()):
            self._told_at, self._used = asked_at, set()
            # In nobody's way: who waited for the tokens has them.
            self._database.in_background(self._tell(used, give_up_at))

    async def _tell(self, used: Collection[bytes], give_up_at: float) -> None:
        try:
            await self._database.within(
                give_up_at, lambda lease: lease.run(lambda conn: touch_tokens(conn, used))
            )
        except Exception as error:  # a role that may not write there serves all the same
            log.warning("VapiTools: Use of tokens is not written down", **describe(error))


def _ready(found: Organization | OrganizationNotReady | None) -> Organization | None:
    if isinstance(found, OrganizationNotReady):
        raise found
    return found
