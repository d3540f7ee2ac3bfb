"""The command `appointment`: what a clinic's staff see and change."""

from __future__ import annotations

import dataclasses
import getpass
from datetime import datetime
from typing import assert_never
from uuid import UUID
from zoneinfo import ZoneInfo

import click

from booking_asgi.command.of_organization import (
    AS_JSON,
    ORG,
    echo_json,
    echo_table,
    work_for,
)
from booking_asgi.config import Config
from booking_asgi.logs import mask_phone
from booking_asgi.phrases import spoken
from booking_asgi.tools.readings import read_day
from booking_core import (
    Cancelled,
    Choice,
    Connection,
    DayAppointment,
    InvalidRequest,
    NotFound,
    Organization,
    SeveralFound,
    Staff,
    TooLate,
    cancel,
    list_day,
    set_status,
)
from booking_core.changes import Ending

ID = click.argument("appointment_id", type=UUID, metavar="ID")
AS = click.option("--as", "name", metavar="NAME", help="Who does it. [the system's user]")
DONE: dict[Ending, str] = {"completed": "Completed", "no_show": "Nobody came"}


@click.group()
def appointment() -> None:
    """The appointments of a day, for the clinic's staff, and what becomes of each.

    Each change is written down with the name of who made it: see `history`.
    """


@appointment.command("list")
@ORG
@click.option("--day", default="today", help="A date, today, tomorrow or a weekday.  [today]")
@click.option("--phones", is_flag=True, help="Whole phone numbers, not only their last digits.")
@AS_JSON
@click.pass_obj
def list_all(config: Config, org_id: UUID | None, day: str, phones: bool, as_json: bool) -> None:
    """List the appointments of a day, by the clinic's clock, whatever became of each.

    It prints names of patients: let nobody but staff see its output.
    """

    async def read(
        conn: Connection, organization: Organization
    ) -> tuple[list[DayAppointment], ZoneInfo]:
        zone = organization.zone
        wanted = read_day(day, "day", datetime.now(zone).date())
        return await list_day(conn, organization.id, wanted), zone

    found, zone = work_for(config, org_id, read)
    shown = [_shown(each, zone, phones) for each in found]
    if as_json:
        echo_json([{**dataclasses.asdict(each), "scheduled_at": _iso(each)} for each in shown])
        return
    rows = [
        (
            f"{each.scheduled_at:%H:%M}",
            f"{each.duration_minutes} min",
            *(each.resource, each.service_type),
            each.attendee_name or each.contact_name or "-",
            *(each.phone or "-", each.status, each.id),
        )
        for each in shown
    ]
    headers = ("time", "length", "resource", "service", "attendee", "phone", "status", "id")
    echo_table(headers, rows)


@appointment.command("cancel")
@ORG
@AS
@ID
@click.pass_obj
def cancel_one(config: Config, org_id: UUID | None, name: str | None, appointment_id: UUID) -> None:
    """Cancel an appointment; its time is free at once. Safe to repeat."""
    staff = staff_of(name)

    async def run(conn: Connection, organization: Organization) -> str:
        choice = Choice(appointment_id=appointment_id)
        outcome = await cancel(conn, organization.id, staff, choice)
        match outcome:
            case Cancelled(scheduled_at=start, changed=changed):
                start_said = spoken(start, organization.zone)
                return f"{'Cancelled' if changed else 'Cancelled before'}: {start_said}"
            case NotFound():
                raise click.ClickException(f"Not cancelled: {missing(appointment_id)}")
            case SeveralFound() | TooLate():
                raise AssertionError("an id names one, and staff may cancel at any time")
            case _:
                assert_never(outcome)

    click.echo(work_for(config, org_id, run))


@appointment.command("complete")
@ORG
@AS
@ID
@click.pass_obj
def complete(config: Config, org_id: UUID | None, name: str | None, appointment_id: UUID) -> None:
    """Say that an appointment took place. Safe to repeat."""
    _end(config, org_id, name, appointment_id, "completed")


@appointment.command("no-show")
@ORG
@AS
@ID
@click.pass_obj
def no_show(config: Config, org_id: UUID | None, name: str | None, appointment_id: UUID) -> None:
    """Say that nobody came to an appointment. Safe to repeat."""
    _end(config, org_id, name, appointment_id, "no_show")


def _end(
    config: Config, org_id: UUID | None, name: str | None, appointment_id: UUID, status: Ending
) -> None:
    staff = staff_of(name)

    async def run(conn: Connection, organization: Organization) -> bool:
        return await set_status(conn, organization.id, staff, appointment_id, status)

    if not work_for(config, org_id, run):
        raise click.ClickException(
            f"Nothing was changed: there is no appointment of the id {appointment_id}, or it is"
            " cancelled"
        )
    click.echo(f"{DONE[status]}: appointment {appointment_id}")


def staff_of(name: str | None) -> Staff:
    try:
        return Staff(name=name or getpass.getuser())
    except InvalidRequest as error:
        raise click.ClickException(f"--as: {error.problem}") from None
    except (KeyError, OSError):  # a user that the system has no name for, as in a container
        raise click.ClickException("The system's user has no name: say who you are by --as") from (
            None
        )


def missing(appointment_id: UUID) -> str:
    return f"there is no active appointment of the id {appointment_id}"


def _shown(each: DayAppointment, zone: ZoneInfo, phones: bool) -> DayAppointment:
    phone = each.phone if phones or not each.phone else mask_phone(each.phone)
    return dataclasses.replace(each, scheduled_at=each.scheduled_at.astimezone(zone), phone=phone)


def _iso(each: DayAppointment) -> str:
    return each.scheduled_at.isoformat()
