"""The seven mistakes of a library user: each error says what is wrong, and what to do."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from booking_core import (
    Connection,
    InvalidRequest,
    Organization,
    OrganizationNotFound,
    add_organization,
    adopt,
    book,
    list_organizations,
    parse_email,
)
from tests.conftest import connected, count
from tests.support.factories import a_clinic, a_request

SOON = datetime(2030, 12, 2, 14, tzinfo=UTC)
AWARE = "Give it one, as in datetime(2030, 12, 2, 14, tzinfo=organization.zone)"
AROUND = (
    "A transaction around it must be begun by conn.transaction(), not by a BEGIN, and without a"
    " phone it must be READ COMMITTED"
)
BY_EMAIL = {"phone": None, "email": parse_email("sam@test.com")}
PSYCOPG = type("AsyncConnection", (), {"__module__": "psycopg"})
SQLALCHEMY = type("AsyncConnection", (), {"__module__": "sqlalchemy.ext.asyncio.engine"})


def whole(raised: pytest.ExceptionInfo[Exception]) -> str:
    return str(raised.value)


@pytest.mark.parametrize(
    ("kind", "remedy"),
    [
        (PSYCOPG, "await asyncpg.connect(...) makes one"),
        (
            SQLALCHEMY,
            "(await connection.get_raw_connection()).driver_connection is one, with asyncpg",
        ),
    ],
    ids=["psycopg", "sqlalchemy"],
)
async def test_1_a_connection_of_another_driver(
    clinic: Organization, kind: type[Any], remedy: str
) -> None:
    """The error says where a connection of asyncpg comes from."""
    with pytest.raises(TypeError) as raised:
        await book(kind(), a_request(clinic))
    expected = f"conn must be an asyncpg connection, not AsyncConnection: {remedy}"
    assert whole(raised) == expected


async def test_1_a_pool(clinic: Organization, shared_url: str) -> None:
    """The error says how to take a connection out of the pool."""
    async with asyncpg.create_pool(shared_url, min_size=0, max_size=1) as pool:
        wrong: Any = pool
        with pytest.raises(TypeError) as raised:
            await book(wrong, a_request(clinic))
    expected = "conn must be an asyncpg connection, not Pool: async with pool.acquire() as conn"
    assert whole(raised) == expected


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (
            {"org_id": str(UUID(int=1))},
            "INVALID_ARGUMENTS: org_id: It must be a UUID, not str: uuid.UUID(...) makes one",
        ),
        (
            {"phone": "(555) 123-4567"},
            "INVALID_PHONE: phone: It is not in E.164:"
            " parse_phone(phone, organization.phone_region) makes it so",
        ),
        (
            {"phone": "+2101234567"},  # no country has this code
            "INVALID_PHONE: phone: It is not in E.164:"
            " parse_phone(phone, organization.phone_region) makes it so",
        ),
        (
            {"email": "Sam@Test.com "},
            "INVALID_EMAIL: email: It is not normalized: parse_email(email) makes it so",
        ),
        (
            {"scheduled_at": "2030-12-02T14:00"},
            f"INVALID_DATE_TIME: scheduled_at: It must be a datetime, not str. {AWARE}",
        ),
        (
            {"duration_minutes": "30"},
            "INVALID_ARGUMENTS: duration_minutes: It must be an int, in minutes, not str",
        ),
        (
            {"duration_minutes": 3},
            "INVALID_ARGUMENTS: duration_minutes: It must be 5 to 480 minutes",
        ),
        (
            {"by_own_number": 1},
            "INVALID_ARGUMENTS: by_own_number: It must be a bool, not int",
        ),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_2_a_wrong_type(wrong: dict[str, Any], message: str) -> None:
    """The error names the field, the type that was given, and what makes the right one. It repeats
    no phone and no email."""
    clinic = Organization(id=UUID(int=1), timezone="UTC", phone_region="US")
    right = a_request(clinic)
    given = {"org_id": right.org_id, "phone": right.phone, "scheduled_at": right.scheduled_at}
    with pytest.raises(InvalidRequest) as raised:
        type(right)(**{**given, **wrong})
    assert whole(raised) == message


def test_3_a_naive_time() -> None:
    """The error shows where the zone comes from."""
    clinic = Organization(id=UUID(int=1), timezone="UTC", phone_region="US")
    with pytest.raises(InvalidRequest) as raised:
        a_request(clinic, scheduled_at=datetime(2030, 12, 2, 14))
    assert whole(raised) == f"INVALID_DATE_TIME: scheduled_at: It has no time zone. {AWARE}"


async def test_4_a_missing_organization(conn: Connection) -> None:
    """The error names the id, and the function that lists those that there are."""
    nobody = Organization(id=UUID(int=7), timezone="UTC", phone_region="US")
    with pytest.raises(OrganizationNotFound) as raised:
        await book(conn, a_request(nobody))
    assert whole(raised) == (
        f"there is no organization of the id {nobody.id}:"
        " list_organizations(conn) has those that there are"
    )
    assert await list_organizations(conn) == []


async def test_5_repeatable_read_with_an_email(url: str) -> None:
    """The error says which level there must be; nothing is written, and the transaction stays
    usable."""
    async with connected(url) as conn:
        clinic = await a_clinic(conn)
        async with conn.transaction(isolation="repeatable_read"):
            with pytest.raises(asyncpg.InterfaceError) as raised:
                await book(conn, a_request(clinic, **BY_EMAIL))
            assert await count(conn, "contacts") == 0
    assert whole(raised) == (
        "nested transaction has a different isolation level: current 'read_committed' !="
        f" outer 'repeatable_read'. {AROUND}"
    )


@pytest.mark.parametrize("person", [{}, BY_EMAIL], ids=["phone", "email"])
async def test_6_a_begin_by_hand(url: str, person: dict[str, Any]) -> None:
    """The error says how to begin instead; nothing is written."""
    async with connected(url) as conn:
        clinic = await a_clinic(conn)
        await conn.execute("begin")
        with pytest.raises(asyncpg.InterfaceError) as raised:
            await book(conn, a_request(clinic, scheduled_at=SOON, **person))
        await conn.execute("commit")
        assert await count(conn, "contacts") == 0
    expected = "cannot use Connection.transaction() in a manually started transaction"
    assert whole(raised) == f"{expected}. {AROUND}"


async def test_7_a_text_for_a_list(conn: Connection) -> None:
    """The error shows a list: a text would be a resource for each of its letters."""
    wrong: Any = "Dr. Lee"
    with pytest.raises(InvalidRequest) as raised:
        await add_organization(
            conn, name="Clinic", timezone="UTC", phone_region="US", resources=wrong
        )
    message = "It must be a list of names, such as ['Dr. Lee', 'Dr. Kim']"
    assert whole(raised) == f"INVALID_ARGUMENTS: resources: {message}"
    with pytest.raises(InvalidRequest) as raised:
        await adopt(conn, resources=wrong)
    assert whole(raised) == f"INVALID_ARGUMENTS: resources: {message}"
