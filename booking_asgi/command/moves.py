"""The command `appointment move`: to another time, or the times that are free instead."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import assert_never
from uuid import UUID
from zoneinfo import ZoneInfo

import click

from booking_asgi.command.appointments import AS, ID, missing, staff_of
from booking_asgi.command.of_organization import ORG, work_for
from booking_asgi.config import Config
from booking_asgi.phrases import listed, spoken
from booking_core import (
    Choice,
    Connection,
    Moved,
    NotFound,
    Organization,
    OutsideHours,
    SeveralFound,
    SlotTaken,
    Staff,
    TooLate,
    find_appointments,
    find_times,
    move,
)
from booking_core.changes import MoveOutcome
from booking_core.spoken import instant, read_moment

CLOSED = {
    "hours": "that is outside of the opening hours",
    "closure": "it is closed then",
    "notice": "that is too soon",
}


@click.command("move")
@ORG
@AS
@click.option("--resource", help="With this doctor, chair or room from now on.")
@ID
@click.argument("words", nargs=-1, required=True, metavar="DATE TIME")
@click.pass_obj
def move_one(
    config: Config,
    org_id: UUID | None,
    name: str | None,
    resource: str | None,
    appointment_id: UUID,
    words: Sequence[str],
) -> None:
    """Move an appointment to another time, by the clinic's clock.

    \b
    booking-asgi appointment move 0198c6f0-... 2027-03-02 14:00
    booking-asgi appointment move 0198c6f0-... 2027-03-02 14:00 --resource 'Dr. Lee'

    Where the new time can't be had, the old one stands: the exit code is 1, and free times are
    printed. Safe to repeat.
    """
    staff = staff_of(name)

    async def run(conn: Connection, organization: Organization) -> str:
        zone = organization.zone
        to = _read_start(" ".join(words), zone)
        choice = Choice(appointment_id=appointment_id)
        # Before the move: afterwards it stands at another time.
        outcome = await move(conn, organization.id, staff, choice, to=to, resource=resource)
        said = _told(outcome, appointment_id, zone)
        if isinstance(outcome, Moved):
            return said
        if isinstance(outcome, SlotTaken | OutsideHours):
            said += await _free(conn, organization, staff, choice, to, resource)
        raise click.ClickException(said)

    click.echo(work_for(config, org_id, run))


def _read_start(words: str, zone: ZoneInfo) -> datetime:
    read = read_moment(words, "time", "both")
    if read.day is None or read.clock is None:
        raise click.ClickException("A date and a time are needed, as 2027-03-02 14:00")
    return instant(read.day, read.clock, read.zone, zone, "time")


def _told(outcome: MoveOutcome, appointment_id: UUID, zone: ZoneInfo) -> str:
    match outcome:
        case Moved(old_start=datetime() as old, scheduled_at=new, resource=resource):
            return f"Moved: from {spoken(old, zone)} to {spoken(new, zone)}, {resource}"
        case Moved():
            return f"It is there already: {spoken(outcome.scheduled_at, zone)}, {outcome.resource}"
        case SlotTaken():
            return "Not moved: that time is taken"
        case OutsideHours():
            return f"Not moved: {CLOSED[outcome.closed_by]}"
        case NotFound():
            return f"Not moved: {missing(appointment_id)}"
        case SeveralFound() | TooLate():
            raise AssertionError("an id names one, and staff may move at any time")
        case _:
            assert_never(outcome)


async def _free(
    conn: Connection,
    organization: Organization,
    staff: Staff,
    choice: Choice,
    to: datetime,
    resource: str | None,
) -> str:
    """The first three free times from the asked one on; nothing where none is found."""
    stands = await find_appointments(conn, organization.id, staff, choice)
    if not stands:  # it has begun
        return ""
    now = datetime.now(UTC).replace(second=0, microsecond=0)
    times = await find_times(
        conn,
        organization.id,
        since=max(to, now),
        service_type=stands[0].service_type,
        duration_minutes=stands[0].duration_minutes,
        resource=resource or stands[0].resource,
        ignored_id=choice.appointment_id,
    )
    starts = [f"{each.starts_at.astimezone(organization.zone):%Y-%m-%d %H:%M}" for each in times]
    return f". Free: {listed(starts, 'and')}" if starts else ". No time is free in the next weeks"
