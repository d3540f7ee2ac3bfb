"""The tokens: the token of a request alone decides for which organization it is."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Collection, Mapping
from functools import lru_cache

import structlog

from booking_asgi.database import Database, Unavailable
from booking_asgi.logs import describe, request_id
from booking_asgi.speech import Failure
from booking_core import Organization, OrganizationNotReady, list_live_tokens, touch_tokens
from booking_core.organizations import token_sha256

log = structlog.get_logger("booking_asgi")

# A revoked token works for so long at most, where the database answers.
FRESH_SECONDS = 5.0
# Before that they are loaded again, so that who calls all the time never waits for it.
RENEWED_SECONDS = 2.0
# Where the database does not answer, the tokens that were loaded last are good for so long.
KNOWN_SECONDS = 60.0
# A load begins so long after the one before, whatever is asked: an unknown token waits for it.
APART_SECONDS = 1.0
# So many requests at most wait for it; each may hold a piece of its body.
MOST_WAITING = 64
# A load takes so long at most, and a known token waits for so long at most.
LOAD_SECONDS = 3.0
PATIENCE_SECONDS = 1.0
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
        # The hashes of the tokens that were asked for since they were loaded.
        self._asked: dict[str, bytes] = {}
        self._used: set[bytes] = set()
        self._told_at = -math.inf
        # When the last load began, when the last one that succeeded began, and when one failed.
        self._begun_at = self._loaded_at = self._failed_at = -math.inf
        self._loading: asyncio.Task[None] | None = None
        self._has_begun = False
        self._waiting = 0

    async def identify(self, token: str, give_up_at: float) -> Organization | Failure | None:
        """The token's organization, None where it is nobody's, or why that can't be told."""
        try:
            return await self.find(token, give_up_at)
        except OrganizationNotReady as error:
            log.error("VapiTools: ❌ Organization is not ready", problem=str(error))
            return Failure("BOOKING_FAILED")
        except Exception as error:  # neither valid nor invalid, whatever stands in the way
            log.error("VapiTools: ❌ Token could not be verified", **describe(error))
            return Failure("TEMPORARILY_UNAVAILABLE")

    async def find(self, token: str, give_up_at: float) -> Organization | None:
        """None where it is nobody's. Raises `Unavailable`, or `OrganizationNotReady`."""
        now = time.monotonic()
        found, age = self._look_up(token), now - self._loaded_at
        if found is None or age > KNOWN_SECONDS:
            found = await self._find_anew(
                token, is_stale=age > KNOWN_SECONDS, give_up_at=give_up_at
            )
        elif age > FRESH_SECONDS:
            # Nobody has asked for a while, or the database does not answer.
            loading = self._load_soon()
            if now > self._failed_at + APART_SECONDS:
                await asyncio.wait({loading}, timeout=min(give_up_at - now, PATIENCE_SECONDS))
            found = self._look_up(token)
        elif age > RENEWED_SECONDS:
            self._load_soon()
        if isinstance(found, OrganizationNotReady):
            raise found.with_traceback(None)
        return found

    def _look_up(self, token: str) -> Organization | OrganizationNotReady | None:
        # To hash a token costs a hundredth of a request.
        if (key := self._asked.get(token)) is not None:
            return self._live.get(key)
        key = token_sha256(token)
        if (found := self._live.get(key)) is not None:
            self._asked[token] = key
        return found

    async def _find_anew(
        self, token: str, *, is_stale: bool, give_up_at: float
    ) -> Organization | OrganizationNotReady | None:
        """After a load that begins from now on, since the token may be new. Raises where that
        fails. Where many wait already, the token is nobody's."""
        if self._waiting >= MOST_WAITING and not is_stale:
            return None
        self._waiting += 1
        try:
            if self._loading is not None and self._has_begun:
                before = self._loading
                await _wait_for(before, give_up_at)
                # Where it fails, that is another's failure.
                if before.exception() is None and (found := self._look_up(token)) is not None:
                    return found
            loading = self._load_soon()
            await _wait_for(loading, give_up_at)
            loading.result()
            return self._look_up(token)
        finally:
            self._waiting -= 1

    def _load_soon(self) -> asyncio.Task[None]:
        if self._loading is None:
            self._loading = self._database.in_background(self._load())
        return self._loading

    async def _load(self) -> None:
        request_id.set(None)  # whoever asked first, the load is for all
        try:
            await asyncio.sleep(self._begun_at + APART_SECONDS - time.monotonic())
            self._has_begun, self._begun_at = True, time.monotonic()
            begun_at = self._begun_at
            give_up_at = begun_at + LOAD_SECONDS
            self._live = await self._database.within(
                give_up_at, lambda lease: lease.run(list_live_tokens)
            )
            self._loaded_at, self._failed_at = begun_at, -math.inf
        except Exception as error:  # whatever it is, the next load may succeed
            self._failed_at = time.monotonic()
            log.warning("VapiTools: ⚠️ Tokens could not be loaded", **describe(error))
            raise
        finally:
            self._loading, self._has_begun = None, False
        self._used.update(self._asked.values())
        self._asked.clear()
        if begun_at > self._told_at + TOLD_SECONDS and (used := self._used & self._live.keys()):
            self._told_at, self._used = begun_at, set()
            # This keeps nobody waiting: the requests have their tokens by now.
            self._database.in_background(self._tell(used, give_up_at))

    async def _tell(self, used: Collection[bytes], give_up_at: float) -> None:
        try:
            await self._database.within(give_up_at, lambda lease: lease.run(touch_tokens, used))
        except Exception as error:  # a role that may not write there serves all the same
            log.warning("VapiTools: Use of tokens is not written down", **describe(error))


async def _wait_for(loading: asyncio.Task[None], give_up_at: float) -> None:
    await asyncio.wait({loading}, timeout=max(0.0, give_up_at - time.monotonic()))
    if not loading.done():
        raise Unavailable("past the deadline")
