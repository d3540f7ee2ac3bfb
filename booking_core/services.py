"""The services that an organization lists: how long each takes, and which resources do it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from uuid import UUID

from booking_core._statements import (
    LIST_SERVICES,
    PUT_SERVICE,
    REMOVE_SERVICE,
    SET_SERVICE_RESOURCES,
    Connection,
    check_connection,
)
from booking_core.errors import InvalidRequest
from booking_core.resources import check_id, check_organization, list_resources, meant_resource
from booking_core.spoken import check_text, parse_text

LENGTHS = {
    "duration_minutes": range(5, 481),
    "buffer_before_minutes": range(481),
    "buffer_after_minutes": range(481),
    "slot_minutes": range(5, 481),
    "notice_minutes": range(525_601),  # a year
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Service:
    """What an appointment is for, and what the organization has set for it.

    An appointment for it takes `duration_minutes`, whatever a caller asks, and keeps its resource
    free for the buffers before and after. Its free times are looked for at every `slot_minutes`
    from midnight on. It must be booked `notice_minutes` before its start, at the latest. The
    `resources` alone do it; without any, every resource does.

    Raises `InvalidRequest` for what is no such service.
    """

    service: str
    duration_minutes: int
    buffer_before_minutes: int = 0
    buffer_after_minutes: int = 0
    slot_minutes: int = 15
    notice_minutes: int = 0
    resources: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        check_text(self.service, "service")
        for field, minutes in LENGTHS.items():
            value = getattr(self, field)
            if type(value) is not int or value not in minutes:
                problem = f"It must be an int from {minutes.start} to {minutes.stop - 1}"
                raise InvalidRequest("INVALID_ARGUMENTS", field, problem)
        if not isinstance(self.resources, tuple):
            raise InvalidRequest("INVALID_ARGUMENTS", "resources", "It must be a tuple of names")
        for name in self.resources:
            check_text(name, "resources")


async def put_service(conn: Connection, org_id: UUID, service: Service) -> Service:
    """Add a service, or replace the one of the same name, in whatever spelling, and return it as it
    is stored; commits like `book`. Appointments that were booked for it stay as they are.

    Raises `InvalidRequest` for a resource that is not known, with `choices`; and
    `OrganizationNotFound`.
    """
    check_connection(conn)
    if not isinstance(service, Service):
        raise InvalidRequest("INVALID_ARGUMENTS", "service", "It must be a Service")
    known = await list_resources(conn, org_id)
    meant = {meant_resource(name, known, "resources").resource for name in service.resources}
    stored = replace(service, resources=tuple(sorted(meant)))
    values = {field: getattr(stored, field) for field in ("service", "resources", *LENGTHS)}
    async with conn.transaction():
        await conn.execute(*PUT_SERVICE.bind({"org_id": org_id, **values}))
        await conn.execute(*SET_SERVICE_RESOURCES.bind({"org_id": org_id, **values}))
    return stored


async def list_services(conn: Connection, org_id: UUID) -> list[Service]:
    """The services of the organization, by name. Raises `OrganizationNotFound`."""
    check_connection(conn)
    check_id(org_id, "org_id")
    rows = await conn.fetch(*LIST_SERVICES.bind({"org_id": org_id}))
    if not rows:
        await check_organization(conn, org_id)
    return [Service(**{**row, "resources": tuple(row["resources"])}) for row in rows]


async def remove_service(conn: Connection, org_id: UUID, service: str) -> str:
    """List a service no longer, and return its name as it was stored. Appointments that were booked
    for it stay; from now on it is of the length that a caller asks for, as any other text.

    Raises `InvalidRequest` where no service goes by this name, with `choices`; and
    `OrganizationNotFound`.
    """
    check_connection(conn)
    check_id(org_id, "org_id")
    values = {"org_id": org_id, "service": parse_text(service, "service")}
    removed: str | None = await conn.fetchval(*REMOVE_SERVICE.bind(values))
    if removed is None:
        choices = tuple(each.service for each in await list_services(conn, org_id))
        problem = "No service of this name is listed"
        raise InvalidRequest("INVALID_ARGUMENTS", "service", problem, choices=choices)
    return removed
