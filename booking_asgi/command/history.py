"""The command `history`: what happened to appointments, in words for a clinic's manager."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import click

from booking_asgi.command.of_organization import AS_JSON, ORG, echo_json, work_for
from booking_asgi.config import Config
from booking_asgi.phrases import spoken
from booking_core import Connection, Event, Organization, find_call, find_events


@click.command()
@ORG
@click.option("--call", "call_id", help="What this phone call or chat did: its id, as Vapi has it.")
@click.option("--appointment", "appointment_id", type=UUID, help="What became of this appointment.")
@click.option("--contact", "contact_id", type=UUID, help="All appointments of this contact.")
@AS_JSON
@click.pass_obj
def history(
    config: Config,
    org_id: UUID | None,
    call_id: str | None,
    appointment_id: UUID | None,
    contact_id: UUID | None,
    as_json: bool,
) -> None:
    """Tell what happened in a call, to an appointment or to a contact, in order.

    The times are those of the clinic's clock. It names no patient. For a call the organization may
    be left out where only one of them had it.
    """
    asked = {"call_id": call_id, "appointment_id": appointment_id, "contact_id": contact_id}
    if len([value for value in asked.values() if value is not None]) != 1:
        raise click.UsageError("Give one of --call, --appointment and --contact")

    async def which(conn: Connection) -> UUID | None:
        found = [] if call_id is None else await find_call(conn, call_id)
        return found[0] if len(found) == 1 else None

    async def read(conn: Connection, organization: Organization) -> tuple[list[Event], ZoneInfo]:
        found = await find_events(
            conn,
            organization.id,
            call_id=call_id,
            appointment_id=appointment_id,
            contact_id=contact_id,
        )
        return found, organization.zone

    found, zone = work_for(config, org_id, read, which=which)
    if as_json:
        echo_json([{**dataclasses.asdict(each), "at": each.at.isoformat()} for each in found])
    elif not found:
        raise click.ClickException("Nothing is written down of that")
    else:
        for each in found:
            click.echo(told(each, zone))


def told(event: Event, zone: ZoneInfo) -> str:
    """The line of an event."""
    about = f"appointment {event.appointment_id}"
    if event.call_id:
        about += f", call {event.call_id}"
    return f"{event.at.astimezone(zone):%Y-%m-%d %H:%M:%S}  {_happened(event, zone)}  ({about})"


def _happened(event: Event, zone: ZoneInfo) -> str:
    by, data = _actor(event.actor), event.data
    match event.type:
        case "booked":
            what = f"booked by {by}: {_place(data, zone)}"
            minutes = data.get("duration_minutes")
            return f"{what}, {minutes} minutes" if minutes else what
        case "mended":
            return f"{_mended(data)} by {by}"
        case "moved":
            old, new = data.get("from", {}), data.get("to", {})
            return f"moved by {by}: from {_place(old, zone)} to {_place(new, zone)}"
        case "cancelled":
            return f"cancelled by {by}: {_place(data, zone)}"
        case "completed":
            return f"marked by {by} as completed: {_place(data, zone)}"
        case "no_show":
            return f"marked by {by} as not attended: {_place(data, zone)}"
        case "erased":
            return f"the patient's details erased by {by}"
        case other:  # of a newer release
            return f"{other} by {by}"


def _mended(data: Mapping[str, Any]) -> str:
    parts = ["name completed"] if data.get("name") else []
    parts += ["phone number added"] if data.get("contact") else []
    return " and ".join(parts) or "changed"


def _place(data: Mapping[str, Any], zone: ZoneInfo) -> str:
    """When it is, and with whom."""
    said = spoken(datetime.fromisoformat(data["scheduled_at"]), zone)
    return f"{said} with {data['resource']}" if data.get("resource") else said


def _actor(actor: str) -> str:
    kind, _, name = actor.partition(":")
    match kind:
        case "caller":
            return "the caller"
        case "staff":
            return f"{name} of the staff"
        case "api":
            return f"a program with the token {name}"
        case _:
            return "the system"
