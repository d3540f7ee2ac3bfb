"""The clinic that `serve --demo` shows, in a database of its own."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from uuid import UUID

import click

from booking_core import (
    Connection,
    Service,
    add_closure,
    add_organization,
    add_token,
    find_organization,
    parse_hours,
    put_service,
    read_schema,
    set_hours,
    upgrade,
)
from booking_core.zones import zone

DEMO_ORG = UUID("00000000-0000-4000-8000-000000000001")
DEMO_TOKEN = "demo-token"
DEMO_TIMEZONE = "America/New_York"
DEMO_RESOURCES = ("Dr. Lee", "Dr. Kim")
# Tomorrow at 14:00 is open on whichever day the demo is tried.
DEMO_HOURS = "mon-sat 08:00-22:00 sun 10:00-18:00"
DEMO_SERVICES = (
    Service(service="Checkup", duration_minutes=30),
    Service(service="Cleaning", duration_minutes=45, buffer_after_minutes=15),
    Service(service="Root Canal", duration_minutes=90, resources=("Dr. Lee",)),
)


async def make_demo(conn: Connection) -> None:
    """Make the tables and the clinic; one that an earlier start made stays as it is."""
    # From the second start on the tables are there, maybe as an older release made them.
    obstacles = await upgrade(conn, lock=True)
    if [obstacle.what for obstacle in obstacles] == ["tables"]:
        await conn.execute(read_schema())
    elif obstacles:
        raise click.ClickException(f"{obstacles[0].what}: {obstacles[0].problem}")
    if await find_organization(conn, DEMO_ORG) is not None:
        return
    async with conn.transaction():
        await add_organization(
            conn,
            org_id=DEMO_ORG,
            name="Demo Clinic",
            timezone=DEMO_TIMEZONE,
            phone_region="US",
            resources=DEMO_RESOURCES,
        )
        await add_token(conn, DEMO_ORG, label="demo", token=DEMO_TOKEN)
        await set_hours(conn, DEMO_ORG, None, parse_hours(DEMO_HOURS))
        for service in DEMO_SERVICES:
            await put_service(conn, DEMO_ORG, service)
        starts = _next_christmas(datetime.now(zone(DEMO_TIMEZONE)).date())
        await add_closure(
            conn, DEMO_ORG, starts=starts, ends=starts + timedelta(days=1), note="Christmas"
        )


def _next_christmas(today: date) -> datetime:
    """The next one, but not that of tomorrow, for which the command that is printed books."""
    is_over = today + timedelta(days=1) >= date(today.year, 12, 25)
    return datetime(today.year + is_over, 12, 25)
