"""The command `booking-asgi`."""

from __future__ import annotations

import contextlib
import dataclasses
import gc
import json
import math
import os
import signal
import socket
from collections.abc import Iterator
from datetime import datetime, timedelta
from uuid import UUID
from zoneinfo import available_timezones

import click
import uvicorn

from booking_asgi import admin, simulator
from booking_asgi.address import is_loopback
from booking_asgi.app import create_app
from booking_asgi.config import KUBERNETES, Config, ConfigError
from booking_asgi.contract import prompt_line, vapi_tool
from booking_asgi.logs import configure
from booking_asgi.protocol import BoundedProtocol
from booking_asgi.race import race
from booking_asgi.tools import TOOLS
from booking_core import (
    Connection,
    add_organization,
    add_token,
    find_organization,
    read_schema,
    upgrade,
)
from booking_core.zones import is_region, zone

ANY_ZONE = "Region/City"
LISTENERS = 16
DEMO_ORG = UUID("00000000-0000-4000-8000-000000000001")
DEMO_TOKEN = "demo-token"
DEMO_TIMEZONE = "America/New_York"
DEMO = """
Database: {database_url}

Book tomorrow at 14:00, from another shell:

  curl -s http://{host}:{port}/api/vapi/tools/book-appointment \\
    -H 'X-Vapi-Secret: {token}' -H 'Content-Type: application/json' \\
    -d '{{"patientName": "Sam Wilson", "patientPhone": "+15551234567",
         "appointmentDate": "{tomorrow}", "appointmentTime": "14:00"}}'
"""


@click.group()
@click.version_option(package_name="vapi-booking")
@click.pass_context
def main(context: click.Context) -> None:
    """Book appointments for a Vapi voice assistant. The settings are BOOKING_... variables."""
    try:
        context.obj = Config.from_environ(os.environ)
    except ConfigError as error:
        raise click.ClickException(str(error)) from None
    if strange := sorted(name for name in os.environ if KUBERNETES.fullmatch(name)):
        click.echo(f"Warning: {', '.join(strange)}: of Kubernetes, not read", err=True)


main.add_command(admin.schema)
main.add_command(admin.org)
main.add_command(admin.token)
main.add_command(admin.check)
main.add_command(race)


@main.command()
@click.option("--demo", is_flag=True, help="On an embedded PostgreSQL, with a published token.")
@click.pass_obj
def serve(config: Config, demo: bool) -> None:
    """Serve the endpoint on BOOKING_DATABASE_URL, or a demo of it on this machine alone."""
    if demo and config.database_url is not None:
        raise click.UsageError("--demo has a database of its own: unset BOOKING_DATABASE_URL")
    if demo and not is_loopback(config.host):
        raise click.UsageError(f"--demo has a published token: not on BOOKING_HOST={config.host}")
    configure(config.log_format)
    # SIGTERM does what Ctrl-C does: drain, then leave through every `with`. SIGINT is set as well,
    # for a shell starts a command in the background with SIGINT ignored.
    for stop in (signal.SIGINT, signal.SIGTERM):
        signal.signal(stop, signal.default_int_handler)
    with (
        contextlib.suppress(KeyboardInterrupt),
        _listener(config) as listener,
        (admin.demo_database_url if demo else admin.database_url)(config) as url,
    ):
        if demo:
            admin.run_on(url, _make_demo)
            tomorrow = datetime.now(zone(DEMO_TIMEZONE)).date() + timedelta(days=1)
            shown = {"database_url": url, "token": DEMO_TOKEN, "tomorrow": tomorrow}
            host = f"[{config.host}]" if ":" in config.host else config.host
            click.echo(DEMO.format(host=host, port=config.port, **shown))
        admin.refuse_unfit(url)
        server = uvicorn.Server(
            uvicorn.Config(
                create_app(dataclasses.replace(config, database_url=url)),
                http=BoundedProtocol,  # httptools: h11 lets malformed framing through
                ws="none",
                loop="uvloop",
                lifespan="on",
                log_config=None,
                access_log=False,
                proxy_headers=False,  # nothing asks who the client is
                server_header=False,  # nor what the server is
                # Longer than proxies keep theirs: one that closes first loses a POST on its way.
                timeout_keep_alive=75,
                timeout_graceful_shutdown=math.ceil(config.deadline_seconds) + 5,
            )
        )
        # Garbage is not looked for in what is loaded by now, nor as often as Python would: that
        # costs a twentieth of a request, and more where many are under way.
        gc.freeze()
        gc.set_threshold(10_000)
        # uvloop takes in one connection from each, every time round.
        server.run(sockets=[listener, *(listener.dup() for _ in range(LISTENERS - 1))])


@main.command("tool")
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


@main.command("call")
@click.option("--name", "patientName")
@click.option("--phone", "patientPhone")
@click.option("--email", "patientEmail")
@click.option("--date", "appointmentDate", help="YYYY-MM-DD")
@click.option("--time", "appointmentTime", help="14:00, or 2 PM")
@click.option("--service", "serviceType")
@click.option("--resource", "resource")
@click.option("--caller", help="The number that the call comes from.")
@click.option("--conversation", help="The call's id; the same again is a repeat.")
@click.option("--shape", type=click.Choice(simulator.SHAPES), default="S1", show_default=True)
@click.option("--url", help="The endpoint's, if not the one of these settings.")
@click.option("--secret", default=DEMO_TOKEN, show_default=True, help="The organization's token.")
@click.option("--hmac", is_flag=True, help="Sign it, with the first of BOOKING_HMAC_SECRETS.")
@click.pass_obj
def simulate_call(
    config: Config,
    /,
    caller: str | None,
    conversation: str | None,
    shape: str,
    url: str | None,
    secret: str,
    hmac: bool,
    **arguments: str | None,
) -> None:
    """Send what Vapi would send, and print what is heard; exit 1 where nothing is booked."""
    if hmac and not config.hmac_secrets:
        raise click.UsageError("--hmac needs BOOKING_HMAC_SECRETS")
    message = simulator.tool_message(
        {name: value for name, value in arguments.items() if value is not None},
        shape=shape,
        conversation=conversation,
        caller_number=caller,
    )
    signed = config if hmac else dataclasses.replace(config, hmac_secrets=())
    booked, heard = simulator.deliver(
        url or f"http://{config.host}:{config.port}/api/vapi/tools", message, signed, secret
    )
    click.echo(heard)
    if not booked:
        raise SystemExit(1)


async def _make_demo(conn: Connection) -> None:
    # From the second start on the tables are there, maybe as an older release made them.
    obstacles = await upgrade(conn, lock=True)
    if [obstacle.what for obstacle in obstacles] == ["tables"]:
        await conn.execute(read_schema())
    elif obstacles:
        raise click.ClickException(f"{obstacles[0].what}: {obstacles[0].problem}")
    # From the second start on it is there already, and stays as it is.
    if await find_organization(conn, DEMO_ORG) is not None:
        return
    async with conn.transaction():
        await add_organization(
            conn, org_id=DEMO_ORG, name="Demo Clinic", timezone=DEMO_TIMEZONE, phone_region="US"
        )
        await add_token(conn, DEMO_ORG, label="demo", token=DEMO_TOKEN)


@contextlib.contextmanager
def _listener(config: Config) -> Iterator[socket.socket]:
    """Taken before anything is started, so that a taken port starts nothing."""
    family = socket.AF_INET6 if ":" in config.host else socket.AF_INET
    try:
        listener = socket.create_server((config.host, config.port), family=family)
    except OSError as error:
        raise click.ClickException(f"{config.host}:{config.port}: {error.strerror}") from None
    # Its connections inherit it; without it a reply waits for the other side's delayed ACK.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    with listener:
        yield listener


if __name__ == "__main__":
    main()
