"""The connection is cut at each message of a move and of a cancel, in either direction.

The library's caller hears an error and asks again, as an assistant does. Whatever was cut, the
change is made once, and one event tells of it.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass
from typing import Literal, TypeAlias

import asyncpg
import pytest

from booking_core import (
    Caller,
    Cancelled,
    Connection,
    Moved,
    Organization,
    cancel,
    move,
)
from tests.conftest import connected, until
from tests.faults.figures import Figures
from tests.support.changes import START, at, booked, events, hours, rows
from tests.support.factories import a_caller, a_clinic
from tests.support.wire import Line, Message, Proxy

SAM = a_caller(1)
CALLER = Caller(call_id="a call", phone=SAM, name="Sam Wilson")
GOODBYE = b"X"
Where: TypeAlias = Literal["before", "inside", "after"]
WHERES: list[Where] = ["before", "inside", "after"]
# Whoever was cut in the midst of a statement ends it, and then finds nobody there.
NONE_AT_WORK = """
select count(*) = 0 from pg_stat_activity where client_port = any($1) and state <> 'idle'
"""
Ask: TypeAlias = Callable[[Connection, Organization], Awaitable[object]]
CHANGES: dict[str, tuple[Ask, str]] = {
    "a move": (lambda conn, clinic: move(conn, clinic.id, CALLER, to=hours(1)), "moved"),
    "a move of a named time": (
        lambda conn, clinic: move(conn, clinic.id, CALLER, at(START), to=hours(1)),
        "moved",
    ),
    "a cancel": (lambda conn, clinic: cancel(conn, clinic.id, CALLER), "cancelled"),
    "a cancel of a named time": (
        lambda conn, clinic: cancel(conn, clinic.id, CALLER, at(START)),
        "cancelled",
    ),
}
STATES = ["prepared", "new", "inside a transaction"]


@dataclass
class Scissors:
    """A gate that counts the messages, and cuts at one of them."""

    place: int | None
    where: Where
    seen: int | None = None
    """From the change on."""
    is_done: bool = False

    async def hand_over(self, line: Line, message: Message) -> None:
        is_counted = self.seen is not None and message.kind != GOODBYE
        if not is_counted or self.seen != self.place:
            self.seen = (self.seen or 0) + 1 if is_counted else self.seen
            line.pass_on(message)
            return
        self.is_done, self.seen = True, None
        sizes = {"before": 0, "inside": len(message.data) // 2, "after": None}
        line.pass_on(message, sizes[self.where])
        line.reset()


@asynccontextmanager
async def cut(url: str) -> AsyncIterator[Connection]:
    """A connection that may be dead when it is left."""
    conn = await asyncpg.connect(url)
    try:
        yield conn
    finally:
        conn.terminate()


async def changed(
    url: str, conn: Connection, name: str, state: str, place: int | None, where: Where = "after"
) -> tuple[int, str]:
    """Make the change once through the proxy, and again until it is acknowledged, and once more.
    Returns how many messages it took, and what the first try ended with."""
    ask, kind = CHANGES[name]
    clinic = await a_clinic(conn)
    id = await booked(conn, clinic, phone=SAM, name="Sam Wilson")
    scissors = Scissors(place, where)
    proxy = Proxy(url, scissors.hand_over)
    first = "acknowledged"
    async with proxy.running() as through, cut(through) as own:
        if state == "prepared":
            nobody = await a_clinic(conn, name="Nobody")
            await ask(own, nobody)
        scissors.seen = 0
        try:
            async with own.transaction() if state == "inside a transaction" else nullcontext():
                assert isinstance(await ask(own, clinic), Moved | Cancelled)
        except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError) as error:
            first = type(error).__name__
        messages = scissors.seen or 0
        assert scissors.is_done == (place is not None)
    for number in range(2):
        again = await ask(conn, clinic)
        assert isinstance(again, Moved | Cancelled)
        assert not again.changed or (first != "acknowledged" and number == 0)
    await until(conn, NONE_AT_WORK, proxy.ports)
    row = (await rows(conn))[id]
    assert (row["scheduled_at"], row["status"]) == (
        (hours(1), "confirmed") if kind == "moved" else (START, "cancelled")
    )
    told = [event["type"] for event in await events(conn) if event["appointment_id"] == id]
    assert Counter(told) == {"booked": 1, kind: 1}
    return messages, first


@pytest.mark.parametrize("name", CHANGES)
async def test_a_change_that_is_cut(
    durable_url: str, figures: Figures, full: bool, name: str
) -> None:
    """Before, inside and after each message: the change is made once, the repeat says so, and one
    event tells of it."""
    started, faults, firsts = time.monotonic(), 0, Counter[str]()
    async with connected(durable_url) as conn:
        # What preparing adds takes its time.
        for state in STATES if full else STATES[:1]:
            messages, first = await changed(durable_url, conn, name, state, None)
            assert first == "acknowledged" and messages > 4
            for place in range(messages):
                for where in WHERES:
                    _, first = await changed(durable_url, conn, name, state, place, where)
                    firsts[first] += 1
                    faults += 1
    figures.add(
        f"connection reset before, inside and after each message of {name}, by the library",
        f"{faults} faults: {firsts['acknowledged']} acknowledged at the first try, all when"
        f" repeated; one change and one event each; all in {time.monotonic() - started:.0f} s",
    )
