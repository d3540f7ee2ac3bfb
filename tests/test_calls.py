"""One phone call that asks more than once: for the same person, for another one, for another
time."""

from __future__ import annotations

from datetime import timedelta

import pytest

from booking_core import (
    Booked,
    Connection,
    Email,
    InvalidRequest,
    Organization,
    SlotTaken,
    book,
    resolve_contact,
)
from tests.conftest import Endpoint, connected, count
from tests.support.factories import (
    SOON,
    a_call,
    a_caller,
    a_clinic,
    a_request,
    arguments,
    tool_calls,
)

SAM = Email("sam@test.com")
CALL = {"call_id": "a call", "by_own_number": False}


async def asks(conn: Connection, clinic: Organization, **fields: object) -> Booked:
    outcome = await book(conn, a_request(clinic, **{**CALL, **fields}))
    assert isinstance(outcome, Booked)
    return outcome


@pytest.mark.parametrize("resources", [["a"], ["a", "b", "c"]], ids=["one", "three"])
@pytest.mark.parametrize(
    ("first", "again", "stands"),
    [
        (None, "Nora", "Nora"),
        ("Nora", None, "Nora"),
        ("Nora", "Nora Late", "Nora Late"),
        ("Nora Late", "Nora", "Nora Late"),
        ("O'Neill", "O\u2019NEILL", "O'Neill"),
        ("Anne-Marie", "anne\u2011marie", "Anne-Marie"),
    ],
)
@pytest.mark.parametrize("own", [True, False], ids=["own number", "another"])
async def test_the_same_person_gets_the_same_appointment(
    conn: Connection,
    resources: list[str],
    first: str | None,
    again: str | None,
    stands: str,
    own: bool,
) -> None:
    """The same person gets the same appointment, however many resources are free, and the longer
    name is kept."""
    clinic = await a_clinic(conn, resources=resources)
    one = await asks(conn, clinic, name=first, by_own_number=own)
    other = await asks(conn, clinic, name=again, by_own_number=own)
    assert (one.appointment_id, "call") == (other.appointment_id, other.recognised_by)
    assert not other.created
    assert other.attendee_name == stands
    assert await count(conn, "appointments") == 1


async def test_another_person_gets_a_second_one_where_it_is_free(conn: Connection) -> None:
    """Two children of one parent; then nothing is free, and that is not said to be taken."""
    clinic = await a_clinic(conn, resources=["a", "b"])
    await asks(conn, clinic, name="Ann")
    second = await asks(conn, clinic, name="Ben")
    assert (second.created, second.others_at_this_start) == (True, 1)
    third = await book(conn, a_request(clinic, **CALL, name="Cem"))
    assert isinstance(third, SlotTaken) and third.held_for == "Ben"
    again = await asks(conn, clinic, name="Ben")
    assert (second.appointment_id, 1) == (again.appointment_id, again.others_at_this_start)
    stranger = await book(conn, a_request(clinic, phone=a_caller(2), call_id="another"))
    assert isinstance(stranger, SlotTaken) and stranger.held_for is None


async def test_a_cancelled_one_leaves_room_for_the_next(conn: Connection) -> None:
    """The numbers of a call's appointments go on from the highest that stands."""
    clinic = await a_clinic(conn, resources=["a", "b", "c"])
    first = await asks(conn, clinic, name="Ann")
    await asks(conn, clinic, name="Ben")
    cancel = "update appointments set status = 'cancelled' where id = $1"
    await conn.execute(cancel, first.appointment_id)
    assert (await asks(conn, clinic, name="Cem")).created


async def test_another_start_names_the_one_before(url: str) -> None:
    """It is a second appointment, and its repeat says the same; the first one's does not."""
    later = SOON + timedelta(hours=1)
    async with connected(url) as conn:
        clinic = await a_clinic(conn)
        await asks(conn, clinic)
        for created in (True, False):
            second = await asks(conn, clinic, scheduled_at=later)
            assert (created, SOON) == (second.created, second.other_start)
        assert (await asks(conn, clinic)).other_start is None


async def test_a_phone_added_to_an_email(conn: Connection, clinic: Organization) -> None:
    """The appointment is pointed at the phone's contact, the email's contact stays as it is, and a
    redelivery of the first request still finds it."""
    first = await asks(conn, clinic, phone=None, email=SAM, name="Sam", idempotency_key="1")
    before = await conn.fetchrow("select * from contacts where id = $1", first.contact_id)
    added = await asks(conn, clinic, name="Sam")
    assert first.appointment_id == added.appointment_id
    assert first.contact_id != added.contact_id and added.contact_match == "phone"
    assert before == await conn.fetchrow("select * from contacts where id = $1", first.contact_id)
    again = await asks(conn, clinic, phone=None, email=SAM, name="Sam", idempotency_key="1")
    assert added.contact_id == again.contact_id


async def test_a_name_that_the_contact_has_already_is_the_answer(conn: Connection) -> None:
    """A mend never makes two appointments of one name: the other one answers."""
    clinic = await a_clinic(conn, resources=["a", "b"])
    other = await asks(conn, clinic, name="Nora Late", call_id="before")
    mine = await asks(conn, clinic, name=None)
    answer = await asks(conn, clinic, name="Nora Late")
    assert other.appointment_id == answer.appointment_id != mine.appointment_id


@pytest.mark.parametrize("name", [None, "Eve"])
async def test_a_stranger_replaces_nothing_and_learns_nothing(
    conn: Connection, clinic: Organization, name: str | None
) -> None:
    """From another number her time is taken, and a free time is booked: either way the contact
    keeps its name and email."""
    await book(conn, a_request(clinic, name="Nora", email=SAM))
    stranger = {"call_id": "x", "by_own_number": False, "email": Email("eve@test.com")}
    for start, kind in ((SOON, SlotTaken), (SOON + timedelta(days=1), Booked)):
        outcome = await book(conn, a_request(clinic, name=name, scheduled_at=start, **stranger))
        assert isinstance(outcome, kind) and outcome.contact_changes == ()
        [contact] = await conn.fetch("select name, email from contacts")
        assert tuple(contact) == ("Nora", "sam@test.com")


@pytest.mark.parametrize("is_taken", [True, False])
async def test_the_own_number_replaces_only_with_a_booking(
    conn: Connection, clinic: Organization, is_taken: bool
) -> None:
    """Where nothing is booked only gaps are filled. What changed is in the outcome."""
    await resolve_contact(conn, org_id=clinic.id, phone=a_caller(1), name="Nora")
    if is_taken:
        await book(conn, a_request(clinic, phone=a_caller(2)))
    outcome = await book(conn, a_request(clinic, phone=a_caller(1), name="Nora Late", email=SAM))
    changes = ("email",) if is_taken else ("email", "name")
    assert changes == outcome.contact_changes
    name = await conn.fetchval("select name from contacts where phone = $1", a_caller(1))
    assert name == ("Nora" if is_taken else "Nora Late")


@pytest.mark.parametrize(
    "change", [{"phone": a_caller(2)}, {"scheduled_at": SOON + timedelta(days=1)}]
)
async def test_a_key_of_another_request_is_refused(
    conn: Connection, clinic: Organization, change: dict[str, object]
) -> None:
    """Another contact or start under one key: nothing is written. Another service is a repeat."""
    first = await book(conn, a_request(clinic, idempotency_key="k"))
    with pytest.raises(InvalidRequest, match="IDEMPOTENCY_KEY_REUSED"):
        await book(conn, a_request(clinic, idempotency_key="k", **change))
    assert (await count(conn, "contacts"), await count(conn, "appointments")) == (1, 1)
    again = await book(conn, a_request(clinic, idempotency_key="k", service_type="Other"))
    assert isinstance(first, Booked) and isinstance(again, Booked)
    assert first.appointment_id == again.appointment_id


async def test_a_call_through_the_endpoint(endpoint: Endpoint) -> None:
    """First without a name, then with it: one appointment, and nobody hears that it is taken."""
    message = tool_calls(
        a_call(arguments(patientName=None), id="1"),
        a_call(arguments(patientName="Nora"), id="2"),
        a_call(arguments(patientName="Ben"), id="3"),
    )
    results = (await endpoint.send(message)).json()["results"]
    assert results[0]["result"].startswith("Booked: ") and results[1]["result"].startswith("Booked")
    assert "this call holds" in results[2]["error"] and "for Nora" in results[2]["error"]
    assert await count(endpoint.conn, "appointments") == 1


async def test_a_key_of_another_person_through_the_endpoint(endpoint: Endpoint) -> None:
    """422, and not a word of the first person's booking."""
    for phone, status in (("+15552000001", 200), ("+15552000002", 422)):
        reply = await endpoint.client.post(
            "/api/vapi/tools/book-appointment",
            json=arguments(patientPhone=phone),
            headers={"Idempotency-Key": "k"},
        )
        assert status == reply.status_code
    assert "IDEMPOTENCY_KEY_REUSED" in reply.text and "Botox" not in reply.text


@pytest.mark.parametrize(
    "wrong",
    [
        {"phone": "(555) 777-1234"},
        {"phone": ""},
        {"email": "Sam@Test.com"},
        {"name": ""},
        {"name": "a" * 255},
        {"name": "Sam\x00"},
        {"service_type": " Botox"},
        {"resource": ""},
        {"scheduled_at": "2027-01-01"},
        {"scheduled_at": SOON.replace(second=1)},
        {"duration_minutes": "30"},
        {"call_id": "a\nb"},
    ],
)
async def test_values_that_parse_would_not_have_made(
    clinic: Organization, wrong: dict[str, object]
) -> None:
    """They are refused before any statement is sent."""
    with pytest.raises(InvalidRequest):
        a_request(clinic, **wrong)


TWICE = "This call now holds 2 appointments at that time."
HELD = "Not booked again: this call holds"
ANOTHER_TIME = "This call also holds"


@pytest.mark.parametrize("count_of_resources", [1, 3])
@pytest.mark.parametrize(
    ("first", "second", "is_one_call", "appointments", "words"),
    [
        pytest.param("Ann", "Bob", False, 2, ("is taken", "Booked: "), id="two people, one phone"),
        pytest.param("Tom", "Mia", True, 2, (HELD, TWICE), id="two children"),
        pytest.param("Jon Lee", "John Lee", True, 2, (HELD, TWICE), id="a corrected name"),
        pytest.param("Nora", "Nora Late", True, 1, "Booked: ", id="a fuller name"),
        pytest.param("Nora Late", "Nora", True, 1, "under the name Nora Late", id="a shorter name"),
        pytest.param(None, "Nora", True, 1, "Booked: ", id="a name at last"),
        pytest.param(
            {"patientPhone": None}, {"patientEmail": None}, True, 1, "Booked: ", id="a phone added"
        ),
        pytest.param({}, {"appointmentTime": "16:00"}, True, 2, ANOTHER_TIME, id="at another time"),
    ],
)
async def test_who_asks_again_through_the_endpoint(
    endpoint: Endpoint,
    count_of_resources: int,
    first: dict[str, object] | str | None,
    second: dict[str, object] | str | None,
    is_one_call: bool,
    appointments: int,
    words: tuple[str, str] | str,
) -> None:
    """On one resource and on three. Of two sentences the first is said where nothing is free."""
    for number in range(1, count_of_resources):
        insert = "insert into resources (org_id, resource) values ($1, $2)"
        await endpoint.conn.execute(insert, endpoint.clinic.id, f"chair {number}")
    said = ""
    for number, given in enumerate((first, second)):
        given = given if isinstance(given, dict) else {"patientName": given}
        message = tool_calls(a_call(arguments(**given), id=str(number)))
        message["call"] = {"id": "a call" if is_one_call else f"call {number}"}
        [result] = (await endpoint.send(message)).json()["results"]
        said = str(result.get("result") or result.get("error"))
    is_short = isinstance(words, tuple) and count_of_resources == 1
    expected = words if isinstance(words, str) else words[not is_short]
    assert expected in said
    assert await count(endpoint.conn, "appointments") == (1 if is_short else appointments)
    # An email's contact stays beside the phone's: nothing is merged.
    is_added = isinstance(first, dict) and "patientPhone" in first
    assert await count(endpoint.conn, "contacts") == (2 if is_added else 1)
    if is_added:
        [row] = await endpoint.conn.fetch(
            "select c.phone from appointments a join contacts c on c.id = a.contact_id"
        )
        assert row["phone"] == "+15551234567"
