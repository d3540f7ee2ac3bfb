"""The database of a command: its URL, and a connection whose failure is one line."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Awaitable, Callable, Iterator
from typing import TypeVar

import asyncpg
import click

from booking_asgi.address import UNREADABLE, Address
from booking_asgi.config import Config
from booking_asgi.connections import connect
from booking_core import BookingError, Connection, InvalidRequest

T = TypeVar("T")
# How a server answers to a setting that it doesn't have, can't change, or can't read.
REFUSED_OPTION = (
    asyncpg.UndefinedObjectError,
    asyncpg.CantChangeRuntimeParamError,
    asyncpg.InvalidParameterValueError,
)


@contextlib.contextmanager
def database_url(config: Config) -> Iterator[str]:
    """The URL of the database, which must be set. Standard error says which database it is."""
    if config.database_url is None:
        raise click.ClickException(
            "BOOKING_DATABASE_URL is not set; booking-asgi serve --demo runs on a demo database"
        )
    click.echo(f"Database {Address.of(config.database_url, os.environ).label}", err=True)
    yield config.database_url


def run_on(url: str, work: Callable[[Connection], Awaitable[T]]) -> T:
    """Run `work` on a connection of its own. A failure is one line for the operator."""

    async def run() -> T:
        try:
            conn = await connect(
                url,
                connect_timeout=10,
                command_timeout=60,
                statement_cache_size=0,  # for one use, and behind any PgBouncer
            )
        except REFUSED_OPTION as error:
            raise click.ClickException(
                f"The server refuses an option in BOOKING_DATABASE_URL: {_first_line(error)}"
            ) from None
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
        raise click.ClickException(_first_line(error)) from None
    except ValueError:  # its words would repeat a piece of the password
        raise click.ClickException(f"BOOKING_DATABASE_URL {UNREADABLE}") from None


def _first_line(error: Exception) -> str:
    line = str(error).partition("\n")[0]
    if isinstance(error, InvalidRequest) and error.choices:
        line += f"; there are {', '.join(error.choices)}"
    if isinstance(error, InvalidRequest) and error.readings:
        line += f"; say {' or '.join(each.isoformat() for each in error.readings)}"
    return line
