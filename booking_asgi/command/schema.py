"""The command `schema`: the tables of a database, and who may use them."""

from __future__ import annotations

import click

from booking_asgi.command.check import refuse, written
from booking_asgi.command.on_database import database_url, run_on
from booking_asgi.config import Config
from booking_core import adopt, grant_role, lock_down, read_schema, upgrade


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
            refuse(run_on(url, lambda conn: upgrade(conn, lock=lock)))
            click.echo("Upgraded.")
            return
        if role is not None:
            refuse(run_on(url, lambda conn: grant_role(conn, role)))
            click.echo("Granted.")
            return
        if locks_down:
            done = run_on(url, lock_down)
            refuse([finding for finding in done if finding.severity == "error"])
            click.echo("\n".join([*map(written, done), "Locked down."]))
            return
        findings = run_on(
            url, lambda conn: adopt(conn, resources=resources or ("main",), lock=lock)
        )
    refuse(findings)
    click.echo("Adopted. What is left to you, booking-asgi check says.")
