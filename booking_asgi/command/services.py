"""The command `service`: what an organization's appointments are for, and how long they take."""

from __future__ import annotations

import dataclasses
from uuid import UUID

import click

from booking_asgi.command.of_organization import (
    AS_JSON,
    ORG,
    change,
    echo_json,
    echo_outside,
    echo_table,
    look,
)
from booking_asgi.config import Config
from booking_core import Connection, Service, list_services, put_service, remove_service


@click.group()
def service() -> None:
    """What appointments are for: how long each takes, and who does it.

    A service that is not listed can be booked too, for as long as the caller asks.
    """


@service.command("add")
@ORG
@click.argument("name")
@click.option("--minutes", type=int, required=True, help="How long an appointment takes.")
@click.option("--before", type=int, default=0, show_default=True, help="Minutes kept free before.")
@click.option("--after", type=int, default=0, show_default=True, help="Minutes kept free after.")
@click.option(
    "--every",
    type=int,
    default=15,
    show_default=True,
    help="Minutes between the starts that are offered, from midnight on.",
)
@click.option(
    "--notice",
    type=int,
    default=0,
    show_default=True,
    help="Minutes by which it must be booked before its start.",
)
@click.option(
    "--resource", "resources", multiple=True, help="Who alone does it; repeatable. [everybody]"
)
@click.pass_obj
def add_one(
    config: Config,
    org_id: UUID | None,
    name: str,
    minutes: int,
    before: int,
    after: int,
    every: int,
    notice: int,
    resources: tuple[str, ...],
) -> None:
    """Add the service NAME, or replace all that was set for it.

    Appointments that were booked for it before keep their length and their buffers.
    """

    async def put(conn: Connection, org_id: UUID) -> Service:
        wanted = Service(
            service=name,
            duration_minutes=minutes,
            buffer_before_minutes=before,
            buffer_after_minutes=after,
            slot_minutes=every,
            notice_minutes=notice,
            resources=resources,
        )
        return await put_service(conn, org_id, wanted)

    stored, outside = change(config, org_id, put)
    who = ", ".join(stored.resources) or "everybody"
    click.echo(f"{stored.service}: {stored.duration_minutes} minutes, done by {who}")
    echo_outside(outside)


@service.command("list")
@ORG
@AS_JSON
@click.pass_obj
def list_all(config: Config, org_id: UUID | None, as_json: bool) -> None:
    """List the services. All times are in minutes."""
    found = look(config, org_id, list_services)
    if as_json:
        echo_json([dataclasses.asdict(each) for each in found])
        return
    headers = ("service", "minutes", "before", "after", "every", "notice", "done by")
    rows = [
        (
            each.service,
            each.duration_minutes,
            each.buffer_before_minutes,
            each.buffer_after_minutes,
            each.slot_minutes,
            each.notice_minutes,
            ", ".join(each.resources) or "everybody",
        )
        for each in found
    ]
    echo_table(headers, rows)


@service.command("remove")
@ORG
@click.argument("name")
@click.pass_obj
def remove(config: Config, org_id: UUID | None, name: str) -> None:
    """List the service NAME no longer. Its appointments stay.

    It can still be booked, as any text, for as long as the caller asks.
    """

    async def end(conn: Connection, org_id: UUID) -> str:
        return await remove_service(conn, org_id, name)

    removed, outside = change(config, org_id, end)
    click.echo(f"{removed} is not listed any more")
    echo_outside(outside)
