"""The command `resource`: whom and what an organization can book."""

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
from booking_core import (
    Connection,
    Resource,
    add_resource,
    list_resources,
    list_services,
    rename_resource,
    retire_resource,
)


@click.group()
def resource() -> None:
    """Whom or what can be booked: a doctor, a chair, a room."""


@resource.command("add")
@ORG
@click.argument("name")
@click.pass_obj
def add_one(config: Config, org_id: UUID | None, name: str) -> None:
    """Let NAME be booked, or be booked again after it was retired.

    Without opening hours it can be booked at any time: see `hours set` and `hours copy`.
    """

    async def add(conn: Connection, org_id: UUID) -> Resource:
        return await add_resource(conn, org_id, name)

    added, outside = change(config, org_id, add)
    click.echo(f"{added.resource} can be booked")
    echo_outside(outside)


@resource.command("rename")
@ORG
@click.argument("name")
@click.argument("new_name")
@click.pass_obj
def rename(config: Config, org_id: UUID | None, name: str, new_name: str) -> None:
    """Give NAME another name, in its appointments, hours, closures and services too."""

    async def change_name(conn: Connection, org_id: UUID) -> Resource:
        return await rename_resource(conn, org_id, name, new_name)

    renamed, outside = change(config, org_id, change_name)
    click.echo(f"{name} is called {renamed.resource} now")
    echo_outside(outside)


@resource.command("retire")
@ORG
@click.argument("name")
@click.pass_obj
def retire(config: Config, org_id: UUID | None, name: str) -> None:
    """Let nobody book NAME any more. Its appointments stay, those to come too, and are listed."""

    async def end(conn: Connection, org_id: UUID) -> tuple[Resource, list[str]]:
        retired = await retire_resource(conn, org_id, name)
        active = {each.resource for each in await list_resources(conn, org_id) if each.active}
        services = await list_services(conn, org_id)
        return retired, [
            each.service
            for each in services
            if each.resources and active.isdisjoint(each.resources)
        ]

    (retired, undone), outside = change(config, org_id, end)
    click.echo(f"{retired.resource} is retired")
    if undone:
        click.echo(f"Nobody is left who does {', '.join(undone)}: see `service add`")
    echo_outside(outside)


@resource.command("list")
@ORG
@AS_JSON
@click.pass_obj
def list_all(config: Config, org_id: UUID | None, as_json: bool) -> None:
    """List all resources, the retired ones too."""
    found = look(config, org_id, list_resources)
    if as_json:
        echo_json([dataclasses.asdict(each) for each in found])
    else:
        rows = [(each.resource, "active" if each.active else "retired") for each in found]
        echo_table(("resource", "state"), rows)
