"""When the resources of an organization can be booked, and which appointments are outside of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from operator import itemgetter
from uuid import UUID

from booking_core._statements import (
    LIST_HOURS,
    LIST_OUTSIDE,
    LOCK_RESOURCES,
    SET_HOURS,
    Connection,
    check_connection,
)
from booking_core.errors import InvalidRequest
from booking_core.outcomes import Appointment
from booking_core.resources import check_id, check_organization, list_resources, meant_resource
from booking_core.week import DAYS, WEEKDAYS, OpeningHours, check_apart, check_weekday


async def set_hours(
    conn: Connection,
    org_id: UUID,
    resource: str | None,
    days: Mapping[int, Sequence[OpeningHours]],
) -> None:
    """Replace the opening hours of a resource on the weekdays that are the keys of `days`, or those
    of all resources where `resource` is None; commits like `book`.

    A weekday without hours is closed from now on, and the others stay as they are. What is booked
    stays as well: see `list_outside`. `parse_hours` makes `days` of what a person writes.

    A resource without any hours is open at all times. So `InvalidRequest` is raised where none
    would be left, and for hours that overlap, those of a day before it too; for a resource that is
    not known, with `choices`; and `OrganizationNotFound`.
    """
    check_connection(conn)
    given = _checked(days)
    known = await list_resources(conn, org_id)
    if resource is not None:
        known = [meant_resource(resource, known)]
    names = [each.resource for each in known]
    async with conn.transaction():
        await conn.fetch(*LOCK_RESOURCES.bind({"org_id": org_id, "resources": names}))
        stored = await list_hours(conn, org_id)
        for name in names:
            week = [*(each for each in stored[name] if each.weekday not in days), *given]
            if not week:
                raise _no_hours(name)
            check_apart(week)
        values = {
            "org_id": org_id,
            "resources": names,
            "weekdays": list(days),
            "hours_weekdays": [each.weekday for each in given],
            "hours_opens": [each.opens for each in given],
            "hours_closes": [each.closes for each in given],
        }
        await conn.execute(*SET_HOURS.bind(values))


async def copy_hours(conn: Connection, org_id: UUID, source: str, target: str) -> None:
    """Give one resource the opening hours of another in place of its own; commits like `book`.

    Raises `InvalidRequest` for a resource that is not known, with `choices`, and for one without
    hours, which is open at all times; and `OrganizationNotFound`.
    """
    check_connection(conn)
    known = await list_resources(conn, org_id)
    name = meant_resource(source, known, "source").resource
    meant_resource(target, known, "target")
    hours = (await list_hours(conn, org_id))[name]
    if not hours:
        problem = "It has no opening hours that could be copied: it is open at all times"
        raise InvalidRequest("INVALID_ARGUMENTS", "source", problem)
    days = {day: [each for each in hours if each.weekday == day] for day in WEEKDAYS}
    await set_hours(conn, org_id, target, days)


async def list_hours(conn: Connection, org_id: UUID) -> dict[str, tuple[OpeningHours, ...]]:
    """The opening hours of each resource, the retired ones too, in the order of the week. One that
    has none is open at all times. Raises `OrganizationNotFound`."""
    check_connection(conn)
    check_id(org_id, "org_id")
    rows = await conn.fetch(*LIST_HOURS.bind({"org_id": org_id}))
    if not rows:
        await check_organization(conn, org_id)
    return {
        name: tuple(OpeningHours(*row[1:]) for row in of_one if row["weekday"] is not None)
        for name, of_one in groupby(rows, itemgetter("resource"))
    }


async def list_outside(conn: Connection, org_id: UUID) -> list[Appointment]:
    """The future active appointments that are outside of the hours as they are now, by their start:
    those that no opening hours or extra opening hold, that meet a closure, or whose resource was
    retired. Nothing moves them: the organization has to. Raises `OrganizationNotFound`."""
    check_connection(conn)
    check_id(org_id, "org_id")
    rows = await conn.fetch(*LIST_OUTSIDE.bind({"org_id": org_id}))
    if not rows:
        await check_organization(conn, org_id)
    return [Appointment(**row) for row in rows]


def _checked(days: object) -> list[OpeningHours]:
    """All hours of the days; raises `InvalidRequest` for what is no hours of these weekdays."""
    problem = "It must be a mapping of weekdays, from 1 to 7, to lists of OpeningHours"
    if not isinstance(days, Mapping) or not days:
        raise InvalidRequest("INVALID_ARGUMENTS", "days", problem)
    given: list[OpeningHours] = []
    for weekday, hours in days.items():
        check_weekday(weekday)
        if not isinstance(hours, Sequence) or isinstance(hours, str):
            raise InvalidRequest("INVALID_ARGUMENTS", "days", problem)
        for each in hours:
            if not isinstance(each, OpeningHours):
                raise InvalidRequest("INVALID_ARGUMENTS", "days", problem)
            if each.weekday != weekday:
                wrong = f"Hours of {DAYS[each.weekday - 1]} stand below {DAYS[weekday - 1]}"
                raise InvalidRequest("INVALID_ARGUMENTS", "days", wrong)
            given.append(each)
    return given


def _no_hours(name: str) -> InvalidRequest:
    problem = (
        f"{name} would have no opening hours left, and without any it is open at all times: give"
        " the hours of another day with these, or retire it, or add a closure"
    )
    return InvalidRequest("INVALID_ARGUMENTS", "days", problem)
