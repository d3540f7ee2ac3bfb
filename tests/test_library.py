"""The library's face: what it exports, its types, and what it says of a wrong connection."""

from __future__ import annotations

import inspect
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import asyncpg
import pytest
from sqlalchemy.ext.asyncio import create_async_engine

import booking_core
from booking_core import Connection, book, read_schema
from tests.conftest import connected, count
from tests.support.factories import a_clinic, a_request

PUBLIC = {
    name: value
    for name, value in vars(booking_core).items()
    if not name.startswith("_") and not isinstance(value, ModuleType)
}
NO_CONNECTION = r"an asyncpg connection, not (Pool|Psycopg|NoneType)"
VERBS = [name for name, value in PUBLIC.items() if inspect.iscoroutinefunction(value)]
TYPED = """
from datetime import datetime, timezone
from typing import assert_type
from uuid import UUID

import asyncpg

from booking_core import (
    Booked, BookingRequest, Email, FreeTime, LimitReached, Limits, Organization, OutsideHours,
    Phone, SlotTaken, book, find_organization, find_times, parse_email, parse_phone,
)


async def program(pool: "asyncpg.Pool[asyncpg.Record]") -> None:
    async with pool.acquire() as conn:
        clinic = await find_organization(conn, UUID(int=0))
        assert_type(clinic, Organization | None)
        phone = assert_type(parse_phone("(555) 123-4567", "US"), Phone)
        email = assert_type(parse_email("sam@test.com"), Email)
        request = BookingRequest(
            org_id=UUID(int=0), phone=phone, email=email,
            scheduled_at=datetime(2030, 12, 2, 14, tzinfo=timezone.utc),
        )
        assert_type(await book(conn, request), Booked | SlotTaken | OutsideHours)
        limited = await book(conn, request, Limits())
        assert_type(limited, Booked | SlotTaken | OutsideHours | LimitReached)
        found = await find_times(conn, request.org_id, since=datetime.now(timezone.utc))
        assert_type(found, list[FreeTime])
        {wrong}
"""


def test_all_that_is_public_is_exported() -> None:
    """Nothing else is exported; each class and function says what it is for."""
    assert sorted(booking_core.__all__) == sorted(PUBLIC)
    documented = (value for value in PUBLIC.values() if inspect.isclass(value) or callable(value))
    # Aliases and new types have no docstring of their own.
    without = [one for one in documented if isinstance(one, type) and not one.__doc__]
    assert without == []
    assert [name for name in VERBS if not PUBLIC[name].__doc__] == []


@pytest.mark.parametrize("verb", VERBS)
async def test_only_a_connection_of_asyncpg_will_do(verb: str, shared_url: str) -> None:
    """A pool, another driver's connection or none at all: a TypeError that names asyncpg."""
    given = {
        name: "x"
        for name, parameter in inspect.signature(PUBLIC[verb]).parameters.items()
        if name != "conn" and parameter.default is inspect.Parameter.empty
    }

    class Psycopg:
        """A connection of another driver."""

    async with asyncpg.create_pool(shared_url, min_size=0, max_size=1) as pool:
        wrong: list[Any] = [pool, Psycopg(), None]
        for conn in wrong:
            with pytest.raises(TypeError, match=NO_CONNECTION):
                await PUBLIC[verb](conn, **given)
        with pytest.raises(TypeError, match=r"async with pool\.acquire\(\) as conn"):
            await PUBLIC[verb](pool, **given)


async def test_a_connection_of_a_pool_will_do(conn: Connection, shared_url: str) -> None:
    async with (
        asyncpg.create_pool(shared_url, min_size=0, max_size=1) as pool,
        pool.acquire() as pooled,
    ):
        assert await booking_core.preflight(pooled) == await booking_core.preflight(conn)


async def test_sqlalchemy_begins_with_its_first_statement(empty_url: str) -> None:
    """Before it, `book` on the driver's connection commits, and a rollback undoes nothing."""
    async with connected(empty_url) as ours:
        await ours.execute(read_schema())
        request = a_request(await a_clinic(ours))
        engine = create_async_engine(empty_url.replace("postgresql://", "postgresql+asyncpg://"))
        async with engine.connect() as conn:
            driver: Any = (await conn.get_raw_connection()).driver_connection
            assert not driver.is_in_transaction()
            await book(driver, request)
            await conn.rollback()
        await engine.dispose()
        assert await count(ours, "appointments") == 1


WRONG = {
    "await book(pool, request)": "call-overload",
    "await book(conn, request, 3)": "call-overload",
    "request.phone = phone": "misc",
    'BookingRequest(org_id=UUID(), phone="555", scheduled_at=datetime.now())': "arg-type",
}


@pytest.mark.parametrize("lines", [{}, WRONG], ids=["right", "wrong"])
def test_its_types_are_checked(tmp_path: Path, lines: Mapping[str, str]) -> None:
    """mypy --strict checks a program that uses the library: it finds each wrong line, and no
    other."""
    program = tmp_path / "program.py"
    program.write_text(TYPED.format(wrong="\n        ".join(lines)))
    command = [sys.executable, "-m", "mypy", "--strict", "--no-incremental", str(program)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert re.findall(r" error: .*\[([a-z-]+)\]\n", done.stdout) == list(lines.values())
    assert done.returncode == (1 if lines else 0), done.stdout
