"""Setting a tenant up: what is refused, and that nothing of it is written then."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest

from booking_core import (
    Connection,
    InvalidRequest,
    Organization,
    OrganizationNotFound,
    OrganizationNotReady,
    add_organization,
    add_token,
    adopt,
    book,
    count_future_appointments,
    find_organization,
    find_organization_by_token,
    list_organizations,
    list_tokens,
    revoke_token,
)
from tests.conftest import count
from tests.support.factories import a_caller, a_clinic, a_request


@pytest.mark.parametrize(
    "wrong",
    [{"timezone": "Mars/Base"}, {"timezone": ""}, {"phone_region": "XX"}, {"resources": ()}],
)
async def test_an_organization_that_cant_book_is_refused(
    conn: Connection, wrong: dict[str, str]
) -> None:
    given = {"name": "Clinic", "timezone": "UTC", "phone_region": "US", **wrong}
    with pytest.raises(InvalidRequest) as raised:
        await add_organization(conn, **given)  # type: ignore[arg-type]  # from the table
    assert [raised.value.field] == list(wrong)
    assert await count(conn, "organizations") == 0


async def test_an_organization_is_added_once(conn: Connection, clinic: Organization) -> None:
    """A second one of its id adds no chair to it, and nobody takes its zone for another."""
    with pytest.raises(InvalidRequest, match=r"org_id: .* already"):
        await add_organization(
            conn, org_id=clinic.id, name="x", timezone="UTC", phone_region="GB", resources=["x"]
        )
    assert await count(conn, "resources") == 1


async def test_a_token_is_of_one_organization(conn: Connection, clinic: Organization) -> None:
    """Another can't have it too, nor does a revoked one come back."""
    await add_token(conn, clinic.id, token="t")
    other = await a_clinic(conn)
    with pytest.raises(InvalidRequest, match=r"token: .* known already"):
        await add_token(conn, other.id, token="t")
    assert await find_organization_by_token(conn, "t") == clinic
    [token] = await list_tokens(conn, clinic.id)
    assert await revoke_token(conn, clinic.id, token.id)
    with pytest.raises(InvalidRequest, match=r"token: .* known already"):
        await add_token(conn, clinic.id, token="t")
    assert await find_organization_by_token(conn, "t") is None


async def test_a_token_of_no_organization_is_refused(conn: Connection) -> None:
    with pytest.raises(OrganizationNotFound, match="no organization"):
        await add_token(conn, uuid4())


async def test_a_token_is_not_stored(conn: Connection, clinic: Organization) -> None:
    """Only its hash: nobody reads it back."""
    token = await add_token(conn, clinic.id)
    stored = await conn.fetchval("select vapi_credentials::text from vapi_credentials")
    assert token not in stored


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"resources": "Dr. Lee"}, "resources"),
        ({"resources": None}, "resources"),
        ({"resources": {"Dr. Lee"}}, "resources"),
        ({"resources": ["Dr. Lee", 7]}, "resources"),
        ({"resources": ["Dr. Lee", ""]}, "resources"),
        ({"resources": ["Dr. Lee\x00"]}, "resources"),
        ({"resources": ["a" * 255]}, "resources"),
        ({"name": ""}, "name"),
        ({"name": None}, "name"),
        ({"name": "Clinic\x00"}, "name"),
    ],
)
async def test_names_that_are_none(conn: Connection, wrong: dict[str, Any], field: str) -> None:
    """A text in place of a list would be a resource a letter."""
    asked = {"name": "Clinic", "timezone": "UTC", "phone_region": "US", **wrong}
    with pytest.raises(InvalidRequest) as refused:
        await add_organization(conn, **asked)
    assert field == refused.value.field
    assert await count(conn, "organizations") == 0


@pytest.mark.parametrize("resources", ["Dr. Lee", ["Dr. Lee\x00"], [" "]])
async def test_names_that_are_none_are_not_adopted(conn: Connection, resources: Any) -> None:
    with pytest.raises(InvalidRequest, match="resources"):
        await adopt(conn, resources=resources)


@pytest.mark.parametrize(
    "wrong", [{"token": "two words"}, {"token": "\u00e9"}, {"token": 7}, {"label": "a\x00"}]
)
async def test_a_token_that_no_header_can_hold(
    conn: Connection, clinic: Organization, wrong: dict[str, Any]
) -> None:
    with pytest.raises(InvalidRequest, match=next(iter(wrong))):
        await add_token(conn, clinic.id, **wrong)


async def test_names_are_stored_without_what_nobody_sees(conn: Connection) -> None:
    """Names are stored without invisible marks, so that they are found again as they are said."""
    await a_clinic(conn, resources=["  Dr.\u00a0 Lee\u200b "])
    assert await conn.fetchval("select resource from resources") == "Dr. Lee"


async def test_an_organization_is_found_by_its_id(conn: Connection, clinic: Organization) -> None:
    """An organization is found as it was added. Another id finds none; one that can't take bookings
    says why."""
    assert await find_organization(conn, clinic.id) == clinic
    assert await find_organization(conn, uuid4()) is None
    await conn.execute("update organizations set timezone = 'Mars/Base'")
    with pytest.raises(OrganizationNotReady, match="time zone"):
        await find_organization(conn, clinic.id)


async def test_the_overview_of_organizations(conn: Connection) -> None:
    """All of them by name, with their resources and the number of their live tokens; one that can't
    take bookings is listed too."""
    clinic = await a_clinic(conn, name="B", resources=["Dr. Lee", "Dr. Kim"])
    await add_token(conn, clinic.id)
    await add_token(conn, clinic.id)
    [token, _] = await list_tokens(conn, clinic.id)
    await revoke_token(conn, clinic.id, token.id)
    broken = await a_clinic(conn, name="A")
    await conn.execute("update organizations set timezone = 'Mars/Base' where name = 'A'")
    await conn.execute("delete from resources where org_id = $1", broken.id)
    first, second = await list_organizations(conn)
    assert (first.id, first.timezone, first.resources) == (broken.id, "Mars/Base", ())
    assert first.live_tokens == 0
    assert (second.name, second.resources, second.live_tokens) == ("B", ("Dr. Kim", "Dr. Lee"), 1)
    assert await list_organizations(conn, org_id=clinic.id) == [second]
    assert await list_organizations(conn, org_id=uuid4()) == []


@pytest.mark.parametrize(
    ("name", "found"),
    [("o\u2019neill  dental", True), ("O'NEILL DENTAL", True), ("O'Neill", False), ("", False)],
)
async def test_an_organization_is_found_by_its_name(
    conn: Connection, name: str, found: bool
) -> None:
    """A name finds the organization in any case, with any spaces and apostrophes."""
    await a_clinic(conn, name="O'Neill Dental")
    assert len(await list_organizations(conn, name=name)) == found


async def test_the_appointments_to_come_are_counted(conn: Connection, clinic: Organization) -> None:
    """Appointments from now on are counted by status; those of the past and of other organizations
    are not."""
    other = await a_clinic(conn)
    for number in range(3):
        at = datetime(2035, 5, 1 + number, 12, tzinfo=UTC)
        await book(conn, a_request(clinic, phone=a_caller(number), scheduled_at=at))
        await book(conn, a_request(other, phone=a_caller(number), scheduled_at=at))
    past = datetime(2020, 5, 1, 12, tzinfo=UTC)
    await book(conn, a_request(clinic, scheduled_at=past))
    await conn.execute(
        "update appointments set status = 'cancelled' where org_id = $1 and scheduled_at = $2",
        *(clinic.id, datetime(2035, 5, 1, 12, tzinfo=UTC)),
    )
    assert await count_future_appointments(conn, clinic.id) == {"cancelled": 1, "confirmed": 2}
    assert await count_future_appointments(conn, uuid4()) == {}
