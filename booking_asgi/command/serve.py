"""The command `serve`: the endpoint, on a database of yours or as a demo."""

from __future__ import annotations

import contextlib
import dataclasses
import gc
import math
import signal
import socket
from collections.abc import Iterator
from datetime import datetime, timedelta

import click
import uvicorn

from booking_asgi.address import is_loopback
from booking_asgi.app import create_app
from booking_asgi.command.check import refuse_unfit
from booking_asgi.command.demo import DEMO_TIMEZONE, DEMO_TOKEN, make_demo
from booking_asgi.command.on_database import database_url, run_on
from booking_asgi.command.postgres import EmbeddedPostgres, EmbeddedPostgresError
from booking_asgi.config import Config, ConfigError
from booking_asgi.logs import configure
from booking_asgi.protocol import BoundedProtocol
from booking_core.zones import zone

LISTENERS = 16
DEMO = """
Database: {database_url}

Book tomorrow at 14:00, from another shell:

  curl -s http://{host}:{port}/api/vapi/tools/book-appointment \\
    -H 'X-Vapi-Secret: {token}' -H 'Content-Type: application/json' \\
    -d '{{"patientName": "Sam Wilson", "patientPhone": "+15551234567",
         "appointmentDate": "{tomorrow}", "appointmentTime": "14:00",
         "resource": "Dr. Lee"}}'
"""


@click.command()
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
        (_demo_database_url if demo else database_url)(config) as url,
    ):
        if demo:
            run_on(url, make_demo)
            tomorrow = datetime.now(zone(DEMO_TIMEZONE)).date() + timedelta(days=1)
            shown = {"database_url": url, "token": DEMO_TOKEN, "tomorrow": tomorrow}
            host = f"[{config.host}]" if ":" in config.host else config.host
            click.echo(DEMO.format(host=host, port=config.port, **shown))
        refuse_unfit(url)
        try:
            app = create_app(dataclasses.replace(config, database_url=url))
        except ConfigError as error:
            raise click.ClickException(str(error)) from None
        server = uvicorn.Server(
            uvicorn.Config(
                app,
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


@contextlib.contextmanager
def _demo_database_url(config: Config) -> Iterator[str]:
    """Run the embedded server, and yield its URL."""
    try:
        with EmbeddedPostgres(config.data_dir, programs=config.pg_bin).running() as url:
            yield url
    except EmbeddedPostgresError as error:
        raise click.ClickException(str(error)) from None


@contextlib.contextmanager
def _listener(config: Config) -> Iterator[socket.socket]:
    """The listening socket. It is opened first, so that nothing starts if the port is taken."""
    family = socket.AF_INET6 if ":" in config.host else socket.AF_INET
    try:
        listener = socket.create_server((config.host, config.port), family=family)
    except OSError as error:
        raise click.ClickException(f"{config.host}:{config.port}: {error.strerror}") from None
    # Its connections inherit it; without it a reply waits for the other side's delayed ACK.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    with listener:
        yield listener
