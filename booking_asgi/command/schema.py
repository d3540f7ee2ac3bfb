"""The command `schema`: the tables of a database, and who may use them."""

from __future__ import annotations

import math
from functools import partial

import click

from booking_asgi.command.check import refuse, written
from booking_asgi.command.on_database import database_url, run_on
from booking_asgi.config import Config
from booking_core import (
    AdoptionPlan,
    adopt,
    grant_role,
    lock_down,
    plan_adoption,
    read_schema,
    upgrade,
)


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
@click.option(
    "--ended",
    multiple=True,
    metavar="STATUS",
    help="Adopt: a status of your own that holds no time; repeatable.",
)
@click.option(
    "--plan", "plans", is_flag=True, help="Adopt: say what would change, and write nothing."
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
    ended: tuple[str, ...],
    plans: bool,
) -> None:
    """Print the tables as SQL, or do one thing with those of a database: each is safe to repeat."""
    chosen = apply + adopts + upgrades + (role is not None) + locks_down
    if chosen > 1:
        raise click.UsageError(
            "--apply, --adopt, --upgrade, --grant and --lock-down exclude each other"
        )
    if ((resources or ended or plans) and not adopts) or (lock and not (adopts or upgrades)):
        raise click.UsageError(
            "--resource, --ended and --plan are of --adopt, --lock of --adopt and --upgrade"
        )
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
        names = resources or ("main",)
        if plans:
            planning = partial(plan_adoption, resources=names, ended=ended, lock=lock)
            print_plan(run_on(url, planning))
            return
        findings = run_on(url, partial(adopt, resources=names, ended=ended, lock=lock))
    refuse(findings)
    click.echo(
        "Adopted. What is left to you, booking-asgi check says.\n"
        "After that booking-asgi token add --org ID makes an organization's token for Vapi."
    )


def print_plan(plan: AdoptionPlan) -> None:
    """Exit with 1 where something stands in the way."""
    click.echo("What changes for whoever writes these tables:")
    click.echo("\n".join(f"  * {change}." for change in plan.changes) or "  Nothing.")
    click.echo(
        f"\nHow long: about {math.ceil(plan.whole_seconds)} s for {plan.appointments} appointments."
        f" For about {plan.wait_seconds:.1f} s of it no booking can be written, while a constraint"
        f" is built over {plan.active} active ones. This is estimated from the number of rows, at"
        " the pace of two cores of 2.5 GHz."
    )
    if plan.obstacles:
        click.echo("\nWhat stands in the way, with the SQL that ends it:")
        for finding in plan.obstacles:
            click.echo(f"\n{written(finding)}")
        click.echo("\nThen once more:\n    " + plan.command + " --plan")
        raise SystemExit(1)
    click.echo("\nNothing stands in the way. Nothing was written. To adopt:\n    " + plan.command)
