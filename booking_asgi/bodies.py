"""The body of a request: the whole of it, within a size and a time."""

from __future__ import annotations

import asyncio
from typing import Any

from starlette.requests import Request

MOST_BYTES = 2_000_000
BODY_SECONDS = 5.0


class BodyTooLarge(Exception):
    """The body has more than `MOST_BYTES`, or says so in its head."""


async def read_body(request: Request[Any]) -> bytes:
    """The body. Raises `BodyTooLarge`, `TimeoutError` after `BODY_SECONDS`, and starlette's
    `ClientDisconnect`."""
    # Starlette's own limit on bodies is younger than the oldest Starlette that we work with.
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared[:20]) > MOST_BYTES:
        raise BodyTooLarge
    body = bytearray()
    async with asyncio.timeout(BODY_SECONDS):
        async for piece in request.stream():
            body += piece
            if len(body) > MOST_BYTES:
                raise BodyTooLarge
    return bytes(body)
