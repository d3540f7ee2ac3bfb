"""Two bookings by email, statement by statement, in every order that two can come in.

The bookings are the library's own, on connections that wait for leave before each statement. One
that the server blocks is passed over until the other has gone on.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import math
import random
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeAlias
from urllib.parse import urlsplit

import asyncpg
import pytest

from booking_core import (
    Booked,
    BookingRequest,
    Connection,
    Email,
    Organization,
    OutsideHours,
    SlotTaken,
    book,
)
from tests.conftest import connected, count
from tests.faults.figures import Figures
from tests.support.factories import SOON, a_clinic, a_request

if TYPE_CHECKING:
    Base = asyncpg.Connection[asyncpg.Record]
else:
    Base = asyncpg.Connection

# SELECT, lock, SELECT, SAVEPOINT, INSERT, RELEASE, book, COMMIT. Before them both have
# said BEGIN, which neither reads nor writes nor takes a snapshot. Who is refused asks why in one
# statement more, which comes when its turns are spent.
STEPS = 8
AT_ONCE = 6
# By the other, not for a moment by a neighbour who also makes a table grow.
BLOCKED = "select $2 = any (pg_blocking_pids($1))"
SEED, SAMPLE = 20261122, 150

Outcome: TypeAlias = Booked | SlotTaken | OutsideHours
Pair: TypeAlias = tuple[BookingRequest, BookingRequest]


class Stepped(Base):
    """Waits for leave before each statement."""

    gate: Callable[[], asyncio.Future[None]] | None = None

    async def execute(self, *args: Any, **kwargs: Any) -> Any:
        await self._leave()
        return await super().execute(*args, **kwargs)

    async def fetchrow(self, *args: Any, **kwargs: Any) -> Any:
        await self._leave()
        return await super().fetchrow(*args, **kwargs)

    async def fetchval(self, *args: Any, **kwargs: Any) -> Any:
        await self._leave()
        return await super().fetchval(*args, **kwargs)

    async def _leave(self) -> None:
        if self.gate is not None:
            await self.gate()


class Caller:
    """One of the two callers, who books step by step."""

    def __init__(self, conn: Stepped, other: Stepped, watcher: Connection) -> None:
        self._conn, self._watcher = conn, watcher
        self.steps = 0
        self._pids = conn.get_server_pid(), other.get_server_pid()
        conn.gate = self._stand
        self.is_blocked = False

    async def begin(self, request: BookingRequest) -> None:
        self._stands: asyncio.Future[None] = asyncio.Future()
        self._leave: asyncio.Future[None] = asyncio.Future()
        self.task: asyncio.Task[Outcome] = asyncio.create_task(book(self._conn, request))
        await self._stops()
        await self.advance()
        self.steps = 0

    def _stand(self) -> asyncio.Future[None]:
        self._stands.set_result(None)
        self._leave = asyncio.Future()
        return self._leave

    async def advance(self) -> None:
        """Until it stands before its next statement, has ended, or is blocked."""
        if not self.is_blocked and not self.task.done():
            self._stands = asyncio.Future()
            self.steps += 1
            self._leave.set_result(None)
        self.is_blocked = False
        while not await self._stops(0.003):
            if await self._watcher.fetchval(BLOCKED, *self._pids):
                self.is_blocked = True
                return

    async def _stops(self, seconds: float | None = None) -> bool:
        either: set[asyncio.Future[Any]] = {self._stands, self.task}
        first = asyncio.FIRST_COMPLETED
        done, _ = await asyncio.wait(either, timeout=seconds, return_when=first)
        return bool(done)


async def play(callers: Sequence[Caller], schedule: Sequence[int], pair: Pair) -> list[Outcome]:
    """What the two callers are told if their steps come in this order."""
    for caller, request in zip(callers, pair, strict=True):
        await caller.begin(request)
    # Who was blocked, or has one step more, has turns left at the end.
    for turn in itertools.chain(schedule, itertools.cycle((0, 1))):
        caller, other = callers[turn], callers[1 - turn]
        if caller.task.done() and other.task.done():
            break
        # Where both were blocked the other has since made way: one of them goes on.
        if not caller.task.done() and (
            other.task.done() or other.is_blocked or not caller.is_blocked
        ):
            await caller.advance()
    return [await caller.task for caller in callers]


def schedules() -> Iterator[list[int]]:
    for places in itertools.combinations(range(2 * STEPS), STEPS):
        yield [int(place in places) for place in range(2 * STEPS)]


def chosen(full: bool) -> list[list[int]]:
    every = list(schedules())
    assert len(every) == math.comb(2 * STEPS, STEPS)
    return every if full else random.Random(SEED).sample(every, SAMPLE)


def for_one_slot(clinic: Organization, number: int) -> Pair:
    return tuple(  # type: ignore[return-value]  # it is two
        a_request(
            clinic,
            phone=None,
            email=Email(f"{who}{number}@test.com"),
            scheduled_at=SOON + number * timedelta(minutes=30),
            idempotency_key=f"{who} {number}",
        )
        for who in ("sam", "sue")
    )


def for_one_key(clinic: Organization, number: int) -> Pair:
    first, _ = for_one_slot(clinic, number)
    return first, first


def one_wins(outcomes: list[Outcome]) -> bool:
    """One caller is booked, and the other is told that the time is taken."""
    return sorted(type(outcome).__name__ for outcome in outcomes) == ["Booked", "SlotTaken"]


def both_have_it(outcomes: list[Outcome]) -> bool:
    """One caller makes the appointment, and the other hears of the same one."""
    booked = [outcome for outcome in outcomes if isinstance(outcome, Booked)]
    ids = {outcome.appointment_id for outcome in booked}
    return (len(booked), len(ids), sum(outcome.created for outcome in booked)) == (2, 1, 1)


CASES = [
    ("one slot", for_one_slot, one_wins, 2),
    ("one key", for_one_key, both_have_it, 1),
]


@pytest.mark.parametrize(
    ("wanted", "ask", "is_right", "people"), CASES, ids=[case[0] for case in CASES]
)
async def test_every_order(
    durable_url: str,
    figures: Figures,
    full: bool,
    wanted: str,
    ask: Callable[[Organization, int], Pair],
    is_right: Callable[[list[Outcome]], bool],
    people: int,
) -> None:
    """Every order of steps leaves one appointment and one contact for an email, tells both callers
    the truth, and raises no error and no deadlock."""
    started, numbered = time.monotonic(), enumerate(chosen(full))
    played = 0

    async def stage() -> None:
        nonlocal played
        async with contextlib.AsyncExitStack() as stack:
            watcher = await stack.enter_async_context(connected(durable_url))
            clinic = await a_clinic(watcher)
            conns = []
            for _ in range(2):
                conn = await asyncpg.connect(durable_url, connection_class=Stepped)
                stack.push_async_callback(conn.close)
                conns.append(conn)
            one, other = conns
            callers = [Caller(one, other, watcher), Caller(other, one, watcher)]
            for number, schedule in numbered:
                outcomes = await play(callers, schedule, ask(clinic, number))
                assert is_right(outcomes), (schedule, outcomes)
                assert max(caller.steps for caller in callers) <= STEPS + 1
                played += 1

    async with connected(durable_url) as conn:
        # What survives a crash is not asked here.
        name = urlsplit(durable_url).path[1:]
        await conn.execute(f"alter database {name} set synchronous_commit = off")
        async with asyncio.TaskGroup() as stages:
            for _ in range(AT_ONCE):
                stages.create_task(stage())
        emails = await conn.fetchval("select count(distinct lower(email)) from contacts")
        slots = await conn.fetchval("select count(distinct scheduled_at) from appointments")
        assert [emails, people * played] == [await count(conn, "contacts")] * 2
        assert [slots, played] == [await count(conn, "appointments")] * 2
    seconds = time.monotonic() - started
    figures.add(
        f"two bookings by email for {wanted}, {STEPS} statements each, in"
        f" {'every order' if full else f'a sample (seed {SEED}) of all orders'}",
        f"{played:,} of {math.comb(2 * STEPS, STEPS):,} orders: no violation, no error,"
        f" no deadlock; {seconds:.0f} s, {1000 * seconds / played:.1f} ms each",
        acknowledged=played,
    )
