"""The command `booking-asgi`."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import math
import os
import signal
import socket
from collections.abc import Awaitable, Callable, Iterator
from datetime import datetime, timedelta
from typing import TypeVar
from uuid import UUID
from zoneinfo import ZoneInfo

import asyncpg
import click
import uvicorn

from booking_asgi.app import create_app
from booking_asgi.config import Config, ConfigError
from booking_asgi.logs import configure
from booking_asgi.postgres import EmbeddedPostgres, EmbeddedPostgresError
from booking_core import (
    BookingError,
    Connection,
    add_organization,
    add_token,
    find_organization_by_token,
    read_schema,
)

T = TypeVar("T")

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


@main.command()
@click.pass_obj
def serve(config: Config) -> None:
    """Serve the endpoint. Without BOOKING_DATABASE_URL: on an embedded PostgreSQL, with a demo."""
    configure(config.log_format)
    # As Ctrl-C does: drain, then leave through every `with`.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with (
        contextlib.suppress(KeyboardInterrupt),
        _listener(config) as listener,
        _database(config) as url,
    ):
        if config.database_url is None:
            _on(url, _make_demo)
            tomorrow = datetime.now(ZoneInfo(DEMO_TIMEZONE)).date() + timedelta(days=1)
            demo = {"database_url": url, "token": DEMO_TOKEN, "tomorrow": tomorrow}
            host = f"[{config.host}]" if ":" in config.host else config.host
            click.echo(DEMO.format(host=host, port=config.port, **demo))
        _on(url, lambda conn: find_organization_by_token(conn, ""))
        server = uvicorn.Server(
            uvicorn.Config(
                create_app(dataclasses.replace(config, database_url=url)),
                http="httptools",  # h11 lets malformed framing through
                loop="uvloop",
                lifespan="on",
                log_config=None,
                access_log=False,
                timeout_graceful_shutdown=math.ceil(config.deadline_seconds) + 5,
            )
        )
        server.run(sockets=[listener])


@main.command()
@click.option("--apply", is_flag=True, help="Run it on the database instead of printing it.")
@click.pass_obj
def schema(config: Config, apply: bool) -> None:
    """Print the tables as SQL. To make them is safe to repeat."""
    if not apply:
        click.echo(read_schema(), nl=False)
        return
    with _database(config) as url:
        _on(url, lambda conn: conn.execute(read_schema()))


@main.group()
def org() -> None:
    """The organizations that take bookings."""


@org.command("add")
@click.option("--name", required=True)
@click.option("--timezone", required=True, help="IANA name, such as America/New_York.")
@click.option("--region", required=True, help="Of local phone numbers: ISO 3166, such as US.")
@click.option(
    "--resource", "resources", multiple=True, help="Who or what is booked [main]; repeatable."
)
@click.pass_obj
def add_org(
    config: Config, name: str, timezone: str, region: str, resources: tuple[str, ...]
) -> None:
    """Add an organization; print its id and its token, which can't be shown again."""

    async def add(conn: Connection) -> tuple[UUID, str]:
        async with conn.transaction():
            organization = await add_organization(
                conn,
                name=name,
                timezone=timezone,
                phone_region=region,
                resources=resources or ("main",),
            )
            return organization.id, await add_token(conn, organization.id, label="first")

    with _database(config) as url:
        org_id, token = _on(url, add)
    click.echo(f"organization {org_id}\ntoken        {token}")


async def _make_demo(conn: Connection) -> None:
    await conn.execute(read_schema())
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
    with listener:
        yield listener


@contextlib.contextmanager
def _database(config: Config) -> Iterator[str]:
    """The URL of the database; without one that is set, of the embedded server, which then runs."""
    if config.database_url is not None:
        yield config.database_url
        return
    try:
        with EmbeddedPostgres(config.data_dir, programs=config.pg_bin).running() as url:
            yield url
    except EmbeddedPostgresError as error:
        raise click.ClickException(str(error)) from None


def _on(url: str, work: Callable[[Connection], Awaitable[T]]) -> T:
    """Run `work` on a connection of its own; what fails is one line for the operator."""

    async def run() -> T:
        conn = await asyncpg.connect(
            url, timeout=10, server_settings={"application_name": "vapi-booking"}
        )
        try:
            return await work(conn)
        finally:
            await conn.close(timeout=10)

    try:
        return asyncio.run(run())
    except asyncpg.UndefinedTableError:
        raise click.ClickException(
            "The tables are not there: booking-asgi schema --apply"
        ) from None
    except (OSError, TimeoutError) as error:
        raise click.ClickException(
            f"The database does not answer: {error or type(error).__name__}"
        ) from None
    except (asyncpg.PostgresError, asyncpg.InterfaceError, BookingError) as error:
        raise click.ClickException(str(error).partition("\n")[0]) from None
    except ValueError:  # its words would repeat a piece of the password
        raise click.ClickException(
            "BOOKING_DATABASE_URL can't be read: is each / ? # @ of its password percent-encoded?"
        ) from None


if __name__ == "__main__":
    main()
