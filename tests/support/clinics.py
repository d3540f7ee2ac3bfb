"""Clinics at random: hours, closures, extra openings, services and appointments around one day."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from booking_core import Connection, Organization
from tests.support.factories import a_clinic

ZONES = (
    "America/New_York",
    "America/Santiago",
    "Africa/Casablanca",
    "America/Havana",
    "Asia/Kolkata",
    "Australia/Lord_Howe",
    "Europe/Berlin",
)
# Where a clock change is likely to be, and the ends of the day.
TIMES = (time(0), time(1, 30), time(2), time(2, 30), time(3), time(6), time(22), time(23, 30))
SERVICE = "Cleaning"


@dataclass(frozen=True, kw_only=True)
class RandomClinic:
    """A clinic, the day to look at, and the service that is asked for, if it is listed."""

    organization: Organization
    day: date
    resources: tuple[str, ...]
    service: str
    duration_minutes: int
    slot_minutes: int

    def __str__(self) -> str:
        return f"{self.organization.timezone} on {self.day}"


async def a_random_clinic(conn: Connection, seed: int) -> RandomClinic:
    chance = random.Random(seed)
    zone = chance.choice(ZONES)
    changes = clock_changes(zone)
    near = chance.choice(changes) if changes and chance.random() < 0.8 else _in_days(40)
    day = near + timedelta(days=chance.choice((-1, 0, 0, 0, 1)))
    resources = tuple("ab"[: chance.choice((1, 2))])
    clinic = await a_clinic(conn, resources=resources, timezone=zone)
    for resource in resources:
        if chance.random() < 0.8:
            await _hours(conn, chance, clinic, resource)
    for _ in range(chance.choice((0, 1, 2, 3))):
        await _exception(conn, chance, clinic, resources, day)
    slot, duration = chance.choice((15, 20, 30)), chance.choice((15, 30, 45, 60, 120))
    is_listed = chance.random() < 0.6
    if is_listed:
        buffers = chance.choice((0, 0, 10)), chance.choice((0, 0, 15))
        await conn.execute(
            "insert into services values ($1, $2, default, $3, $4, $5, $6)",
            *(clinic.id, SERVICE, duration, *buffers, slot),
        )
        if chance.random() < 0.3:
            await conn.execute(
                "insert into service_resources values ($1, $2, $3)",
                *(clinic.id, SERVICE, resources[-1]),
            )
    await _appointments(conn, chance, clinic, resources, day)
    return RandomClinic(
        organization=clinic,
        day=day,
        resources=resources,
        service=chance.choice((SERVICE, " CLEANING ")).strip() if is_listed else "Something else",
        duration_minutes=duration,
        slot_minutes=slot if is_listed else 15,
    )


def clock_changes(zone: str) -> list[date]:
    """The days of the next year and a half on which the clocks change."""
    days = [_in_days(number) for number in range(2, 540)]

    def offset(day: date) -> timedelta | None:
        return datetime.combine(day, time(12), ZoneInfo(zone)).utcoffset()

    return [day for day in days if offset(day) != offset(day - timedelta(days=1))]


async def _hours(
    conn: Connection, chance: random.Random, clinic: Organization, resource: str
) -> None:
    for weekday in range(1, 8):
        for _ in range(chance.choice((0, 1, 1, 2))):
            await conn.execute(
                "insert into opening_hours values ($1, $2, $3, $4, $5) on conflict do nothing",
                *(clinic.id, resource, weekday, _a_time(chance), _a_time(chance)),
            )


async def _exception(
    conn: Connection,
    chance: random.Random,
    clinic: Organization,
    resources: tuple[str, ...],
    day: date,
) -> None:
    """Half of the closures have an extra opening in their midst."""
    starts = datetime.combine(day + timedelta(days=chance.choice((-1, 0, 0, 1))), _a_time(chance))
    ends = starts + timedelta(minutes=chance.choice((30, 60, 180, 720, 1440)))
    resource = chance.choice((*resources, None))
    add = (
        "insert into exceptions (org_id, resource, during, opens)"
        " values ($1, $2, tsrange($3, $4), $5)"
    )
    await conn.execute(add, clinic.id, resource, starts, ends, chance.random() < 0.3)
    if chance.random() < 0.5:
        inside = starts + timedelta(minutes=15)
        until = inside + timedelta(minutes=chance.choice((60, 150)))
        await conn.execute(add, clinic.id, chance.choice((*resources, None)), inside, until, True)


async def _appointments(
    conn: Connection,
    chance: random.Random,
    clinic: Organization,
    resources: tuple[str, ...],
    day: date,
) -> None:
    midnight = datetime.combine(day, time(0), clinic.zone).astimezone(UTC)
    contact = await conn.fetchval(
        "insert into contacts (org_id, phone) values ($1, '+15550000001') returning id", clinic.id
    )
    for number in range(chance.choice((0, 2, 5))):
        await conn.execute(
            """
            insert into appointments (org_id, contact_id, resource, service_type, scheduled_at,
              duration_minutes, attendee_name, buffer_before_minutes, buffer_after_minutes, status)
            values ($1, $2, $3, 's', $4, $5, $6, $7, $8, $9)
            on conflict do nothing
            """,
            *(clinic.id, contact, chance.choice(resources)),
            midnight + timedelta(minutes=5 * chance.randrange(-60, 340)),
            *(chance.choice((15, 30, 90)), str(number)),
            *(chance.choice((0, 10)), chance.choice((0, 15))),
            chance.choice(("confirmed", "confirmed", "pending", "cancelled")),
        )


async def the_grid(conn: Connection, clinic: RandomClinic) -> list[datetime]:
    """Every start of the day that may be offered: from local midnight on, so many minutes apart,
    but for those whose local time comes twice."""
    rows = await conn.fetch(
        """
        select each as instant, each at time zone $1 as local
        from generate_series(
          ($2::date - 1)::timestamp at time zone $1, ($2::date + 2)::timestamp at time zone $1,
          interval '5 minutes'
        ) as each
        """,
        clinic.organization.timezone,
        clinic.day,
    )
    shown = Counter(row["local"] for row in rows)
    midnight, following = await conn.fetchrow(  # type: ignore[misc]  # one row always comes
        "select $2::date::timestamp at time zone $1, ($2::date + 1)::timestamp at time zone $1",
        clinic.organization.timezone,
        clinic.day,
    )
    return [
        row["instant"]
        for row in rows
        if midnight <= row["instant"] < following
        and (row["instant"] - midnight) % timedelta(minutes=clinic.slot_minutes) == timedelta(0)
        and shown[row["local"]] == 1
    ]


def _a_time(chance: random.Random) -> time:
    if chance.random() < 0.5:
        return chance.choice(TIMES)
    return time(chance.randrange(24), chance.choice((0, 0, 15, 30, 45)))


def _in_days(days: int) -> date:
    return datetime.now(UTC).date() + timedelta(days=days)
