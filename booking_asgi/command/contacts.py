"""The command `contact`: a person is found, told what is stored, and erased."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID
from zoneinfo import ZoneInfo

import click

from booking_asgi.command.appointments import AS, staff_of
from booking_asgi.command.of_organization import AS_JSON, ORG, echo_json, echo_table, work_for
from booking_asgi.config import Config
from booking_asgi.logs import mask_email, mask_phone
from booking_asgi.phrases import listed
from booking_core import (
    Connection,
    Contact,
    Erased,
    Organization,
    Staff,
    erase_contact,
    export_contact,
    find_contacts,
    parse_email,
    parse_phone,
)

ID = click.option("--id", "contact_id", type=UUID, required=True, help="As `contact find` has it.")


@click.group()
def contact() -> None:
    """The people whom a clinic knows: what is stored of one, and its erasure."""


@contact.command("find")
@ORG
@click.option("--phone", help="In any spelling; without a country it is the clinic's.")
@click.option("--email")
@AS_JSON
@click.pass_obj
def find(
    config: Config, org_id: UUID | None, phone: str | None, email: str | None, as_json: bool
) -> None:
    """Find the contacts of a phone number or of an email address.

    It prints names of patients: let nobody but staff see its output. Phones and emails are masked.
    """
    if phone is None and email is None:
        raise click.UsageError("Give --phone or --email")

    async def read(conn: Connection, organization: Organization) -> tuple[list[Contact], ZoneInfo]:
        found = await find_contacts(
            conn,
            organization.id,
            phone=None if phone is None else parse_phone(phone, organization.phone_region),
            email=None if email is None else parse_email(email),
        )
        return found, organization.zone

    found, zone = work_for(config, org_id, read)
    if not found:
        raise click.ClickException("There is no such contact")
    keys = ("id", "name", "phone", "email", "last_contact", "appointments")
    rows = [
        (
            *(str(each.id), each.name or "-"),
            mask_phone(each.phone) if each.phone else "-",
            mask_email(each.email) if each.email else "-",
            _local(each.last_contact_at, zone),
            each.appointments,
        )
        for each in found
    ]
    if as_json:
        echo_json([dict(zip(keys, row, strict=True)) for row in rows])
    else:
        echo_table([key.replace("_", " ") for key in keys], rows)


@contact.command("export")
@ORG
@ID
@click.pass_obj
def export(config: Config, org_id: UUID | None, contact_id: UUID) -> None:
    """Print as JSON all that is stored of a person, for whom it asks: nothing is masked.

    It holds each column of the contact, of its appointments and of what happened to them, your own
    columns too. What tables of your own hold is not in it.
    """
    exported = work_for(
        config, org_id, lambda conn, organization: export_contact(conn, organization.id, contact_id)
    )
    if exported is None:
        raise click.ClickException(_missing(contact_id))
    echo_json(exported)


@contact.command("erase")
@ORG
@AS
@ID
@click.option("--yes", is_flag=True, help="Do it. Else it is only said what would be done.")
@click.pass_obj
def erase(
    config: Config, org_id: UUID | None, name: str | None, contact_id: UUID, yes: bool
) -> None:
    """Erase a person: phone, email, name, the attendees' names, and the ids of calls.

    Appointments to come are cancelled. Times, resources and listed services stay for the books; a
    service that is not listed becomes Appointment. It can't be undone. Safe to repeat.

    Columns and tables of your own stay as they are. They are named.
    """
    staff = staff_of(name)

    async def run(conn: Connection, organization: Organization) -> tuple[Erased | None, ZoneInfo]:
        return await _erase(conn, organization, contact_id, staff, keep=not yes), organization.zone

    outcome, zone = work_for(config, org_id, run)
    if outcome is None:
        raise click.ClickException(_missing(contact_id))
    click.echo(_told(outcome, zone, is_done=yes))


async def _erase(
    conn: Connection, organization: Organization, contact_id: UUID, staff: Staff, *, keep: bool
) -> Erased | None:
    """What the erasure did, or would do: then it is rolled back."""
    transaction = conn.transaction()
    await transaction.start()
    # After an error the connection is closed, which rolls back.
    outcome = await erase_contact(conn, organization.id, contact_id, staff)
    await (transaction.rollback() if keep else transaction.commit())
    return outcome if isinstance(outcome, Erased) else None


def _told(outcome: Erased, zone: ZoneInfo, *, is_done: bool) -> str:
    if not outcome.changed:
        line = f"Erased before: contact {outcome.contact_id}. Nothing was changed."
    else:
        starts = listed([_local(start, zone) for start in outcome.cancelled], "and")
        line = (
            f"{'Erased' if is_done else 'It would erase'}: contact {outcome.contact_id}."
            f" Its appointments stay without the person: {outcome.appointments}."
        )
        if starts:
            line += f" {'Cancelled' if is_done else 'It would cancel'}: {starts}."
    if outcome.kept:
        line += (
            f"\nOf your own, and as it was: {listed(outcome.kept, 'and')}. If something of the"
            " person stands there, it is for you to erase."
        )
    if outcome.changed and not is_done:
        line += "\nNothing was changed. To do it, add --yes."
    return line


def _local(at: datetime | None, zone: ZoneInfo) -> str:
    return f"{at.astimezone(zone):%Y-%m-%d %H:%M}" if at else "-"


def _missing(contact_id: UUID) -> str:
    return f"There is no contact of the id {contact_id}"
