"""The commands `closure` and `holidays`: the dates on which other hours hold."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
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
    Closure,
    Connection,
    add_closure,
    import_holidays,
    list_closures,
    remove_closure,
)
from booking_core.periods import format_period, parse_period


@click.group()
def closure() -> None:
    """Dates on which nobody can be booked, and extra openings, in local time."""


@closure.command("add")
@ORG
@RESOURCE
@click.option("--note", default="", help="Why, for your list: no caller hears it.")
@click.option("--opens", is_flag=True, help="Open in spite of the weekday and of all closures.")
@click.argument("words", nargs=-1, required=True, metavar="DATE [HOURS]")
@click.pass_obj
def add_one(
    config: Config,
    org_id: UUID | None,
    resource: str | None,
    note: str,
    opens: bool,
    words: tuple[str, ...],
) -> None:
    """Close on a date, for some hours of it, or from one date to another.

    \b
    booking-asgi closure add 2027-07-05
    booking-asgi closure add 2027-07-05 12:00-13:00 --resource 'Dr. Lee' --note Training
    booking-asgi closure add 2027-08-01..2027-08-14
    booking-asgi closure add 2027-12-18 09:00-13:00 --opens

    Safe to repeat: the same closure is added once.
    """

    async def add(conn: Connection, org_id: UUID) -> Closure:
        starts, ends = parse_period(" ".join(words))
        return await add_closure(
            conn, org_id, starts=starts, ends=ends, resource=resource, opens=opens, note=note
        )

    added, outside = change(config, org_id, add)
    _show([added])
    echo_outside(outside)


@closure.command("list")
@ORG
@AS_JSON
@click.pass_obj
def list_all(config: Config, org_id: UUID | None, as_json: bool) -> None:
    """List the closures and the extra openings that are not over."""
    found = look(config, org_id, list_closures)
    if as_json:
        echo_json([_as_json(each) for each in found])
    else:
        _show(found)


@closure.command("remove")
@ORG
@click.argument("closure_id", type=UUID)
@click.pass_obj
def remove(config: Config, org_id: UUID | None, closure_id: UUID) -> None:
    """Remove the closure or the extra opening of this id, as `list` shows it."""

    async def end(conn: Connection, org_id: UUID) -> None:
        if not await remove_closure(conn, org_id, closure_id):
            raise click.ClickException(f"There is no closure of the id {closure_id}")

    _, outside = change(config, org_id, end)
    click.echo("It is removed")
    echo_outside(outside)


@click.group()
def holidays() -> None:
    """The public holidays of a country, as closures.

    They come from the package `holidays`: pip install 'vapi-booking[holidays]'.
    """


@holidays.command("import")
@ORG
@RESOURCE
@click.option("--country", required=True, help="Its code of two letters, such as US.")
@click.option("--subdivision", help="Its state or region, such as NY.")
@click.option(
    "--year", "years", type=int, required=True, multiple=True, help="Such as 2027; repeatable."
)
@click.pass_obj
def import_them(
    config: Config,
    org_id: UUID | None,
    resource: str | None,
    country: str,
    subdivision: str | None,
    years: tuple[int, ...],
) -> None:
    """Close on the public holidays of a country and its region.

    Safe to repeat: a day that is closed already stays as it is, and nothing is removed. To work on
    a holiday, `closure remove` it; another import would add it again.
    """

    async def write(conn: Connection, org_id: UUID) -> list[Closure]:
        try:
            return await import_holidays(
                conn,
                org_id,
                country=country,
                subdivision=subdivision,
                years=years,
                resource=resource,
            )
        except ImportError as error:
            raise click.ClickException(str(error)) from None

    added, outside = change(config, org_id, write)
    if added:
        _show(added)
    click.echo(f"{len(added)} holidays were added")
    echo_outside(outside)


def _show(closures: Sequence[Closure]) -> None:
    rows = [
        (
            format_period(each.starts, each.ends),
            "open" if each.opens else "closed",
            each.resource or "all",
            each.id,
            each.note,
        )
        for each in closures
    ]
    echo_table(("when", "state", "resource", "id", "note"), rows)


def _as_json(closure: Closure) -> dict[str, object]:
    times = {"starts": closure.starts.isoformat(), "ends": closure.ends.isoformat()}
    return {**dataclasses.asdict(closure), **times}
