"""Capacity: whether BOOKING_POOL_SIZE fits into the connections that the server has."""

from __future__ import annotations

from booking_core import Connection, Finding
from booking_core.fitness.capacity import count_connections


async def find_pool_faults(conn: Connection, pool_size: int) -> list[Finding]:
    """A note where one process alone could take every connection that is not reserved."""
    most, reserved = await count_connections(conn)
    if pool_size < most - reserved:
        return []
    problem = (
        f"BOOKING_POOL_SIZE is {pool_size} for each process, and the server has"
        f" {most - reserved} connections for all its clients"
        f" (max_connections {most}, of which {reserved} are reserved): requests beyond them fail"
    )
    return [Finding("pool", "note", problem)]
