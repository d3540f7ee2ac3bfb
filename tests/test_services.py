"""The services of a clinic: listed, replaced and removed, by the library and by commands."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from booking_core import (
    Connection,
    InvalidRequest,
    Organization,
    OrganizationNotFound,
    Service,
    add_resource,
    list_services,
    put_service,
    remove_service,
)
from tests.conftest import count
from tests.support.owners import MONDAY, an_owner, book_at, free_times

SCAN = Service(service="Scan", duration_minutes=60)
NOON = MONDAY + timedelta(hours=12)


async def test_a_service_that_one_of_three_does(conn: Connection, clinic: Organization) -> None:
    """Only that one is offered for it, and all three for anything else."""
    for name in ("Dr. Lee", "Dr. Kim"):
        await add_resource(conn, clinic.id, name)
    scan = Service(service="Scan", duration_minutes=60, resources=("dr lee",))
    stored = await put_service(conn, clinic.id, scan)
    assert stored.resources == ("Dr. Lee",)
    assert await list_services(conn, clinic.id) == [stored]
    assert (await free_times(conn, clinic, service_type="scan"))["12:00"] == ["Dr. Lee"]
    assert (await free_times(conn, clinic))["12:00"] == ["Dr. Kim", "Dr. Lee", "main"]
    booked = await book_at(conn, clinic, NOON, service_type="SCAN")
    assert (booked.resource, booked.service_type, booked.duration_minutes) == (
        "Dr. Lee",
        "Scan",
        60,
    )


async def test_a_service_is_replaced_as_a_whole(conn: Connection, clinic: Organization) -> None:
    """By the same name in another spelling, which is its name from then on."""
    await add_resource(conn, clinic.id, "Dr. Lee")
    await put_service(
        conn,
        clinic.id,
        Service(
            service="Root canal",
            duration_minutes=90,
            buffer_before_minutes=5,
            buffer_after_minutes=10,
            slot_minutes=30,
            notice_minutes=60,
            resources=("main", "Dr. Lee"),
        ),
    )
    again = Service(service="ROOT CANAL", duration_minutes=60, resources=("main",))
    await put_service(conn, clinic.id, again)
    assert await list_services(conn, clinic.id) == [again]
    everybody = Service(service="root canal", duration_minutes=60)
    await put_service(conn, clinic.id, everybody)
    assert await list_services(conn, clinic.id) == [everybody]


async def test_buffers_are_kept_free(conn: Connection, clinic: Organization) -> None:
    """And the starts that are offered are as far apart as the service says."""
    service = Service(
        service="Scan",
        duration_minutes=60,
        buffer_before_minutes=30,
        buffer_after_minutes=45,
        slot_minutes=60,
    )
    await put_service(conn, clinic.id, service)
    await book_at(conn, clinic, NOON, service_type="Scan")
    free = await free_times(conn, clinic)
    assert [time for time in free if "10:45" <= time <= "14:00"] == [
        "10:45",
        "11:00",
        "13:45",
        "14:00",
    ]
    assert {time[3:] for time in await free_times(conn, clinic, service_type="scan")} == {"00"}


async def test_a_removed_service_is_any_text(conn: Connection, clinic: Organization) -> None:
    """Of the length that a caller asks for; its appointments stay."""
    await put_service(conn, clinic.id, SCAN)
    await book_at(conn, clinic, NOON, service_type="Scan")
    assert await remove_service(conn, clinic.id, "  SCAN ") == "Scan"
    assert await list_services(conn, clinic.id) == []
    assert await count(conn, "appointments") == 1
    booked = await book_at(conn, clinic, MONDAY, service_type="scan", duration_minutes=20)
    assert (booked.service_type, booked.duration_minutes) == ("scan", 20)


async def test_what_is_unknown_is_named_with_choices(
    conn: Connection, clinic: Organization
) -> None:
    """And nothing is written."""
    await put_service(conn, clinic.id, SCAN)
    with pytest.raises(InvalidRequest, match="No service of this name") as refused:
        await remove_service(conn, clinic.id, "Skan")
    assert refused.value.choices == ("Scan",)
    wrong = Service(service="X-ray", duration_minutes=30, resources=("main", "Dr. Who"))
    with pytest.raises(InvalidRequest) as refused:
        await put_service(conn, clinic.id, wrong)
    assert (refused.value.field, refused.value.choices) == ("resources", ("main",))
    assert await list_services(conn, clinic.id) == [SCAN]


@pytest.mark.parametrize(
    "wrong",
    [
        {"service": ""},
        {"service": " Scan"},
        {"service": None},
        {"duration_minutes": 4},
        {"duration_minutes": 481},
        {"duration_minutes": 30.0},
        {"duration_minutes": True},
        {"buffer_before_minutes": -1},
        {"buffer_after_minutes": 481},
        {"slot_minutes": 0},
        {"notice_minutes": 525_601},
        {"resources": "main"},
        {"resources": ["main"]},
        {"resources": ("",)},
    ],
    ids=str,
)
def test_a_service_that_is_none(wrong: dict[str, Any]) -> None:
    """It is refused where it is made, and the field is named."""
    with pytest.raises(InvalidRequest) as refused:
        Service(**{"service": "Scan", "duration_minutes": 30, **wrong})
    assert [refused.value.field] == list(wrong)


async def test_what_is_parsed_the_schema_accepts(conn: Connection, clinic: Organization) -> None:
    """At both ends of each range."""
    for extreme in (
        Service(service="a", duration_minutes=5, slot_minutes=5),
        Service(
            service="a" * 254,
            duration_minutes=480,
            buffer_before_minutes=480,
            buffer_after_minutes=480,
            slot_minutes=480,
            notice_minutes=525_600,
        ),
    ):
        assert await put_service(conn, clinic.id, extreme) == extreme


async def test_services_of_no_organization(conn: Connection) -> None:
    for asked in (
        list_services(conn, uuid4()),
        put_service(conn, uuid4(), SCAN),
        remove_service(conn, uuid4(), "Scan"),
    ):
        with pytest.raises(OrganizationNotFound):
            await asked
    with pytest.raises(InvalidRequest, match="service: It must be a Service"):
        await put_service(conn, uuid4(), "Scan")  # type: ignore[arg-type]  # without types


async def test_the_command_service(url: str) -> None:
    """Adds, replaces, lists and removes."""
    async with an_owner(url) as owner:
        said = owner.does("service", "add", "Cleaning", "--minutes", "45", "--after", "15")
        assert said == "Cleaning: 45 minutes, done by everybody\n"
        words = ("--before", "10", "--every", "30", "--notice", "60", "--resource", "dr lee")
        said = owner.does("service", "add", "Root Canal", "--minutes", "90", *words)
        assert said == "Root Canal: 90 minutes, done by Dr. Lee\n"
        assert owner.does("service", "list").splitlines() == [
            "service     minutes  before  after  every  notice  done by",
            "Cleaning    45       0       15     15     0       everybody",
            "Root Canal  90       10      0      30     60      Dr. Lee",
        ]
        assert json.loads(owner.does("service", "list", "--json"))[1] == {
            "service": "Root Canal",
            "duration_minutes": 90,
            "buffer_before_minutes": 10,
            "buffer_after_minutes": 0,
            "slot_minutes": 30,
            "notice_minutes": 60,
            "resources": ["Dr. Lee"],
        }
        assert owner.does("service", "remove", "root canal") == (
            "Root Canal is not listed any more\n"
        )
        assert "there are Cleaning" in owner.may_not("service", "remove", "root canal")
        assert "5 to 480" in owner.may_not("service", "add", "X", "--minutes", "1")
