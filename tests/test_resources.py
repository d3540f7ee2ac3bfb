"""Whom and what a clinic can book: added, renamed and retired, by the library and by commands."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from booking_core import (
    Booked,
    Connection,
    InvalidRequest,
    Organization,
    OrganizationNotFound,
    Resource,
    Service,
    add_closure,
    add_resource,
    list_closures,
    list_hours,
    list_resources,
    list_services,
    parse_hours,
    preflight,
    put_service,
    rename_resource,
    retire_resource,
    set_hours,
)
from tests.conftest import count
from tests.support.commands import complaint, run
from tests.support.factories import a_caller
from tests.support.owners import MONDAY, an_owner, book_at, free_times

NOON = MONDAY + timedelta(hours=12)


async def test_a_resource_that_is_added_is_booked(conn: Connection, clinic: Organization) -> None:
    """From then on, at any time: it has no hours yet."""
    added = await add_resource(conn, clinic.id, "  Dr.  Lee ")
    assert added == Resource(resource="Dr. Lee", active=True)
    assert (await free_times(conn, clinic))["03:15"] == ["Dr. Lee", "main"]


@pytest.mark.parametrize("spelling", ["Dr. Lee", "DR. LEE", "dr.\u00a0lee"])
async def test_a_resource_is_added_once(
    conn: Connection, clinic: Organization, spelling: str
) -> None:
    """Under the name that it has, however it is spelled the second time."""
    await add_resource(conn, clinic.id, "Dr. Lee")
    assert (await add_resource(conn, clinic.id, spelling)).resource == "Dr. Lee"
    assert await count(conn, "resources") == 2


async def test_a_resource_that_is_renamed_keeps_all_that_it_has(
    conn: Connection, clinic: Organization
) -> None:
    """Its appointments, hours, closures and services follow the name."""
    booked = await book_at(conn, clinic, NOON)
    await set_hours(conn, clinic.id, "main", parse_hours("mon 9-17"))
    await add_closure(conn, clinic.id, starts=NOON, ends=NOON + timedelta(hours=1), resource="main")
    await put_service(
        conn, clinic.id, Service(service="Scan", duration_minutes=30, resources=("main",))
    )
    renamed = await rename_resource(conn, clinic.id, "MAIN", "Chair 1")
    assert renamed == Resource(resource="Chair 1", active=True)
    [stored] = await conn.fetch("select id, resource from appointments")
    assert tuple(stored) == (booked.appointment_id, "Chair 1")
    assert [*await list_hours(conn, clinic.id)] == ["Chair 1"]
    assert [each.resource for each in await list_closures(conn, clinic.id)] == ["Chair 1"]
    assert [each.resources for each in await list_services(conn, clinic.id)] == [("Chair 1",)]
    assert "main" not in [each.resource for each in await list_resources(conn, clinic.id)]


async def test_a_name_that_another_one_has_is_refused(
    conn: Connection, clinic: Organization
) -> None:
    """In any spelling; another spelling of its own name is none of another one."""
    await add_resource(conn, clinic.id, "Dr. Lee")
    with pytest.raises(InvalidRequest, match="name: There is another"):
        await rename_resource(conn, clinic.id, "main", "DR. LEE")
    assert (await rename_resource(conn, clinic.id, "dr lee", "DR. LEE")).resource == "DR. LEE"


async def test_a_retired_resource_is_not_booked(conn: Connection, clinic: Organization) -> None:
    """Nor is it offered; its appointments stay, and added again it is as it was."""
    await add_resource(conn, clinic.id, "Dr. Lee")
    await book_at(conn, clinic, NOON, resource="Dr. Lee")
    retired = await retire_resource(conn, clinic.id, "dr lee")
    assert retired == Resource(resource="Dr. Lee", active=False)
    assert {name for names in (await free_times(conn, clinic)).values() for name in names} == {
        "main"
    }
    with pytest.raises(InvalidRequest) as refused:
        await book_at(conn, clinic, MONDAY, resource="Dr. Lee", phone=a_caller(1))
    assert refused.value.choices == ("main",)
    assert await count(conn, "appointments") == 1
    await add_resource(conn, clinic.id, "Dr. Lee")
    assert isinstance(await book_at(conn, clinic, MONDAY, resource="Dr. Lee"), Booked)


async def test_the_last_resource_is_not_retired(conn: Connection, clinic: Organization) -> None:
    """Each call would fail; one that is retired already is none that is left."""
    await add_resource(conn, clinic.id, "Dr. Lee")
    await retire_resource(conn, clinic.id, "Dr. Lee")
    with pytest.raises(InvalidRequest, match="add another one first"):
        await retire_resource(conn, clinic.id, "main")
    assert [each.active for each in await list_resources(conn, clinic.id)] == [False, True]


async def test_a_clinic_whose_resources_are_all_retired_is_found(
    conn: Connection, clinic: Organization
) -> None:
    """By `check`, and its mend lets one be booked."""
    await conn.execute("update resources set active = false")
    [finding] = [each for each in await preflight(conn) if each.what == "resources"]
    assert finding.mend is not None
    await conn.execute(finding.mend)
    assert [each.active for each in await list_resources(conn, clinic.id)] == [True]


async def test_an_unknown_resource_is_named_with_choices(
    conn: Connection, clinic: Organization
) -> None:
    """All of them, for the owner reads them; and the retired ones, which can be renamed too."""
    names = [f"Dr. {letter}" for letter in "ABCDE"]
    for name in names:
        await add_resource(conn, clinic.id, name)
    await retire_resource(conn, clinic.id, "Dr. A")
    for change in (
        retire_resource(conn, clinic.id, "X"),
        rename_resource(conn, clinic.id, "X", "Y"),
    ):
        with pytest.raises(InvalidRequest) as refused:
            await change
        assert (refused.value.field, refused.value.choices) == ("resource", (*names, "main"))


@pytest.mark.parametrize("name", ["", " ", "a\x00", "a" * 255, 7, None])
async def test_a_name_that_is_none(conn: Connection, clinic: Organization, name: Any) -> None:
    with pytest.raises(InvalidRequest, match="resource: "):
        await add_resource(conn, clinic.id, name)
    with pytest.raises(InvalidRequest, match="name: "):
        await rename_resource(conn, clinic.id, "main", name)
    assert await count(conn, "resources") == 1


async def test_resources_of_no_organization(conn: Connection) -> None:
    with pytest.raises(OrganizationNotFound):
        await list_resources(conn, uuid4())
    with pytest.raises(OrganizationNotFound):
        await add_resource(conn, uuid4(), "Dr. Lee")
    with pytest.raises(InvalidRequest, match="org_id: It must be a UUID"):
        await list_resources(conn, "1")  # type: ignore[arg-type]  # what a caller without types gives


async def test_the_command_resource(url: str) -> None:
    """Adds, renames, retires and lists; and says what a change leaves."""
    async with an_owner(url) as owner:
        assert owner.does("resource", "add", "Dr. Ray") == "Dr. Ray can be booked\n"
        owner.does("service", "add", "Scan", "--minutes", "30", "--resource", "Dr. Ray")
        booked = await book_at(owner.conn, owner.clinic, NOON, resource="Dr. Ray")
        said = owner.does("resource", "rename", "Dr. Ray", "Dr. Roy")
        assert said == "Dr. Ray is called Dr. Roy now\n"
        assert owner.does("resource", "retire", "dr roy") == (
            "Dr. Roy is retired\n"
            "Nobody is left who does Scan: see `service add`\n"
            "\n"
            "These appointments are outside of the hours now:\n"
            f"  {booked.appointment_id}  Mon 2030-07-01 12:00  Dr. Roy\n"
        )
        assert owner.does("resource", "list").splitlines() == [
            "resource  state",
            "Dr. Kim   active",
            "Dr. Lee   active",
            "Dr. Roy   retired",
        ]
        [*_, listed] = json.loads(owner.does("resource", "list", "--json"))
        assert listed == {"resource": "Dr. Roy", "active": False}
        refused = owner.may_not("resource", "retire", "Dr. Who")
        assert refused.endswith("; there are Dr. Kim, Dr. Lee, Dr. Roy\n")


async def test_the_organization_is_said_where_there_are_several(url: str) -> None:
    """It may be left out where there is one. Else the message names them."""
    async with an_owner(url) as owner:
        unknown = str(uuid4())
        assert unknown in owner.may_not("resource", "list", "--org", unknown)
        await owner.conn.execute(
            "insert into organizations (name, timezone, phone_region) values ('Other', 'UTC', 'US')"
        )
        done = run("resource", "list", database_url=url)
        assert done.returncode == 1
        assert "--org" in complaint(done)
        assert f"  {owner.clinic.id}  Clinic\n" in complaint(done)
        assert "Dr. Lee" in owner.does("resource", "list", "--org", str(owner.clinic.id))


async def test_a_database_without_an_organization_is_one_clear_line(url: str) -> None:
    async with an_owner(url) as owner:
        await owner.conn.execute("delete from resources; delete from organizations")
        assert "booking-asgi org add" in owner.may_not("hours", "show")
