"""The door: more requests than can be answered in time are refused before they cost anything."""

from __future__ import annotations

import time

import structlog
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

# What one process does in about a second. The last of more would hear nothing within any deadline,
# and leave less time for the first.
MOST_AT_ONCE = 512

log = structlog.get_logger("booking_asgi")


class Door:
    """Lets in as many requests as can be answered in time. What it refuses costs almost nothing: it
    is not routed, nor is its body read, so that Vapi's own envelope gets the `refusal` as well."""

    def __init__(self, app: ASGIApp, refusal: Response) -> None:
        self._app = app
        self._refusal = refusal
        self._inside = 0
        self._logged_at = 0.0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":  # the lifespan is no request
            return await self._app(scope, receive, send)
        if self._inside >= MOST_AT_ONCE:
            if (now := time.monotonic()) > self._logged_at + 1:
                self._logged_at = now
                log.error("VapiTools: ❌ More requests than can be answered in time")
            return await self._refusal(scope, receive, send)
        self._inside += 1
        try:
            await self._app(scope, receive, send)
        finally:
            self._inside -= 1
