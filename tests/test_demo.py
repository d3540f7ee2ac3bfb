"""The clinic that `serve --demo` shows."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from pathlib import Path

import pytest

from booking_asgi.command import demo
from booking_asgi.command.demo import DEMO_ORG, make_demo
from booking_core import (
    Organization,
    find_organization,
    list_closures,
    list_hours,
    list_resources,
    list_services,
)
from tests.conftest import connected, psql
from tests.support.owners import MONDAY, free_times

BASELINE = Path(__file__).parent / "releases" / "baseline.sql"
OLD_DEMO = f"""
insert into organizations (id, name, timezone, phone_region)
values ('{DEMO_ORG}', 'Demo Clinic', 'America/New_York', 'US');
insert into resources (org_id, resource) values ('{DEMO_ORG}', 'main');
"""


async def made(url: str) -> Organization:
    async with connected(url) as conn:
        await make_demo(conn)
        clinic = await find_organization(conn, DEMO_ORG)
    assert clinic is not None
    return clinic


async def test_the_demo_is_made_once(empty_url: str) -> None:
    """Two doctors, three services of which one is one doctor's, and a holiday; a second start adds
    nothing."""
    for _ in range(2):
        await made(empty_url)
    async with connected(empty_url) as conn:
        assert [each.resource for each in await list_resources(conn, DEMO_ORG)] == [
            "Dr. Kim",
            "Dr. Lee",
        ]
        services = {each.service: each for each in await list_services(conn, DEMO_ORG)}
        assert [*services] == ["Checkup", "Cleaning", "Root Canal"]
        assert services["Cleaning"].buffer_after_minutes == 15
        assert services["Root Canal"].resources == ("Dr. Lee",)
        [christmas] = await list_closures(conn, DEMO_ORG)
        assert (christmas.starts.month, christmas.starts.day) == (12, 25)


async def test_the_printed_command_books_on_each_day_of_the_week(empty_url: str) -> None:
    """It is for tomorrow at 14:00, whenever the demo is tried."""
    clinic = await made(empty_url)
    async with connected(empty_url) as conn:
        for day in range(7):
            free = await free_times(conn, clinic, MONDAY + timedelta(days=day))
            assert free["14:00"] == ["Dr. Kim", "Dr. Lee"]


@pytest.mark.parametrize(
    ("today", "year"),
    [
        (date(2026, 11, 27), 2026),
        (date(2026, 12, 23), 2026),
        (date(2026, 12, 24), 2027),
        (date(2026, 12, 25), 2027),
        (date(2026, 12, 31), 2027),
    ],
    ids=str,
)
def test_the_holiday_is_never_tomorrow(today: date, year: int) -> None:
    """Or the printed command would not book."""
    assert demo._next_christmas(today) == datetime(year, 12, 25)


async def test_a_demo_of_an_older_release_starts(empty_url: str) -> None:
    """Its tables are upgraded, and the clinic stays as it is."""
    psql(empty_url, "--single-transaction", "-f", str(BASELINE), "-c", OLD_DEMO)
    await made(empty_url)
    async with connected(empty_url) as conn:
        assert await list_hours(conn, DEMO_ORG) == {"main": ()}
