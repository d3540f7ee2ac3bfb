"""Moves, cancels and bookings that come at the same time: staged step by step, then all at once."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable
from contextlib import AsyncExitStack
from datetime import timedelta
from typing import TypeAlias, TypeVar
from uuid import UUID

import asyncpg
import pytest

from booking_core import (
    Booked,
    BookingNotSettled,
    Cancelled,
    Choice,
    Connection,
    Moved,
    NotFound,
    SeveralFound,
    SlotTaken,
    Staff,
    book,
    cancel,
    move,
    set_status,
)
from tests.conftest import connected, until
from tests.support.changes import START, a_booking, booked, events, hours, rows
from tests.support.factories import a_caller, a_clinic

T = TypeVar("T")
Pool: TypeAlias = "asyncpg.Pool[asyncpg.Record]"
DESK = Staff(name="front desk")
ENDINGS = pytest.mark.parametrize("ending", ["commit", "rollback"])
# The second one on a fresh connection, or inside a transaction of its caller's.
AROUND = pytest.mark.parametrize("around", ["fresh", "inside"])
BLOCKED = "select cardinality(pg_blocking_pids($1)) > 0"
HAS_LOOKED = """
select query like '-- move_appointment:%' from pg_stat_activity where pid = $1
"""


class Stage:
    """The first one's transaction, open; a second one; and whoever watches both."""

    def __init__(self, one: Connection, other: Connection, watcher: Connection, around: str):
        self.one, self.other, self.watcher, self.around = one, other, watcher, around
        self._transaction = one.transaction()

    async def begin(self) -> None:
        await self._transaction.start()

    async def end(self, ending: str) -> None:
        await (self._transaction.commit() if ending == "commit" else self._transaction.rollback())

    async def second(self, work: Awaitable[T], sign: str = BLOCKED) -> asyncio.Task[T]:
        """`work` of the second one, started, once the server says that it waits for the first."""
        task = asyncio.ensure_future(self._within(work))
        await until(self.watcher, sign, self.other.get_server_pid())
        assert not task.done()
        return task

    async def _within(self, work: Awaitable[T]) -> T:
        if self.around == "fresh":
            return await work
        async with self.other.transaction():
            return await work


@pytest.fixture
async def stage(url: str, around: str) -> AsyncIterator[Stage]:
    async with AsyncExitStack() as stack:
        one, other, watcher = [await stack.enter_async_context(connected(url)) for _ in range(3)]
        yield Stage(one, other, watcher, around)


def by_id(id: UUID) -> Choice:
    return Choice(appointment_id=id)


async def stands(conn: Connection) -> dict[UUID, tuple[object, str]]:
    """The start and the status of each appointment, and that its events tell of just that: one of
    the booking, one of each change, the last one of how it is."""
    found = {id: (row["scheduled_at"], row["status"]) for id, row in (await rows(conn)).items()}
    booked_ids = [event["appointment_id"] for event in await events(conn, "booked")]
    assert Counter(booked_ids) == Counter(found.keys())
    cancelled = [event["appointment_id"] for event in await events(conn, "cancelled")]
    assert Counter(cancelled) == Counter(id for id in found if found[id][1] == "cancelled")
    return found


@AROUND
@ENDINGS
async def test_two_moves_to_one_time(stage: Stage, ending: str) -> None:
    """While one is on its way to a time, another one waits: it hears that the time is taken if the
    first commits, and has it if the first rolls back."""
    clinic = await a_clinic(stage.one)
    a, b = [
        await booked(stage.one, clinic, phone=a_caller(n), scheduled_at=hours(n)) for n in (1, 2)
    ]
    await stage.begin()
    assert isinstance(await move(stage.one, clinic.id, DESK, by_id(a), to=START), Moved)
    work = move(stage.other, clinic.id, DESK, by_id(b), to=START)
    second = await stage.second(work, HAS_LOOKED)
    await stage.end(ending)
    assert isinstance(await second, SlotTaken if ending == "commit" else Moved)
    committed = ending == "commit"
    assert await stands(stage.watcher) == {
        a: (START if committed else hours(1), "confirmed"),
        b: (hours(2) if committed else START, "confirmed"),
    }
    assert len(await events(stage.watcher, "moved")) == 1


@AROUND
@ENDINGS
async def test_a_booking_waits_for_a_move(stage: Stage, ending: str) -> None:
    """A caller asks for the time to which an appointment is on its way."""
    clinic = await a_clinic(stage.one)
    a = await booked(stage.one, clinic, phone=a_caller(1), scheduled_at=hours(1))
    await stage.begin()
    await move(stage.one, clinic.id, DESK, by_id(a), to=START)
    second = await stage.second(book(stage.other, a_booking(clinic, phone=a_caller(2))))
    await stage.end(ending)
    assert isinstance(await second, SlotTaken if ending == "commit" else Booked)
    starts = sorted(str(start) for start, _ in (await stands(stage.watcher)).values())
    assert starts == sorted([str(START)] if ending == "commit" else [str(START), str(hours(1))])


@AROUND
@ENDINGS
async def test_a_move_waits_for_a_booking(stage: Stage, ending: str) -> None:
    """An appointment goes to the time that a caller is booking."""
    clinic = await a_clinic(stage.one)
    a = await booked(stage.one, clinic, phone=a_caller(1), scheduled_at=hours(1))
    await stage.begin()
    assert isinstance(await book(stage.one, a_booking(clinic, phone=a_caller(2))), Booked)
    work = move(stage.other, clinic.id, DESK, by_id(a), to=START)
    second = await stage.second(work, HAS_LOOKED)
    await stage.end(ending)
    committed = ending == "commit"
    assert isinstance(await second, SlotTaken if committed else Moved)
    assert (await stands(stage.watcher))[a] == (hours(1) if committed else START, "confirmed")


@AROUND
@ENDINGS
async def test_a_move_waits_for_who_takes_no_lock(stage: Stage, ending: str) -> None:
    """The clinic's own application inserts at the time: the constraint alone holds the move, which
    then looks again, and breaks no transaction around it."""
    clinic = await a_clinic(stage.one)
    a = await booked(stage.one, clinic, phone=a_caller(1), scheduled_at=hours(1))
    await stage.begin()
    await stage.one.execute(
        "insert into appointments (org_id, contact_id, resource, service_type, scheduled_at)"
        " select org_id, contact_id, 'main', 'theirs', $1 from appointments",
        START,
    )
    second = await stage.second(move(stage.other, clinic.id, DESK, by_id(a), to=START))
    await stage.end(ending)
    committed = ending == "commit"
    assert isinstance(await second, SlotTaken if committed else Moved)
    assert (await rows(stage.watcher))[a]["scheduled_at"] == (hours(1) if committed else START)


@AROUND
@ENDINGS
@pytest.mark.parametrize("choice", ["by id", "its time"])
async def test_a_cancel_waits_for_a_move(stage: Stage, ending: str, choice: str) -> None:
    """Whoever cancels the appointment itself cancels it where it then is; whoever names the old
    time finds nothing there once it is gone."""
    clinic = await a_clinic(stage.one)
    a = await booked(stage.one, clinic, phone=a_caller(1))
    await stage.begin()
    await move(stage.one, clinic.id, DESK, by_id(a), to=hours(1))
    meant = (
        by_id(a)
        if choice == "by id"
        else Choice(phone=a_caller(1), since=START, until=START + timedelta(minutes=1))
    )
    second = await stage.second(cancel(stage.other, clinic.id, DESK, meant))
    await stage.end(ending)
    told, start = await second, hours(1) if ending == "commit" else START
    if ending == "commit" and choice == "its time":
        assert told == NotFound()
        assert await stands(stage.watcher) == {a: (start, "confirmed")}
    else:
        assert told == Cancelled(appointment_id=a, scheduled_at=start, changed=True)
        assert await stands(stage.watcher) == {a: (start, "cancelled")}


@AROUND
@ENDINGS
async def test_a_move_waits_for_a_cancel(stage: Stage, ending: str) -> None:
    """What is cancelled is not moved, and stays cancelled."""
    clinic = await a_clinic(stage.one)
    a = await booked(stage.one, clinic, phone=a_caller(1))
    await stage.begin()
    await cancel(stage.one, clinic.id, DESK, by_id(a))
    second = await stage.second(move(stage.other, clinic.id, DESK, by_id(a), to=hours(1)))
    await stage.end(ending)
    if ending == "commit":
        assert await second == NotFound()
        assert await stands(stage.watcher) == {a: (START, "cancelled")}
    else:
        assert isinstance(await second, Moved)
        assert await stands(stage.watcher) == {a: (hours(1), "confirmed")}


@AROUND
@ENDINGS
async def test_two_moves_of_one_appointment(stage: Stage, ending: str) -> None:
    """To two doctors: the second looks again, and moves it on from where the first left it."""
    clinic = await a_clinic(stage.one, resources=["a", "b", "c"])
    id = await booked(stage.one, clinic, phone=a_caller(1), resource="a")
    await stage.begin()
    await move(stage.one, clinic.id, DESK, by_id(id), to=hours(1), resource="b")
    work = move(stage.other, clinic.id, DESK, by_id(id), to=hours(2), resource="c")
    second = await stage.second(work)
    await stage.end(ending)
    assert await second == Moved(
        appointment_id=id,
        scheduled_at=hours(2),
        old_start=hours(1) if ending == "commit" else START,
        resource="c",
        changed=True,
    )
    assert await stands(stage.watcher) == {id: (hours(2), "confirmed")}
    assert len(await events(stage.watcher, "moved")) == (2 if ending == "commit" else 1)


@AROUND
@ENDINGS
async def test_two_cancels_of_one_appointment(stage: Stage, ending: str) -> None:
    """It is cancelled once, and the second is told what became of it."""
    clinic = await a_clinic(stage.one)
    a = await booked(stage.one, clinic, phone=a_caller(1))
    await stage.begin()
    await cancel(stage.one, clinic.id, DESK, by_id(a))
    second = await stage.second(cancel(stage.other, clinic.id, DESK, by_id(a)))
    await stage.end(ending)
    committed = ending == "commit"
    assert await second == Cancelled(
        appointment_id=None if committed else a, scheduled_at=START, changed=not committed
    )
    assert await stands(stage.watcher) == {a: (START, "cancelled")}


@AROUND
@ENDINGS
async def test_a_repeated_cancel_at_the_same_instant(stage: Stage, ending: str) -> None:
    """A caller of two appointments cancels one by its time. The repeat without a time, which comes
    while that is under way, takes neither the one nor the other."""
    clinic = await a_clinic(stage.one)
    ids = [
        await booked(stage.one, clinic, phone=a_caller(1), scheduled_at=hours(n)) for n in (0, 1)
    ]
    phone = Choice(phone=a_caller(1))
    await stage.begin()
    first = Choice(phone=a_caller(1), since=START, until=hours(0.5))
    assert isinstance(await cancel(stage.one, clinic.id, DESK, first), Cancelled)
    assert await cancel(stage.other, clinic.id, DESK, phone) == SeveralFound(
        starts=(START, hours(1))
    )
    second = await stage.second(cancel(stage.other, clinic.id, DESK, first))
    await stage.end(ending)
    assert isinstance(await second, Cancelled)
    assert await stands(stage.watcher) == {
        ids[0]: (START, "cancelled"),
        ids[1]: (hours(1), "confirmed"),
    }


@AROUND
@ENDINGS
async def test_a_time_is_booked_again_once_it_is_free(stage: Stage, ending: str) -> None:
    """While a cancel is under way the time is taken, and nobody waits for it; once it is committed
    the next caller has the time."""
    clinic = await a_clinic(stage.one)
    await booked(stage.one, clinic, phone=a_caller(1))
    request = a_booking(clinic, phone=a_caller(2))
    await stage.begin()
    await cancel(stage.one, clinic.id, DESK, Choice(phone=a_caller(1)))
    assert isinstance(await book(stage.other, request), SlotTaken)
    await stage.end(ending)
    outcome = await book(stage.other, request)
    assert isinstance(outcome, Booked if ending == "commit" else SlotTaken)
    await stands(stage.watcher)


@AROUND
@ENDINGS
async def test_a_rebooking_waits_for_its_turn(stage: Stage, ending: str) -> None:
    """One transaction cancels and books the same time again: a caller for that time waits for it,
    and hears what then is so."""
    clinic = await a_clinic(stage.one)
    a = await booked(stage.one, clinic, phone=a_caller(1))
    await stage.begin()
    await cancel(stage.one, clinic.id, DESK, by_id(a))
    assert isinstance(await book(stage.one, a_booking(clinic, phone=a_caller(2))), Booked)
    assert isinstance(await book(stage.other, a_booking(clinic, phone=a_caller(3))), SlotTaken)
    second = await stage.second(cancel(stage.other, clinic.id, DESK, by_id(a)))
    await stage.end(ending)
    assert isinstance(await second, Cancelled)
    active = [
        id for id, (_, status) in (await stands(stage.watcher)).items() if status != "cancelled"
    ]
    assert len(active) == (1 if ending == "commit" else 0)


@AROUND
@ENDINGS
async def test_two_say_what_became_of_it(stage: Stage, ending: str) -> None:
    """Both are told that it is so; one event tells of it."""
    clinic = await a_clinic(stage.one)
    a = await booked(stage.one, clinic, phone=a_caller(1))
    await stage.begin()
    assert await set_status(stage.one, clinic.id, DESK, a, "completed")
    second = await stage.second(set_status(stage.other, clinic.id, DESK, a, "completed"))
    await stage.end(ending)
    assert await second
    assert (await rows(stage.watcher))[a]["status"] == "completed"
    assert len(await events(stage.watcher, "completed")) == 1


@AROUND
async def test_a_swap_of_two(stage: Stage) -> None:
    """Two who go to each other's time at the same moment both stay: neither time was free. One
    transaction swaps them by way of a third time."""
    clinic = await a_clinic(stage.one)
    a, b = [
        await booked(stage.one, clinic, phone=a_caller(n), scheduled_at=hours(n)) for n in (0, 1)
    ]
    await stage.begin()
    to_b = await move(stage.one, clinic.id, DESK, by_id(a), to=hours(1))
    to_a = await move(stage.other, clinic.id, DESK, by_id(b), to=START)
    assert (type(to_b), type(to_a)) == (SlotTaken, SlotTaken)
    for id, to in ((a, hours(2)), (b, START), (a, hours(1))):
        assert isinstance(await move(stage.one, clinic.id, DESK, by_id(id), to=to), Moved)
    await stage.end("commit")
    assert await stands(stage.watcher) == {a: (hours(1), "confirmed"), b: (START, "confirmed")}


@AROUND
async def test_who_holds_a_resource_for_long_is_not_waited_for(stage: Stage) -> None:
    """Two transactions that move to each other's doctor do not wait for each other for ever.
    Whoever can't have the doctor's lock is told to try again, and the transaction goes on."""
    clinic = await a_clinic(stage.one, resources=["a", "b"])
    a, b = [
        await booked(stage.one, clinic, phone=a_caller(n), scheduled_at=hours(n), resource=r)
        for n, r in enumerate("ab")
    ]
    await stage.begin()
    assert isinstance(await move(stage.one, clinic.id, DESK, by_id(a), to=hours(3)), Moved)
    async with stage.other.transaction():
        assert isinstance(await move(stage.other, clinic.id, DESK, by_id(b), to=hours(4)), Moved)
        for conn, id, resource in ((stage.one, a, "b"), (stage.other, b, "a")):
            with pytest.raises(BookingNotSettled):
                await move(conn, clinic.id, DESK, by_id(id), to=hours(5), resource=resource)
    await stage.end("commit")
    assert await stands(stage.watcher) == {
        a: (hours(3), "confirmed"),
        b: (hours(4), "confirmed"),
    }


# Writers wait until the gate opens, so that several have looked before the first of them writes.
GATE = """
create function gate() returns trigger language plpgsql as
  'begin perform pg_advisory_xact_lock_shared(7); return new; end';
create trigger gate before insert or update on appointments for each row execute function gate();
"""
AT_THE_GATE = """
select count(*) > 1 from pg_locks where locktype = 'advisory' and not granted
"""


@pytest.fixture
async def crowd(url: str) -> AsyncIterator[Pool]:
    async with asyncpg.create_pool(url, min_size=24, max_size=24) as pool:
        yield pool


@AROUND
async def test_24_at_once(url: str, crowd: Pool, around: str) -> None:
    """Twelve move to one time and twelve book a quarter of an hour later, 30 rounds: each time one
    of them has it, never two and never none. Nobody meets a deadlock, no row is lost, and each
    change is one event."""
    async with connected(url) as conn:
        clinic = await a_clinic(conn)
        ids = [
            await booked(conn, clinic, phone=a_caller(n), scheduled_at=hours(n)) for n in range(12)
        ]

        async def one_of_them(number: int, target: timedelta) -> object:
            async with crowd.acquire() as own:
                if around == "fresh":
                    return await ask(own, number, target)
                async with own.transaction():
                    return await ask(own, number, target)

        async def ask(own: Connection, number: int, target: timedelta) -> object:
            if number < 12:
                return await move(own, clinic.id, DESK, by_id(ids[number]), to=START + target)
            start = START + target + timedelta(minutes=15)
            return await book(own, a_booking(clinic, phone=a_caller(number), scheduled_at=start))

        await conn.execute(GATE)
        told: Counter[type] = Counter()
        for number in range(30):
            target = timedelta(days=1 + number)
            async with conn.transaction():
                await conn.execute("select pg_advisory_xact_lock(7)")
                asked = asyncio.gather(*(one_of_them(n, target) for n in range(24)))
                await until(conn, AT_THE_GATE)
                await asyncio.sleep(0.02)  # for the others to come as well
            outcomes = await asked
            assert sum(isinstance(each, Moved | Booked) for each in outcomes) == 1
            told.update(type(each) for each in outcomes)
            found = (await stands(conn)).values()
            assert (
                sum(
                    start in (START + target, START + target + timedelta(minutes=15))
                    for start, _ in found
                )
                == 1
            )
        assert set(told) <= {Moved, Booked, SlotTaken}
        assert len(await stands(conn)) == 12 + told[Booked]
        assert len(await events(conn, "moved")) == told[Moved]
