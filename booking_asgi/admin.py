"""The commands that prepare a database: its tables, organizations and tokens, and its check."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import json
import os
import textwrap
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import TypeVar
from uuid import UUID

import asyncpg
import click
import structlog

from booking_asgi.address import UNREADABLE, Address
from booking_asgi.config import Config
from booking_asgi.connections import connect
from booking_asgi.postgres import EmbeddedPostgres, EmbeddedPostgresError
from booking_core import (
    BookingError,
    Connection,
    Finding,
    add_organization,
    add_token,
    adopt,
    grant_role,
    list_tokens,
    lock_down,
    preflight,
    read_schema,
    revoke_token,
    upgrade,
)

T = TypeVar("T")
# How a server answers to a setting that it doesn't have, can't change, or can't read.
REFUSED_OPTION = (
    asyncpg.UndefinedObjectError,
    asyncpg.CantChangeRuntimeParamError,
    asyncpg.InvalidParameterValueError,
)

log = structlog.get_logger("booking_asgi")


@contextlib.contextmanager
def database_url(config: Config) -> Iterator[str]:
    """The URL of the database: none is ever assumed. Standard error says which database it is."""
    if config.database_url is None:
        raise click.ClickException(
            "BOOKING_DATABASE_URL is not set; booking-asgi serve --demo runs on a demo database"
        )
    click.echo(f"Database {Address.of(config.database_url, os.environ).label}", err=True)
    yield config.database_url


@contextlib.contextmanager
def demo_database_url(config: Config) -> Iterator[str]:
    """The URL of the embedded server, which then runs."""
    try:
        with EmbeddedPostgres(config.data_dir, programs=config.pg_bin).running() as url:
            yield url
    except EmbeddedPostgresError as error:
        raise click.ClickException(str(error)) from None


def run_on(url: str, work: Callable[[Connection], Awaitable[T]]) -> T:
    """Run `work` on a connection of its own; what fails is one line for the operator."""

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
    return str(error).partition("\n")[0]


@click.command()
@click.option("--apply", is_flag=True, help="Run it on the database instead of printing it.")
@click.option(
    "--adopt",
    "adopts",
    is_flag=True,
    help="Bring a database with appointments of its own up to it.",
)
@click.option(
    "--upgrade", "upgrades", is_flag=True, help="Bring the tables of an older release up to it."
)
@click.option(
    "--grant", "role", metavar="ROLE", help="Give a role what serving needs, and no more."
)
@click.option(
    "--lock-down", "locks_down", is_flag=True, help="Enable row-level security on every table."
)
@click.option(
    "--lock", is_flag=True, help="With more than 20,000 appointments: bookings wait meanwhile."
)
@click.option(
    "--resource",
    "resources",
    multiple=True,
    help="Adopt: who or what is booked [main]; repeatable.",
)
@click.pass_obj
def schema(
    config: Config,
    apply: bool,
    adopts: bool,
    upgrades: bool,
    role: str | None,
    locks_down: bool,
    lock: bool,
    resources: tuple[str, ...],
) -> None:
    """Print the tables as SQL, or do one thing with those of a database: each is safe to repeat."""
    chosen = apply + adopts + upgrades + (role is not None) + locks_down
    if chosen > 1:
        raise click.UsageError(
            "--apply, --adopt, --upgrade, --grant and --lock-down exclude each other"
        )
    if (resources and not adopts) or (lock and not (adopts or upgrades)):
        raise click.UsageError("--resource is of --adopt, --lock of --adopt and --upgrade")
    if not chosen:
        click.echo(read_schema(), nl=False)
        return
    with database_url(config) as url:
        if apply:
            run_on(url, lambda conn: conn.execute(read_schema()))
            return
        if upgrades:
            _refuse(run_on(url, lambda conn: upgrade(conn, lock=lock)))
            click.echo("Upgraded.")
            return
        if role is not None:
            _refuse(run_on(url, lambda conn: grant_role(conn, role)))
            click.echo("Granted.")
            return
        if locks_down:
            done = run_on(url, lock_down)
            _refuse([finding for finding in done if finding.severity == "error"])
            click.echo("\n".join([*map(_written, done), "Locked down."]))
            return
        findings = run_on(
            url, lambda conn: adopt(conn, resources=resources or ("main",), lock=lock)
        )
    _refuse(findings)
    click.echo("Adopted. What is left to you, booking-asgi check says.")


@click.group()
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

    with database_url(config) as url:
        org_id, token = run_on(url, add)
    click.echo(f"organization {org_id}\ntoken        {token}")


@click.group()
def token() -> None:
    """The tokens that open an organization; several may be live at once."""


ORG_ID = click.option("--org", "org_id", type=UUID, required=True, help="The organization's id.")


@token.command("add")
@ORG_ID
@click.option("--label", default="", help="What or whom it is for.")
@click.pass_obj
def add_one(config: Config, org_id: UUID, label: str) -> None:
    """Print one more token, which can't be shown again."""
    with database_url(config) as url:
        click.echo(run_on(url, lambda conn: add_token(conn, org_id, label=label)))


@token.command("list")
@ORG_ID
@click.pass_obj
def list_all(config: Config, org_id: UUID) -> None:
    """List an organization's tokens by their ids, newest first."""
    with database_url(config) as url:
        for one in run_on(url, lambda conn: list_tokens(conn, org_id)):
            end = f"revoked {one.revoked_at:%Y-%m-%d %H:%M}Z" if one.revoked_at else "live"
            used = f"used {one.last_used_at:%Y-%m-%d %H}h" if one.last_used_at else "never used"
            made = f"made {one.created_at:%Y-%m-%d %H:%M}Z"
            click.echo(f"{one.id}  {made}  {used}  {end}  {one.label}")


@token.command("revoke")
@ORG_ID
@click.argument("token_id")
@click.pass_obj
def revoke(config: Config, org_id: UUID, token_id: str) -> None:
    """Revoke the token of this id, as `list` shows it; it stops working within 5 seconds."""
    with database_url(config) as url:
        if not run_on(url, lambda conn: revoke_token(conn, org_id, token_id)):
            raise click.ClickException("The organization has no token of this id")


@click.command()
@click.option("--json", "as_json", is_flag=True, help="As a JSON list, for programs.")
@click.pass_obj
def check(config: Config, as_json: bool) -> None:
    """Find what can't work on the database, and which guarantee is missing; write nothing.

    Each finding comes with the SQL that mends it. The exit code is 1 where something can't work, 2
    where a guarantee is missing, else 0.
    """
    with database_url(config) as url:
        findings = run_on(url, preflight)
    if as_json:
        click.echo(json.dumps([dataclasses.asdict(finding) for finding in findings], indent=2))
    else:
        lines = [f"{finding.severity} {_written(finding)}" for finding in findings]
        click.echo("\n".join(lines) or "Nothing found")
    severities = {finding.severity for finding in findings}
    raise SystemExit(1 if "error" in severities else 2 if "warning" in severities else 0)


def refuse_unfit(url: str) -> None:
    """Exit with 1 where the database can't serve, and say why; log what it does not guarantee."""
    findings = run_on(url, preflight)
    _refuse([finding for finding in findings if finding.severity == "error"])
    for finding in findings:
        if finding.severity == "warning":
            log.warning(f"Preflight: ⚠️ {finding.problem}", what=finding.what, mend=finding.mend)


def _refuse(errors: Sequence[Finding]) -> None:
    for finding in errors:
        click.echo(f"Error: {_written(finding)}", err=True)
    if errors:
        raise SystemExit(1)


def _written(finding: Finding) -> str:
    mend = f"\n{textwrap.indent(finding.mend, '    ')}" if finding.mend else ""
    return f"{finding.what}: {finding.problem}{mend}"
