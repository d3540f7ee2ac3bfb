"""The command `tool`: prints the tools for Vapi, and the lines for the assistant's prompt."""

from __future__ import annotations

import json
from uuid import UUID
from zoneinfo import available_timezones

import click

from booking_asgi.command.of_organization import look
from booking_asgi.config import Config
from booking_asgi.contract import Names, prompt_block, vapi_tool
from booking_asgi.tools import TOOLS
from booking_core import Connection, find_organization, list_resources, list_services
from booking_core.zones import is_region

ANY_ZONE = "Region/City"


@click.command("tool")
@click.option(
    "--url", required=True, help="Where Vapi reaches the endpoint: https://.../api/vapi/tools"
)
@click.option("--credential", help="The id of the credential in Vapi that holds the token.")
@click.option(
    "--org",
    "org_id",
    type=UUID,
    help="The organization's id: the tools name its services and resources, the prompt its zone.",
)
@click.option("--timezone", help="The clinic's, for the prompt's first line. [that of --org]")
@click.option("--name", type=click.Choice([tool.name for tool in TOOLS]), help="Only this tool.")
@click.pass_obj
def print_tool(
    config: Config,
    url: str,
    credential: str | None,
    org_id: UUID | None,
    timezone: str | None,
    name: str | None,
) -> None:
    """Print each tool as a line of JSON for Vapi, and on standard error the lines for the
    assistant's prompt.

    With --org it asks the database. A model then chooses among the clinic's own services and
    resources, so print the tools anew when these change.
    """
    if timezone and not (timezone in available_timezones() and is_region(timezone)):
        raise click.UsageError(f"{timezone} is no time zone: Region/City, as America/New_York")
    names, zone = look(config, org_id, _names_and_zone) if org_id else (None, ANY_ZONE)
    for tool in TOOLS:
        if name in (None, tool.name):
            click.echo(json.dumps(vapi_tool(tool, url.rstrip("/"), credential, names)))
    click.echo(f"\nFor the assistant's prompt:\n{prompt_block(timezone or zone)}", err=True)


async def _names_and_zone(conn: Connection, org_id: UUID) -> tuple[Names, str]:
    """The names of what can be booked now, and the organization's time zone."""
    organization = await find_organization(conn, org_id)
    assert organization is not None  # `look` found it
    active = [each.resource for each in await list_resources(conn, org_id) if each.active]
    services = [
        each.service
        for each in await list_services(conn, org_id)
        if not each.resources or set(each.resources) & set(active)
    ]
    return {"service": services, "resource": active}, organization.timezone
