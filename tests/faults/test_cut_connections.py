"""The connection to the server is cut at each message of a booking, in either direction.

By a reset the adapter books on another connection, and the caller hears nothing of it. In silence
it answers within its deadline, and the repeat is booked.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import random
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

import pytest

from tests.conftest import connected, until
from tests.faults.figures import Figures
from tests.faults.ledger import CHAIRS, Ledger, body_of
from tests.support.factories import TOKEN, a_clinic
from tests.support.outages import GUARD, Hurried, running, taken
from tests.support.wire import Line, Message, Proxy

# Short where it is waited for, and else one that a busy machine does not reach.
DEADLINE = 3.0
PERSONS = ["phone", "new email", "known email"]
STATES = ["prepared", "unconnected"]
AT_ONCE = {"reset": 4, "silence": 12, "silence on all": 12}
GOODBYE = b"X"
# What ends who went silent, as of `alter role ... set`.
TIMEOUTS = "statement_timeout=1s&idle_in_transaction_session_timeout=1s&transaction_timeout=1s"
SILENT = {"silence": "that connection", "silence on all": "all connections, new ones too"}
SEED, SAMPLE = 20261122, 24
# Who falls silent while connecting holds nothing, and is given up by authentication_timeout.
NONE_AT_WORK = """
select count(*) = 0 from pg_stat_activity
where client_port = any($1) and state not in ('idle', 'starting')
"""
# Half of what a call waits: a busy machine adds to the deadline.
LATEST = 10.0

Where: TypeAlias = Literal["before", "inside", "after"]
Into: TypeAlias = Literal["reset", "silence", "silence on all"]


@dataclass(frozen=True)
class Cut:
    """The message at which the connection is cut, whether before, inside or after it, and how."""

    person: str
    state: str
    place: int
    where: Where
    into: Into


@dataclass
class Scissors:
    """A gate that notes each message, and cuts at one of them."""

    url: str
    cut: Cut | None
    seen: list[Message] | None = None
    """From the booking on."""
    is_done: bool = False
    proxy: Proxy = field(init=False)

    def __post_init__(self) -> None:
        self.proxy = Proxy(self.url, self.hand_over)

    async def hand_over(self, line: Line, message: Message) -> None:
        place = None
        # A goodbye belongs to no booking.
        if self.seen is not None and message.kind != GOODBYE:
            place = len(self.seen)
            self.seen.append(message)
        if self.cut is None or place != self.cut.place:
            line.pass_on(message)
            return
        self.is_done = True
        sizes = {"before": 0, "inside": len(message.data) // 2, "after": None}
        line.pass_on(message, sizes[self.cut.where])
        if self.cut.into == "reset":
            line.reset()
        else:
            line.is_silent = True
            self.proxy.is_silent = self.cut.into == "silence on all"


@dataclass
class Outcome:
    """The outcome of one booking; `first` is the status that its first try ended with."""

    seen: list[Message]
    first: str
    acknowledged: int
    slowest: float
    seconds: float


async def booked(url: str, person: str, state: str, cut: Cut | None = None) -> Outcome:
    """Book once through the proxy, repeated until it stands. It stands once, and nothing is left of
    the cut connection."""
    warm_up, number = (0, 16) if person == "phone" else (3, 19)
    is_silent = cut is not None and cut.into != "reset"
    token = f"{TOKEN}-{time.monotonic_ns()}"
    scissors = Scissors(url, cut)
    async with contextlib.AsyncExitStack() as stack:
        conn = await stack.enter_async_context(connected(url))
        clinic = await a_clinic(conn, token=token, resources=CHAIRS[:4], timezone="UTC")
        through = await stack.enter_async_context(scissors.proxy.running())
        if is_silent:
            through = f"{through}?{TIMEOUTS}"
        deadline = DEADLINE if is_silent else GUARD
        client, app, connections = await stack.enter_async_context(running(through, deadline, 2))
        client.headers["X-Vapi-Secret"] = token
        ledger = Ledger(client)
        if person == "known email":
            email = body_of(number)["patientEmail"]
            insert = "insert into contacts (org_id, email) values ($1, $2)"
            await conn.execute(insert, clinic.id, email)
        if state == "prepared":
            await ledger.ask(warm_up)
            await ledger.settle()
        else:
            for one in await taken(connections):
                await connections.drop(one)
        ledger.heard.clear()
        scissors.seen = []
        started = time.monotonic()
        await ledger.ask(number)
        first = next(iter(ledger.heard))
        seen = list(scissors.seen)
        assert scissors.is_done == (cut is not None)
        scissors.proxy.is_silent = False
        async with asyncio.timeout(GUARD):
            await ledger.settle()
            # Again under the same key, though it was acknowledged.
            await ledger.run([number], at_once=1)
            seconds = time.monotonic() - started
            await ledger.verify(conn, clinic)
        assert set(ledger.heard) <= {"200", "503"}
        await until(conn, NONE_AT_WORK, scissors.proxy.ports)
        endpoint = Hurried(client, conn, clinic, url, app, connections)
        await endpoint.is_whole()
    return Outcome(seen, first, len(ledger.acknowledged), ledger.slowest, seconds)


async def all_of(url: str, cuts: list[Cut]) -> list[Outcome]:
    """Some at a time, each with an application and a proxy of its own."""
    left, outcomes, at_once = iter(cuts), list[Outcome](), AT_ONCE[cuts[0].into]

    async def one_after_another(place: int) -> None:
        # Not all of them start an application at the same time.
        await asyncio.sleep(place * DEADLINE / at_once)
        for cut in left:
            outcomes.append(await booked(url, cut.person, cut.state, cut))

    async with asyncio.TaskGroup() as workers:
        for place in range(at_once):
            workers.create_task(one_after_another(place))
    return outcomes


async def messages(url: str, states: list[str]) -> list[tuple[str, str, int]]:
    """The place of each message of an undisturbed booking, for each person and state."""
    found = []
    for person, state in itertools.product(PERSONS, states):
        undisturbed = await booked(url, person, state)
        assert undisturbed.first == "200"
        found += [(person, state, place) for place in range(len(undisturbed.seen))]
    return found


async def test_resets(durable_url: str, figures: Figures, full: bool) -> None:
    """A connection is reset before, inside or after each message: the first try books on another
    connection."""
    started = time.monotonic()
    wheres: list[Where] = ["before", "inside", "after"]
    # What connecting and preparing add takes its time.
    states = STATES if full else STATES[:1]
    places = await messages(durable_url, states)
    cuts = [Cut(*at, where, "reset") for at in places for where in wheres]
    outcomes = await all_of(durable_url, cuts)
    assert {outcome.first for outcome in outcomes} == {"200"}
    figures.add(
        f"connection reset before, inside and after each of {len(places)} messages of a booking:"
        f" by phone, by email new and known, each on a connection that is {' and '.join(states)}",
        f"{len(cuts)} faults: each answered 200 at the first try, one row;"
        f" slowest {max(outcome.slowest for outcome in outcomes):.2f} s;"
        f" all in {time.monotonic() - started:.0f} s",
        acknowledged=sum(outcome.acknowledged for outcome in outcomes),
    )


@pytest.mark.parametrize("into", ["silence", "silence on all"])
async def test_silence(durable_url: str, figures: Figures, full: bool, into: Into) -> None:
    """One connection falls silent, or all of them and new ones too: an answer comes in time, and
    the repeat is booked."""
    started = time.monotonic()
    async with connected(durable_url) as conn:
        if conn.get_server_version().major < 17:
            pytest.skip("before 17 nothing but the network ends who went silent in mid-statement")
    wheres: list[Where] = ["before", "inside"]
    places = await messages(durable_url, STATES)
    cuts = [Cut(*at, where, into) for at in places for where in wheres]
    cuts = cuts if full else random.Random(SEED).sample(cuts, SAMPLE)
    outcomes = await all_of(durable_url, cuts)
    assert max(outcome.slowest for outcome in outcomes) < LATEST
    heard = Counter(outcome.first for outcome in outcomes)
    figures.add(
        "the same, silent from there on instead of reset: " + SILENT[into],
        f"{len(cuts)} faults: {heard['200']} answered 200, {heard['503']} not confirmed and booked"
        f" when repeated, one row each, no lock left;"
        f" slowest answer {max(outcome.slowest for outcome in outcomes):.2f} s of a deadline of"
        f" {DEADLINE:g} s; all in {time.monotonic() - started:.0f} s",
        acknowledged=sum(outcome.acknowledged for outcome in outcomes),
    )
