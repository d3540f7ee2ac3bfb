"""What `find_times` offers is what `book` books: one rule, on random clinics."""

from __future__ import annotations

import dataclasses
from datetime import datetime, timedelta

import pytest

from booking_core import (
    Booked,
    BookingRequest,
    Connection,
    InvalidRequest,
    _statements,
    book,
    find_times,
)
from booking_core.spoken import Phone
from tests.support.clinics import RandomClinic, a_random_clinic, the_grid

FAULTS = {
    "a closure beats an extra opening": (
        "    select tstzmultirange(e.span)\n",
        "    select tstzmultirange(e.span) - closed.times\n",
    ),
    "a buffer is forgotten": (
        "a.buffer_after_minutes) + asked.before\n",
        "a.buffer_after_minutes)\n",
    ),
    "hours end at midnight": ("(values (today), (today - 1))", "(values (today))"),
    "a time that comes twice is offered": (
        "where starts at time zone zone in (",
        "where 1 in (0, 2) and starts at time zone zone in (",
    ),
}


async def offered(conn: Connection, clinic: RandomClinic) -> set[tuple[str, datetime]]:
    """By `find_times`, on the day."""
    zone = clinic.organization.zone
    since = datetime(clinic.day.year, clinic.day.month, clinic.day.day, tzinfo=zone)
    try:
        found = await find_times(
            conn,
            clinic.organization.id,
            since=since - timedelta(hours=2),
            until=since + timedelta(hours=28),
            service_type=clinic.service,
            duration_minutes=clinic.duration_minutes,
            most=1000,
        )
    except InvalidRequest as refusal:
        assert refusal.code == "INVALID_RESOURCE"
        return set()
    return {(resource, free.starts_at) for free in found for resource in free.resources}


async def bookable(
    conn: Connection, clinic: RandomClinic, grid: list[datetime]
) -> set[tuple[str, datetime]]:
    """By `book`, each on its own and rolled back."""
    booked = set()
    for start in grid:
        for resource in clinic.resources:
            request = BookingRequest(
                org_id=clinic.organization.id,
                phone=Phone("+15551234567"),
                scheduled_at=start,
                service_type=clinic.service,
                duration_minutes=clinic.duration_minutes,
                resource=resource,
            )
            transaction = conn.transaction()
            await transaction.start()
            try:
                if isinstance(await book(conn, request), Booked):
                    booked.add((resource, start))
            except InvalidRequest as refusal:
                assert refusal.code == "INVALID_RESOURCE"
            finally:
                await transaction.rollback()
    return booked


async def differences(conn: Connection, seed: int) -> tuple[str, set[object], set[object], int]:
    """What is offered and not bookable, what is bookable and not offered, and how many agree."""
    transaction = conn.transaction()
    await transaction.start()
    clinic = await a_random_clinic(conn, seed)
    grid = await the_grid(conn, clinic)
    day = {(resource, start) for resource in clinic.resources for start in grid}
    found = await offered(conn, clinic)
    # Those of the neighbouring days are looked at with them.
    of_the_day = {one for one in found if grid and grid[0] <= one[1] <= grid[-1]}
    booked = await bookable(conn, clinic, grid)
    await transaction.rollback()
    assert of_the_day <= day, f"seed {seed}: off the grid"
    return str(clinic), set(of_the_day - booked), set(booked - of_the_day), len(booked)


async def test_what_is_offered_is_what_is_bookable(conn: Connection, full: bool) -> None:
    """Whatever the hours, closures, openings, buffers and zone, also where the clocks change."""
    agreed = 0
    for seed in range(500 if full else 40):
        where, unbookable, unoffered, agreeing = await differences(conn, seed)
        assert (unbookable, unoffered) == (set(), set()), f"seed {seed}: {where}"
        agreed += agreeing
    assert agreed > 300


@pytest.mark.parametrize("fault", FAULTS)
async def test_a_planted_fault_is_noticed(
    conn: Connection, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same clinics tell when the rule is broken on one side."""
    sound = _statements.FIND_TIMES
    right, wrong = FAULTS[fault]
    assert right in sound.text
    broken = dataclasses.replace(sound, text=sound.text.replace(right, wrong))
    for seed in range(500):
        before = await offers(conn, seed)
        with monkeypatch.context() as patched:
            patched.setattr("booking_core.availability.FIND_TIMES", broken)
            if before == await offers(conn, seed):
                continue  # this clinic has nothing that the fault changes
            with pytest.raises(AssertionError):
                _, unbookable, unoffered, _ = await differences(conn, seed)
                assert (unbookable, unoffered) == (set(), set())
            return
    pytest.fail("no clinic notices it")


async def offers(conn: Connection, seed: int) -> set[tuple[str, datetime]]:
    """What the clinic of this seed offers on its day."""
    transaction = conn.transaction()
    await transaction.start()
    clinic = await a_random_clinic(conn, seed)
    found = await offered(conn, clinic)
    grid = await the_grid(conn, clinic)
    await transaction.rollback()
    return {one for one in found if grid and grid[0] <= one[1] <= grid[-1]}
