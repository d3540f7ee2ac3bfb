"""Whose token a request carries: it alone decides the tenant, and there is no other by default."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping

from booking_asgi.database import Database, Unavailable
from booking_core import Organization, find_organization_by_token

KNOWN_SECONDS = 5.0
# Before it is forgotten it is looked up again, so that who calls all the time never waits for it.
RENEWED_SECONDS = 2.0


def token_of(headers: Mapping[str, str]) -> str | None:
    """The token in `X-Vapi-Secret`, or in `Authorization` with or without `Bearer`."""
    if secret := headers.get("x-vapi-secret", "").strip():
        return secret
    scheme, _, token = headers.get("authorization", "").strip().partition(" ")
    return (token.strip() if scheme.lower() == "bearer" else scheme) or None


class Tenants:
    """Looks tokens up, and remembers those that it found for 5 s: so long a revoked one works."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known: dict[str, tuple[float, Organization]] = {}
        self._asked: dict[str, asyncio.Task[Organization | None]] = {}

    async def find(self, token: str, give_up_at: float) -> Organization | None:
        """Raises `Unavailable`, or `OrganizationNotReady`."""
        while (now := time.monotonic()) < give_up_at:
            forgotten_at, organization = self._known.get(token, (0.0, None))
            # Who comes while it is looked up waits for that answer, and takes no connection.
            is_first = token not in self._asked and now > forgotten_at - RENEWED_SECONDS
            if is_first:
                self._asked[token] = self._database.in_background(self._ask(token, give_up_at))
            if organization is not None and now < forgotten_at:
                return organization
            asked = self._asked[token]
            await asyncio.wait({asked}, timeout=give_up_at - now)
            # Where it was given up for one who came earlier, it is asked anew.
            if asked.done() and (is_first or not isinstance(asked.exception(), Unavailable)):
                return asked.result()
        raise Unavailable("past the deadline")

    async def _ask(self, token: str, give_up_at: float) -> Organization | None:
        try:
            found = await self._database.within(
                give_up_at,
                lambda lease: lease.run(lambda conn: find_organization_by_token(conn, token)),
            )
        finally:
            del self._asked[token]
        now = time.monotonic()
        self._known = {key: kept for key, kept in self._known.items() if kept[0] > now}
        if found is not None:
            self._known[token] = (now + KNOWN_SECONDS, found)
        return found
