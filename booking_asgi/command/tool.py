"""The command `tool`: prints the tools for Vapi, and the lines for the assistant's prompt."""

from __future__ import annotations

import json
from zoneinfo import available_timezones

import click

from booking_asgi.contract import prompt_block, vapi_tool
from booking_asgi.tools import TOOLS
from booking_core.zones import is_region

ANY_ZONE = "Region/City"


@click.command("tool")
@click.option(
    "--url", required=True, help="Where Vapi reaches the endpoint: https://.../api/vapi/tools"
)
@click.option("--credential", help="The id of the credential in Vapi that holds the token.")
@click.option("--timezone", default=ANY_ZONE, help="The clinic's, for the prompt's first line.")
@click.option("--name", type=click.Choice([tool.name for tool in TOOLS]), help="Only this tool.")
def print_tool(url: str, credential: str | None, timezone: str, name: str | None) -> None:
    """Print each tool as a line of JSON for Vapi, and on standard error the lines for the
    assistant's prompt."""
    if timezone != ANY_ZONE and not (timezone in available_timezones() and is_region(timezone)):
        raise click.UsageError(f"{timezone} is no time zone: Region/City, as America/New_York")
    for tool in TOOLS:
        if name in (None, tool.name):
            click.echo(json.dumps(vapi_tool(tool, url.rstrip("/"), credential)))
    click.echo(f"\nFor the assistant's prompt:\n{prompt_block(timezone)}", err=True)
