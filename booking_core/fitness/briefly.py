"""Changes of a table that is in use. A statement that waits for its lock stops all others."""

from __future__ import annotations

import asyncio
from typing import Any

import asyncpg

from booking_core._statements import Connection

LOCK_TRIES = 100
# A pause of the network is not meant: an index of millions of rows is.
STEP_SECONDS = 24 * 60 * 60.0


async def briefly(conn: Connection, *statements: tuple[Any, ...]) -> None:
    """Run the statements in one transaction that waits 100 ms for a lock, and try again for half a
    minute. Raises `LockNotAvailableError`."""
    for attempt in range(1, LOCK_TRIES + 1):
        try:
            async with conn.transaction():
                await conn.execute("set local lock_timeout = '100ms'")
                for text, *values in statements:
                    await conn.execute(text, *values, timeout=STEP_SECONDS)
            return
        except asyncpg.LockNotAvailableError:
            if attempt == LOCK_TRIES:
                raise
        await asyncio.sleep(0.2)
