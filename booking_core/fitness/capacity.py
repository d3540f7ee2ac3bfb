"""How many clients the server has room for."""

from __future__ import annotations

from booking_core._statements import Connection
from booking_core.fitness import _statements as sql


async def count_connections(conn: Connection) -> tuple[int, int]:
    """How many connections the server takes, and how many of these it keeps for its own roles."""
    row = await conn.fetchrow(*sql.COUNT_CONNECTIONS.bind({}))
    assert row is not None
    return row["most"], row["reserved"]
