"""Ten thousand random bookings on ten connections: whatever was told is what stands.

BOOKING_SEED=7 asks for those of one seed again; a failure names its own.
"""

from __future__ import annotations

import asyncio
import os
import random
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import datetime, timedelta
from operator import itemgetter
from typing import TypeAlias
from uuid import UUID

import asyncpg

from booking_core import Booked, BookingRequest, Email, Organization, OutsideHours, SlotTaken, book
from tests.conftest import connected
from tests.support.factories import SOON, a_caller, a_clinic, a_request

REQUESTS, SAMPLE = 10_000, 2_000
SEED = int(os.environ.get("BOOKING_SEED", 0)) or random.randrange(1, 2**31)

OVERLAPS = """
    select count(*)
    from appointments a
    join appointments b on b.org_id = a.org_id and b.resource = a.resource and b.id > a.id
    where tstzrange(a.scheduled_at, a.scheduled_at + make_interval(mins => a.duration_minutes))
       && tstzrange(b.scheduled_at, b.scheduled_at + make_interval(mins => b.duration_minutes))
    """
Held: TypeAlias = "dict[tuple[UUID, str], list[tuple[datetime, datetime]]]"


def requests(clinics: dict[Organization, list[str]], count: int) -> Iterator[BookingRequest]:
    """By 2,000 phones and as many emails, of any length; one in ten is an earlier one again."""
    chance = random.Random(SEED)
    made: list[BookingRequest] = []
    for number in range(count):
        if made and chance.random() < 0.1:
            yield chance.choice(made[-50:])
            continue
        clinic = chance.choice(list(clinics))
        person = chance.randrange(2000)
        email = Email(f"p{person}@test.com")
        made.append(
            a_request(
                clinic,
                phone=a_caller(person) if chance.random() < 0.5 else None,
                email=email,
                # Of this time alone, so that only the key makes a request a repeat.
                name=f"Caller {number}",
                # Close to those that are asked for at the same moment.
                scheduled_at=SOON + timedelta(minutes=5 * (5 * number + chance.randrange(500))),
                duration_minutes=chance.randint(5, 480),
                resource=chance.choice([None, *clinics[clinic]]),
                idempotency_key=f"key {number}",
            )
        )
        yield made[-1]


def is_free(request: BookingRequest, resources: list[str], held: Held) -> bool:
    """At the end, as it was when it was refused: no booking is ever given back."""
    end = request.scheduled_at + timedelta(minutes=request.duration_minutes)
    for resource in [request.resource] if request.resource else resources:
        others = held[request.org_id, resource]
        before_end = bisect_left(others, (end,))
        if before_end == 0 or others[before_end - 1][1] <= request.scheduled_at:
            return True
    return False


async def test_random_bookings(url: str, full: bool) -> None:
    """No overlap, no error, and each is told the truth: the row that stands, or that all is full;
    a repeat hears of its first booking, or of none."""
    print(f"BOOKING_SEED={SEED}")
    count = REQUESTS if full else SAMPLE
    async with connected(url) as conn:
        clinics = {}
        for size in (1, 2, 3, 5):
            names = [f"chair {number}" for number in range(size)]
            clinics[await a_clinic(conn, resources=names)] = names
        asked = list(requests(clinics, count))
        queue = iter(asked)
        told: list[tuple[BookingRequest, Booked | SlotTaken | OutsideHours]] = []

        async def keep_booking(pool: asyncpg.Pool[asyncpg.Record]) -> None:
            async with pool.acquire() as mine:
                for request in queue:
                    told.append((request, await book(mine, request)))

        async with asyncpg.create_pool(url, min_size=10, max_size=10) as pool:
            await asyncio.gather(*(keep_booking(pool) for _ in range(10)))

        assert len(told) == count
        assert await conn.fetchval(OVERLAPS) == 0
        rows = {row["id"]: row for row in await conn.fetch("select * from appointments")}
        taken = [request for request, outcome in told if isinstance(outcome, SlotTaken)]
        booked = [(request, outcome) for request, outcome in told if isinstance(outcome, Booked)]
        assert count / 4 < len(taken) < count * 3 / 4, "half of them ought to collide"

    held: Held = defaultdict(list)
    for row in sorted(rows.values(), key=itemgetter("scheduled_at")):
        end = row["scheduled_at"] + timedelta(minutes=row["duration_minutes"])
        held[row["org_id"], row["resource"]].append((row["scheduled_at"], end))
    chairs = {clinic.id: names for clinic, names in clinics.items()}
    assert not [request for request in taken if is_free(request, chairs[request.org_id], held)]
    assert rows.keys() == {outcome.appointment_id for _, outcome in booked}
    assert len(rows) == sum(outcome.created for _, outcome in booked)
    for request, outcome in booked:
        row = rows[outcome.appointment_id]
        for name in ("contact_id", "resource", "scheduled_at", "duration_minutes", "attendee_name"):
            assert row[name] == getattr(outcome, name)
        for name in ("org_id", "scheduled_at", "duration_minutes", "idempotency_key"):
            assert row[name] == getattr(request, name)
        assert request.resource in (None, row["resource"])
    repeats = Counter(request.idempotency_key for request in asked)
    assert max(repeats.values()) > 1
    assert not {request for request in taken} & {request for request, _ in booked}
