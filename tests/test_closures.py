"""Closures, extra openings and holidays: read, added once, listed, removed, and obeyed."""

from __future__ import annotations

import json
import re
import sys
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from booking_core import (
    Closure,
    Connection,
    InvalidRequest,
    Organization,
    OrganizationNotFound,
    add_closure,
    import_holidays,
    list_closures,
    parse_hours,
    remove_closure,
    set_hours,
)
from booking_core.periods import FORM, format_period, parse_period
from booking_core.public_holidays import holidays_of
from tests.conftest import count
from tests.support.factories import a_clinic
from tests.support.owners import MONDAY, SUNDAY, an_owner, book_at, free_times, openness

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
NOON = MONDAY + 12 * HOUR
CHRISTMAS = datetime(2027, 12, 25)

READ = [
    ("2027-07-05", "2027-07-05"),
    ("July 5, 2027", "2027-07-05"),
    ("2027-07-05 12:00-13:00", "2027-07-05 12:00-13:00"),
    ("2027-07-05 9am to 5 pm", "2027-07-05 09:00-17:00"),
    ("2027-07-05 22:00\u201306:00", "2027-07-05 22:00-06:00"),
    ("2027-07-05 18:00-24:00", "2027-07-05 18:00-24:00"),
    ("2027-07-05 00:00-24:00", "2027-07-05"),
    ("2027-08-01..2027-08-14", "2027-08-01..2027-08-14"),
    ("2027-08-01 .. 2027-08-01", "2027-08-01"),
]


@pytest.mark.parametrize(("words", "meant"), READ)
def test_a_period_is_read_as_a_person_writes_it(words: str, meant: str) -> None:
    assert format_period(*parse_period(words)) == meant


@pytest.mark.parametrize(
    "words",
    [
        "",
        "monday",
        "2027-13-05",
        "01/05/2027",
        "2027-07-05 12:00",
        "2027-08-14..2027-08-01",
        "2027-08-01..",
        "a" * 1001,
    ],
)
def test_what_is_no_period_is_shown_the_form(words: str) -> None:
    """And so is what has more than one reading."""
    with pytest.raises(InvalidRequest, match=re.escape(FORM)):
        parse_period(words)


def test_hours_of_a_period_need_their_half_of_the_day() -> None:
    with pytest.raises(InvalidRequest, match="'9-5' could be morning or afternoon"):
        parse_period("2027-07-05 9-5")


@given(
    st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1)).map(
        lambda moment: moment.replace(second=0, microsecond=0)
    ),
    st.timedeltas(timedelta(minutes=1), DAY),
)
def test_what_is_written_is_read_as_it_was(starts: datetime, length: timedelta) -> None:
    """Any hours of a day or a night."""
    ends = starts + timedelta(minutes=max(1, length // timedelta(minutes=1)))
    assert parse_period(format_period(starts, ends)) == (starts, ends)


def test_a_long_period_is_written_with_its_times() -> None:
    """Where it neither starts nor ends at midnight: the library lets it in."""
    assert format_period(NOON, NOON + 3 * DAY) == "2030-07-01 12:00..2030-07-04 12:00"


async def test_a_closure_is_obeyed(conn: Connection, clinic: Organization) -> None:
    """And removed, it is as if it had never been."""
    closure = await add_closure(conn, clinic.id, starts=NOON, ends=NOON + HOUR, note=" Training ")
    assert closure == Closure(
        id=closure.id, resource=None, starts=NOON, ends=NOON + HOUR, opens=False, note="Training"
    )
    assert await list_closures(conn, clinic.id) == [closure]
    free = await free_times(conn, clinic)
    assert [time for time in free if "11:15" < time < "13:15"] == ["11:30", "13:00"]
    assert await remove_closure(conn, clinic.id, closure.id)
    assert not await remove_closure(conn, clinic.id, closure.id)
    assert "12:00" in await free_times(conn, clinic)


async def test_a_closure_of_one_resource(conn: Connection) -> None:
    """The other one is booked meanwhile."""
    clinic = await a_clinic(conn, resources=("Dr. Lee", "Dr. Kim"))
    closure = await add_closure(
        conn, clinic.id, starts=MONDAY, ends=MONDAY + DAY, resource="dr lee"
    )
    assert closure.resource == "Dr. Lee"
    assert (await free_times(conn, clinic))["12:00"] == ["Dr. Kim"]


async def test_an_extra_opening_holds_in_spite_of_all(
    conn: Connection, clinic: Organization
) -> None:
    """Of the hours of the week, and of a closure on that day."""
    await set_hours(conn, clinic.id, None, parse_hours("mon 09:00-17:00"))
    await add_closure(conn, clinic.id, starts=SUNDAY, ends=SUNDAY + DAY)
    await add_closure(
        conn, clinic.id, starts=SUNDAY + 10 * HOUR, ends=SUNDAY + 12 * HOUR, opens=True
    )
    assert await openness(conn, clinic, SUNDAY) == "10:00 to 11:30"


async def test_a_closure_is_added_once(conn: Connection, clinic: Organization) -> None:
    """With whatever note; another resource, or an opening, is another one."""
    during: dict[str, Any] = {"starts": CHRISTMAS, "ends": CHRISTMAS + DAY}
    first = await add_closure(conn, clinic.id, note="Christmas", **during)
    assert await add_closure(conn, clinic.id, note="Holiday", **during) == first
    await add_closure(conn, clinic.id, resource="main", **during)
    await add_closure(conn, clinic.id, opens=True, **during)
    assert await count(conn, "exceptions") == 3


async def test_what_is_over_is_not_listed(conn: Connection, clinic: Organization) -> None:
    """The others are, the soonest first."""
    for starts in (MONDAY, datetime(2020, 1, 1), CHRISTMAS):
        await add_closure(conn, clinic.id, starts=starts, ends=starts + DAY)
    assert [each.starts for each in await list_closures(conn, clinic.id)] == [CHRISTMAS, MONDAY]


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"starts": date(2027, 7, 5)}, "starts"),
        ({"starts": None}, "starts"),
        ({"starts": datetime(2027, 7, 5, tzinfo=UTC)}, "starts"),
        ({"ends": datetime(2027, 7, 6, 0, 0, 1)}, "ends"),
        ({"ends": datetime(3000, 7, 6)}, "ends"),
        ({"ends": datetime(2027, 7, 5)}, "ends"),
        ({"ends": datetime(2027, 7, 4)}, "ends"),
        ({"opens": 1}, "opens"),
        ({"note": "a\x00"}, "note"),
        ({"note": None}, "note"),
        ({"resource": ""}, "resource"),
        ({"resource": "Dr. Who"}, "resource"),
    ],
    ids=str,
)
async def test_a_closure_that_is_none(
    conn: Connection, clinic: Organization, wrong: dict[str, Any], field: str
) -> None:
    """The field is named, and nothing is written."""
    given: dict[str, Any] = {"starts": datetime(2027, 7, 5), "ends": datetime(2027, 7, 6), **wrong}
    with pytest.raises(InvalidRequest) as refused:
        await add_closure(conn, clinic.id, **given)
    assert refused.value.field == field
    assert await count(conn, "exceptions") == 0


async def test_holidays_are_imported_once(conn: Connection, clinic: Organization) -> None:
    """A second import adds nothing, and neither touches what was set by hand."""
    byhand = await add_closure(
        conn, clinic.id, starts=CHRISTMAS, ends=CHRISTMAS + DAY, note="Home for Christmas"
    )
    half = await add_closure(conn, clinic.id, starts=CHRISTMAS - 12 * HOUR, ends=CHRISTMAS)
    asked: dict[str, Any] = {"country": "us", "subdivision": "ny", "years": [2027]}
    added = await import_holidays(conn, clinic.id, **asked)
    days = {each.starts.date(): each.note for each in added}
    assert days[date(2027, 7, 5)] == "Independence Day (observed)"
    assert days[date(2027, 2, 12)] == "Lincoln's Birthday"  # New York's own
    assert {each.ends - each.starts for each in added} == {DAY}
    assert date(2027, 12, 25) not in days
    assert await import_holidays(conn, clinic.id, **asked) == []
    listed = await list_closures(conn, clinic.id)
    assert len(listed) == len(added) + 2
    assert byhand in listed and half in listed
    assert await openness(conn, clinic, datetime(2027, 7, 5)) == "closed"


async def test_holidays_of_one_resource_and_several_years(conn: Connection) -> None:
    clinic = await a_clinic(conn, resources=("Dr. Lee", "Dr. Kim"))
    added = await import_holidays(
        conn, clinic.id, country="DE", years=(2027, 2028), resource="Dr. Lee"
    )
    assert {each.starts.year for each in added} == {2027, 2028}
    assert {each.resource for each in added} == {"Dr. Lee"}
    assert (await free_times(conn, clinic, CHRISTMAS))["12:00"] == ["Dr. Kim"]


@pytest.mark.parametrize(
    ("wrong", "field", "choice"),
    [
        ({"country": "XX"}, "country", "US"),
        ({"country": ""}, "country", None),
        ({"subdivision": "XX"}, "subdivision", "NY"),
        ({"years": []}, "years", None),
        ({"years": 2027}, "years", None),
        ({"years": "2027"}, "years", None),
        ({"years": [27]}, "years", None),
        ({"resource": "Dr. Who"}, "resource", "main"),
    ],
    ids=str,
)
async def test_holidays_that_are_not_known(
    conn: Connection, clinic: Organization, wrong: dict[str, Any], field: str, choice: str | None
) -> None:
    """The field is named, with all that could be meant."""
    with pytest.raises(InvalidRequest) as refused:
        await import_holidays(conn, clinic.id, **{"country": "US", "years": [2027], **wrong})
    assert refused.value.field == field
    assert choice is None or choice in refused.value.choices
    assert await count(conn, "exceptions") == 0


def test_each_country_can_be_imported() -> None:
    """Each name of a holiday is a note that can be stored."""
    import holidays

    for country in holidays.list_supported_countries():
        assert isinstance(holidays_of(country, None, [2027]), list)


async def test_the_library_does_without_the_package(
    conn: Connection, clinic: Organization, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only an import of holidays needs it, and says what to install."""
    monkeypatch.setitem(sys.modules, "holidays", None)
    with pytest.raises(ImportError, match=r"install vapi-booking\[holidays\]"):
        await import_holidays(conn, clinic.id, country="US", years=[2027])


async def test_closures_of_no_organization(conn: Connection) -> None:
    for asked in (
        add_closure(conn, uuid4(), starts=NOON, ends=NOON + HOUR),
        list_closures(conn, uuid4()),
        import_holidays(conn, uuid4(), country="US", years=[2027]),
    ):
        with pytest.raises(OrganizationNotFound):
            await asked
    assert not await remove_closure(conn, uuid4(), uuid4())


async def test_a_closure_of_another_clinic_stays(conn: Connection, clinic: Organization) -> None:
    """Its id alone removes nothing."""
    closure = await add_closure(conn, clinic.id, starts=NOON, ends=NOON + HOUR)
    assert not await remove_closure(conn, (await a_clinic(conn)).id, closure.id)
    assert await list_closures(conn, clinic.id) == [closure]


async def test_the_command_closure(url: str) -> None:
    """Adds, lists and removes; and says what a closure leaves outside."""
    async with an_owner(url) as owner:
        booked = await book_at(owner.conn, owner.clinic, NOON, resource="Dr. Lee")
        words = ("--resource", "dr lee", "--note", "Training")
        said = owner.does("closure", "add", "2030-07-01", "12:00-13:00", *words)
        [closure] = await list_closures(owner.conn, owner.clinic.id)
        assert said == (
            "when                    state   resource  id                                    note\n"
            f"2030-07-01 12:00-13:00  closed  Dr. Lee   {closure.id}  Training\n"
            "\n"
            "These appointments are outside of the hours now:\n"
            f"  {booked.appointment_id}  Mon 2030-07-01 12:00  Dr. Lee\n"
        )
        owner.does("closure", "add", "2030-08-01..2030-08-14")
        owner.does("closure", "add", "2030-12-22 9am-1pm", "--opens")
        listed = owner.does("closure", "list").splitlines()
        assert [re.split("  +", line)[:3] for line in listed[1:]] == [
            ["2030-07-01 12:00-13:00", "closed", "Dr. Lee"],
            ["2030-08-01..2030-08-14", "closed", "all"],
            ["2030-12-22 09:00-13:00", "open", "all"],
        ]
        assert json.loads(owner.does("closure", "list", "--json"))[0] == {
            "id": str(closure.id),
            "resource": "Dr. Lee",
            "starts": "2030-07-01T12:00:00",
            "ends": "2030-07-01T13:00:00",
            "opens": False,
            "note": "Training",
        }
        assert owner.does("closure", "remove", str(closure.id)) == "It is removed\n"
        assert str(closure.id) in owner.may_not("closure", "remove", str(closure.id))
        assert FORM in owner.may_not("closure", "add", "someday")


async def test_the_command_holidays(url: str) -> None:
    """Imports the years that are named, and says what was added."""
    async with an_owner(url) as owner:
        words = ("holidays", "import", "--country", "US", "--subdivision", "NY")
        said = owner.does(*words, "--year", "2027", "--year", "2028")
        assert re.search(r"^2027-12-25 +closed +all +[0-9a-f-]{36}  Christmas Day$", said, re.M)
        assert re.search(r"^\d\d holidays were added$", said, re.M)
        assert owner.does(*words, "--year", "2027") == "0 holidays were added\n"
        refused = owner.may_not("holidays", "import", "--country", "XX", "--year", "2027")
        assert "country: No holidays are known for it; there are AD, " in refused
