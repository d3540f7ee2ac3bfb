"""The command `tool`: prints the tool for Vapi, and the line for the assistant's prompt."""

from __future__ import annotations

import json
from zoneinfo import available_timezones

import click

from booking_asgi.contract import prompt_line, vapi_tool
from booking_asgi.tools import TOOLS
from booking_core.zones import is_region

ANY_ZONE = "Region/City"


@click.command("tool")
@click.option(
    "--url", required=True, help="Where Vapi reaches the endpoint: https://.../api/vapi/tools"
)
@click.option("--credential", help="The id of the credential in Vapi that holds the token.")
@click.option("--timezone", default=ANY_ZONE, help="The clinic's, for the prompt's line.")
def print_tool(url: str, credential: str | None, timezone: str) -> None:
    """Print the tool as JSON for Vapi, and on standard error a line for the assistant's prompt."""
    if timezone != ANY_ZONE and not (timezone in available_timezones() and is_region(timezone)):
        raise click.UsageError(f"{timezone} is no time zone: Region/City, as America/New_York")
    click.echo(json.dumps(vapi_tool(TOOLS[0], url.rstrip("/"), credential), indent=2))
    click.echo(f"\nFor the assistant's prompt:\n{prompt_line(timezone)}", err=True)
