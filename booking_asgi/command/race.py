"""The race: callers who all come at once to a database as it is, and what they are told.

Every row of it belongs to an organization that is made for it and removed again.
"""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Sequence
from uuid import uuid4

import asyncpg
import click
from stamina.instrumentation import set_on_retry_hooks

from booking_asgi.command.mixes import MIXES, Answer, Mix, broken_promises, make_mix
from booking_asgi.command.on_database import database_url, run_on
from booking_asgi.config import Config
from booking_asgi.connections import Connections
from booking_asgi.database import Database, Unavailable
from booking_core import (
    Booked,
    BookingRequest,
    Connection,
    OutsideHours,
    SlotTaken,
    add_organization,
    book,
    list_appointments,
    remove_organization,
)
from booking_core._statements import LIST_TRIGGERS

COLUMNS = ("callers", "booked", "taken", "repeated", "errors", "deadlocks", "overlaps")


@click.command()
@click.option("--callers", type=click.IntRange(1, 10_000), default=500, show_default=True)
@click.option(
    "--slots",
    type=click.IntRange(1, 100),
    default=1,
    show_default=True,
    help="How many can be booked at one time.",
)
@click.option("--mix", "mixes", type=click.Choice(MIXES), multiple=True, help="[all]; repeatable.")
@click.option(
    "--connections", type=click.IntRange(1, 1000), help="[BOOKING_POOL_SIZE] They book on so many."
)
@click.option(
    "--with-triggers", is_flag=True, help="Though triggers of your own would fire at each row."
)
@click.pass_obj
def race(
    config: Config,
    callers: int,
    slots: int,
    mixes: tuple[str, ...],
    connections: int | None,
    with_triggers: bool,
) -> None:
    """Let many book at the same time on this database, and check what each of them was told.

    \b
    slot     all want one start: as many are booked as there are slots
    phone    one phone, all at once: one contact, and all are booked
    email    the same by email alone
    overlap  random starts and lengths: no two overlap, and "taken" is true
    repeat   ten requests, over and over: one appointment each

    Safe beside real bookings: it writes only to an organization of its own, in the year 2100, and
    removes it at the end, on Ctrl-C too. Its id is printed first; after a kill, remove it with psql
    -v org_id="'...'" -f sql/remove_organization.sql.

    Deadlocks are those that its own callers met (SQLSTATE 40P01), retried or not; overlaps are
    counted in the rows; the times are from the common start to each one's answer. Exit code 1: a
    promise is broken, and standard error says which.
    """
    set_on_retry_hooks([])  # what is retried is no news here
    # A shell starts a command in the background with SIGINT ignored; asyncio needs this handler.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    # As Ctrl-C does, which asyncio turns into an orderly end.
    signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
    org_id = uuid4()
    size = connections or config.pool_size

    async def run_all(conn: Connection) -> bool:
        found = await conn.fetchval(*LIST_TRIGGERS.bind({}))
        if found and not with_triggers:
            raise click.ClickException(
                f"Triggers would fire at each row of the race, and may send messages: {found}."
                " Look at them, and give --with-triggers"
            )
        click.echo(f"organization {org_id}")
        click.echo(_line("mix", [*COLUMNS, "p50_ms", "p99_ms"]))
        is_sound = True
        for name in mixes or MIXES:
            mix = make_mix(name, org_id, callers, slots)
            problems = await _run_mix(conn, url, config, size, name, mix)
            for problem in problems:
                click.echo(f"{name}: {problem}", err=True)
            is_sound = is_sound and not problems
        return is_sound

    with database_url(config) as url:
        is_sound = run_on(url, run_all)
    if not is_sound:
        raise SystemExit(1)


async def _run_mix(
    conn: Connection, url: str, config: Config, size: int, name: str, mix: Mix
) -> list[str]:
    """Print the line of this mix, and return the promises that are broken."""
    org_id = mix.requests[0].org_id
    deadlocks: list[Connection] = []
    try:
        await add_organization(
            conn,
            org_id=org_id,
            name="booking-asgi race",
            timezone="UTC",
            phone_region="US",
            resources=mix.resources,
        )
        answers = await _all_at_once(url, config, size, mix.requests, deadlocks)
        rows = await list_appointments(conn, org_id)
    finally:
        contacts = await remove_organization(conn, org_id)
    told = [answer.told for answer in answers]
    created = [outcome.created for outcome in told if isinstance(outcome, Booked)]
    seconds = sorted(answer.seconds for answer in answers)
    numbers = {
        "callers": len(answers),
        "booked": created.count(True),
        "taken": sum(isinstance(outcome, SlotTaken) for outcome in told),
        "repeated": created.count(False),
        "errors": sum(isinstance(outcome, str) for outcome in told),
        "deadlocks": len(deadlocks),
        "overlaps": sum(row.overlaps for row in rows),
    }
    times = [f"{1000 * seconds[(len(seconds) - 1) * rank // 100]:.0f}" for rank in (50, 99)]
    click.echo(_line(name, [*(str(numbers[column]) for column in COLUMNS), *times]))
    return list(broken_promises(mix, answers, rows, contacts))


async def _all_at_once(
    url: str,
    config: Config,
    size: int,
    requests: Sequence[BookingRequest],
    deadlocks: list[Connection],
) -> list[Answer]:
    connections = Connections(
        url, size=size, timeout=10, statement_cache_size=config.statement_cache_size
    )
    # Nobody's deadline is the point here: a slow database is to be heard out.
    patience = 60 + len(requests) / 10
    database = Database(connections, wait_seconds=patience)

    async def call(request: BookingRequest) -> Answer:
        async def attempt(leased: Connection) -> Booked | SlotTaken | OutsideHours:
            try:
                return await book(leased, request)
            except asyncpg.DeadlockDetectedError:
                deadlocks.append(leased)
                raise

        told: Booked | SlotTaken | OutsideHours | str
        try:
            told = await database.within(start + patience, lambda lease: lease.run(attempt))
        except Unavailable as error:
            told = str(error)
        except Exception as error:  # of any kind: that is what is counted
            told = f"{type(error).__name__} {getattr(error, 'sqlstate', None) or ''}".strip()
        return Answer(request, told, time.monotonic() - start)

    try:
        await connections.open(size)
        start = time.monotonic()
        return await asyncio.gather(*(call(request) for request in requests))
    finally:
        await database.close()


def _line(name: str, columns: Sequence[str]) -> str:
    return f"{name:8}" + "".join(f"{column:>10}" for column in columns)
