"""The overview of organizations: what an operator wants to know of each."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from booking_core._statements import (
    COUNT_APPOINTMENTS,
    LIST_ORGANIZATIONS,
    Connection,
    check_connection,
)


@dataclass(frozen=True, kw_only=True, slots=True)
class OrganizationOverview:
    """An organization as it is stored, whether it can take bookings or not.

    `timezone` and `phone_region` may be missing in a database that was adopted. `resources` are in
    the order of their names. `live_tokens` is the number of tokens that are not revoked.
    """

    id: UUID
    name: str | None
    timezone: str | None
    phone_region: str | None
    resources: tuple[str, ...]
    live_tokens: int


async def list_organizations(
    conn: Connection, *, org_id: UUID | None = None, name: str | None = None
) -> list[OrganizationOverview]:
    """All organizations by their names: or only the one of that id, or only those of that name,
    however it is spelled."""
    check_connection(conn)
    rows = await conn.fetch(*LIST_ORGANIZATIONS.bind({"org_id": org_id, "name": name}))
    return [OrganizationOverview(**{**row, "resources": tuple(row["resources"])}) for row in rows]


async def count_future_appointments(conn: Connection, org_id: UUID) -> dict[str, int]:
    """How many appointments of the organization start from now on, by status. A status that none of
    them has is left out."""
    check_connection(conn)
    rows = await conn.fetch(*COUNT_APPOINTMENTS.bind({"org_id": org_id}))
    return {row["status"]: row["count"] for row in rows}
