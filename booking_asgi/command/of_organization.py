"""What the commands of an organization's owner share: which one it is, and what a change leaves."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar
from uuid import UUID

import click

from booking_asgi.command.on_database import database_url, run_on
from booking_asgi.config import Config
from booking_core import (
    Appointment,
    Connection,
    Organization,
    OrganizationOverview,
    find_organization,
    list_organizations,
    list_outside,
)

T = TypeVar("T")
MOST_LISTED = 20

ORG = click.option(
    "--org",
    "org_id",
    type=UUID,
    help="The organization's id; it may be left out where the database has only one.",
)
AS_JSON = click.option("--json", "as_json", is_flag=True, help="As JSON, for programs.")
RESOURCE = click.option("--resource", help="Only for this doctor, chair or room. [all]")


def look(
    config: Config, org_id: UUID | None, read: Callable[[Connection, UUID], Awaitable[T]]
) -> T:
    """What `read` finds of the organization, whose id it gets."""
    return work_for(config, org_id, lambda conn, organization: read(conn, organization.id))


def work_for(
    config: Config,
    org_id: UUID | None,
    work: Callable[[Connection, Organization], Awaitable[T]],
    *,
    which: Callable[[Connection], Awaitable[UUID | None]] | None = None,
) -> T:
    """What `work` returns, which gets the organization. If none is named, `which` may know it."""

    async def run(conn: Connection) -> T:
        meant = await which(conn) if org_id is None and which is not None else org_id
        return await work(conn, await _organization(conn, meant))

    with database_url(config) as url:
        return run_on(url, run)


def change(
    config: Config, org_id: UUID | None, write: Callable[[Connection, UUID], Awaitable[T]]
) -> tuple[T, str]:
    """What `write` returns, and a paragraph on the appointments that are outside of the hours
    afterwards, which is empty where there are none. They do not hinder the change."""

    async def run(conn: Connection) -> tuple[T, str]:
        organization = await _organization(conn, org_id)
        written = await write(conn, organization.id)
        return written, _said(await list_outside(conn, organization.id), organization)

    with database_url(config) as url:
        return run_on(url, run)


def echo_outside(outside: str) -> None:
    if outside:
        click.echo(f"\n{outside}")


def echo_json(value: object) -> None:
    click.echo(json.dumps(value, indent=2, ensure_ascii=False, default=str))


def echo_table(headers: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Columns of text, each as wide as its longest cell. What could steer a terminal is a space."""
    table = [list(headers), *(list(map(_cell, row)) for row in rows)]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    for row in table:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        click.echo("  ".join(cells).rstrip())


def _cell(value: object) -> str:
    return "".join(sign if sign.isprintable() else " " for sign in str(value))


async def _organization(conn: Connection, org_id: UUID | None) -> Organization:
    if org_id is None:
        org_id = _only(await list_organizations(conn))
    organization = await find_organization(conn, org_id)
    if organization is None:
        raise click.ClickException(f"There is no organization of the id {org_id}")
    return organization


def _only(known: Sequence[OrganizationOverview]) -> UUID:
    if not known:
        raise click.ClickException("There is no organization yet: booking-asgi org add")
    if len(known) > 1:
        lines = [f"  {each.id}  {each.name}" for each in known][:MOST_LISTED]
        more = len(known) - len(lines)
        listed = "\n".join([*lines, *([f"  and {more} more"] if more else [])])
        raise click.ClickException(f"Say which organization by --org:\n{listed}")
    return known[0].id


def _said(appointments: Sequence[Appointment], organization: Organization) -> str:
    """Without any name or phone: a terminal is no place for them."""
    if not appointments:
        return ""
    lines = [
        f"  {each.id}  {each.scheduled_at.astimezone(organization.zone):%a %Y-%m-%d %H:%M}"
        f"  {each.resource}"
        for each in appointments
    ]
    return "\n".join(["These appointments are outside of the hours now:", *lines])
