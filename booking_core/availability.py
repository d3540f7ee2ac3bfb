"""`find_times`: the soonest times that are free, by the rule that `book` keeps."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from uuid import UUID

from booking_core import spoken
from booking_core._statements import FIND_TIMES, Connection, check_connection
from booking_core.errors import InvalidRequest
from booking_core.requests import check_aware, check_duration
from booking_core.resources import find_resource

SEARCHED = timedelta(days=92)
MOST_TIMES = 1000
ANY_SERVICE = "Appointment"


@dataclass(frozen=True, kw_only=True, slots=True)
class FreeTime:
    """A start that is free, aware and in UTC, and the names of the resources that are free then."""

    starts_at: datetime
    resources: tuple[str, ...]


async def find_times(
    conn: Connection,
    org_id: UUID,
    *,
    since: datetime,
    until: datetime | None = None,
    from_time: time | None = None,
    to_time: time | None = None,
    service_type: str = ANY_SERVICE,
    duration_minutes: int = 30,
    resource: str | None = None,
    most: int = 3,
    ignored_id: UUID | None = None,
) -> list[FreeTime]:
    """The free starts from `since` on, soonest first, at most `most` of them, 1 to 1000.

    `since` and `until` are aware. Without `until` it looks 92 days ahead. `from_time` and `to_time`
    bound the time of day on the organization's clocks: from 12:00, before 17:00. A service that is
    listed brings its own length, buffers, grid and notice; any other one takes `duration_minutes`
    and starts every quarter of an hour from midnight on. The past is never offered, nor is a local
    time that comes twice. `ignored_id` is an appointment that does not count, because it is to be
    moved.

    It costs one round trip where something is free, and what lies between `since` and the last time
    found. Raises `InvalidRequest` for a resource that the organization does not have or that does
    not do the service, and for what no search can mean; `OrganizationNotReady` where it has no
    resource at all; `OrganizationNotFound`.
    """
    check_connection(conn)
    until = since + SEARCHED if until is None and isinstance(since, datetime) else until
    values = {
        "org_id": org_id,
        "since": since,
        "until": until,
        "from_time": from_time,
        "to_time": to_time,
        "service_type": service_type,
        "duration_minutes": duration_minutes,
        "resource": resource,
        "most": most,
        "ignored_id": ignored_id,
    }
    _check(values)
    rows = await conn.fetch(*FIND_TIMES.bind(values))
    if not rows:
        # Nothing is free, or nothing is meant: an unknown name, or another spelling of a known one.
        named = await find_resource(conn, org_id, resource, service_type)
        if named != resource:
            rows = await conn.fetch(*FIND_TIMES.bind({**values, "resource": named}))
    return [FreeTime(starts_at=row["starts"], resources=tuple(row["resources"])) for row in rows]


def _check(values: dict[str, object]) -> None:
    """Raise `InvalidRequest` for what no search can mean."""
    for field in ("since", "until"):
        check_aware(values[field], field)
    for field in ("from_time", "to_time"):
        at = values[field]
        if at is not None and (not isinstance(at, time) or at.tzinfo is not None):
            raise InvalidRequest("INVALID_ARGUMENTS", field, "It must be a time without a zone")
    spoken.check_text(values["service_type"], "service_type")
    if values["resource"] is not None:
        spoken.check_text(values["resource"], "resource")
    check_duration(values["duration_minutes"])
    most = values["most"]
    if type(most) is not int or not 1 <= most <= MOST_TIMES:
        raise InvalidRequest("INVALID_ARGUMENTS", "most", f"It must be 1 to {MOST_TIMES}")
