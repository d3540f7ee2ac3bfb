"""The command `hours`: at which times of the week an organization can be booked."""

from __future__ import annotations

from uuid import UUID

import click

from booking_asgi.command.of_organization import (
    AS_JSON,
    ORG,
    RESOURCE,
    change,
    echo_json,
    echo_outside,
    echo_table,
    look,
)
from booking_asgi.config import Config
from booking_core import (
    Connection,
    OpeningHours,
    copy_hours,
    format_hours,
    list_hours,
    parse_hours,
    set_hours,
)


@click.group()
def hours() -> None:
    """The opening hours of each weekday, in the organization's local time.

    A resource without any hours can be booked at any time.
    """


@hours.command("set")
@ORG
@RESOURCE
@click.argument("words", nargs=-1, required=True, metavar="DAYS HOURS...")
@click.pass_obj
def set_them(
    config: Config, org_id: UUID | None, resource: str | None, words: tuple[str, ...]
) -> None:
    """Replace the hours of the weekdays that are named; other weekdays stay as they are.

    \b
    booking-asgi hours set mon-fri 09:00-12:30 13:30-17:00 sat 9am-1pm sun closed
    booking-asgi hours set --resource 'Dr. Lee' mon,wed 22:00-06:00
    booking-asgi hours set daily 00:00-24:00

    Hours such as 22:00-06:00 end on the next day.
    """

    async def replace(conn: Connection, org_id: UUID) -> str:
        days = parse_hours(" ".join(words))
        await set_hours(conn, org_id, resource, days)
        return format_hours(days)

    written, outside = change(config, org_id, replace)
    click.echo(f"{resource or 'All resources'}: {written}")
    echo_outside(outside)


@hours.command("copy")
@ORG
@click.argument("source")
@click.argument("target")
@click.pass_obj
def copy(config: Config, org_id: UUID | None, source: str, target: str) -> None:
    """Give the resource TARGET the hours of SOURCE in place of its own."""

    async def write(conn: Connection, org_id: UUID) -> None:
        await copy_hours(conn, org_id, source, target)

    _, outside = change(config, org_id, write)
    click.echo(f"{target} has the hours of {source} now")
    echo_outside(outside)


@hours.command("show")
@ORG
@AS_JSON
@click.pass_obj
def show(config: Config, org_id: UUID | None, as_json: bool) -> None:
    """Show the hours of each resource."""
    found = look(config, org_id, list_hours)
    if as_json:
        echo_json({name: list(map(_as_json, each)) for name, each in found.items()})
    else:
        rows = [(name, _week(each)) for name, each in found.items()]
        echo_table(("resource", "hours"), rows)


def _week(hours: tuple[OpeningHours, ...]) -> str:
    if not hours:
        return "at any time"
    days = {day: [each for each in hours if each.weekday == day] for day in range(1, 8)}
    return format_hours(days)


def _as_json(hours: OpeningHours) -> dict[str, object]:
    opens, _, closes = str(hours).partition("-")
    return {"weekday": hours.weekday, "opens": opens, "closes": closes}
