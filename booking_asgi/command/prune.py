"""The command `prune`: what is old is deleted."""

from __future__ import annotations

import re
from datetime import date, datetime, time, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import click

from booking_asgi.command.of_organization import ORG, work_for
from booking_asgi.config import Config
from booking_core import Connection, Organization, Pruned, count_prunable
from booking_core import prune as prune_organization

AGE = re.compile(r"([1-9]\d{0,4})([dwmy])")
FORM = "It must be a number of days, weeks, months or years, such as 90d, 12w, 18m or 3y"


@click.command()
@ORG
@click.option("--older-than", "age", required=True, help="Such as 90d, 12w, 18m or 3y.")
@click.option("--yes", is_flag=True, help="Do it. Else it is only said what would be deleted.")
@click.pass_obj
def prune(config: Config, org_id: UUID | None, age: str, yes: bool) -> None:
    """Delete what is older: events, appointments that had ended, and contacts without any.

    A contact goes if it has no appointment left and was last in contact before. It can't be undone.
    Safe to repeat. If a table of your own refers to contacts or to appointments, those stay.
    """

    async def run(conn: Connection, organization: Organization) -> tuple[Pruned, date]:
        zone = organization.zone
        day = before(age, datetime.now(zone).date())
        work = prune_organization if yes else count_prunable
        return await work(conn, organization.id, before=_midnight(day, zone)), day

    pruned, day = work_for(config, org_id, run)
    click.echo(
        f"{'Deleted' if yes else 'It would delete'} from before {day}: events {pruned.events},"
        f" appointments {pruned.appointments}, contacts {pruned.contacts}"
    )
    for referrer, table in pruned.kept_for:
        click.echo(f"No {table} are deleted, since your table {referrer} refers to them")
    if not yes and pruned.events + pruned.appointments + pruned.contacts:
        click.echo("Nothing was changed. To do it, add --yes.")


def before(age: str, today: date) -> date:
    """The day so long ago. For the last days of a month it is the 28th, which each month has."""
    match = AGE.fullmatch(age.strip().lower())
    if match is None:
        raise click.ClickException(f"--older-than: {FORM}")
    number, unit = int(match[1]), match[2]
    try:
        if unit in "dw":
            return today - timedelta(days=number * (7 if unit == "w" else 1))
        months = 12 * today.year + today.month - 1 - number * (12 if unit == "y" else 1)
        day = min(today.day, 28)
        return today.replace(year=months // 12, month=months % 12 + 1, day=day)
    except (ValueError, OverflowError):
        raise click.ClickException(f"--older-than: {FORM}") from None


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(), zone)
