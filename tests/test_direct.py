"""The direct contract over HTTP: statuses, codes and sentences, and nothing written on refusal."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator
from datetime import datetime

import pytest

from tests.conftest import Endpoint, contacts_and_appointments, count
from tests.support.factories import EMAIL_OF_ANOTHER_TENANT, NEW_YORK, a_caller, arguments, in_days

PATH = "/api/vapi/tools/book-appointment"


async def nothing_is_written(endpoint: Endpoint) -> bool:
    return [await count(endpoint.conn, table) for table in ("contacts", "appointments")] == [0, 0]


async def test_a_booking_is_said_in_the_clinics_time(endpoint: Endpoint) -> None:
    """Service, weekday, date, time and zone; `scheduledAt` has the clinic's offset."""
    reply = await endpoint.book(**arguments(appointmentDate=in_days(1)))
    body = reply.json()
    content = json.loads(body["toolResult"]["content"])
    start = datetime.fromisoformat(f"{in_days(1)}T14:00").replace(tzinfo=NEW_YORK)
    said = (
        f"Your Botox Consultation is booked for {start:%A, %B} {start.day}, {start.year}"
        " at 2:00 PM, New York time."
    )
    assert reply.status_code == 200
    assert said == body["speech"]
    row = await endpoint.conn.fetchrow("select id::text, contact_id::text from appointments")
    assert row is not None
    assert {
        "success": True,
        "appointmentId": row["id"],
        "contactId": row["contact_id"],
        "scheduledAt": start.isoformat(),
        "message": said,
    } == content


async def test_a_repeat_gets_the_same_words(endpoint: Endpoint) -> None:
    first, again = [await endpoint.book(**arguments()) for _ in range(2)]
    assert first.content == again.content


@pytest.mark.parametrize(
    ("given", "error", "speech"),
    [
        (
            {"patientPhone": None, "patientEmail": None},
            "MISSING_CONTACT_INFO",
            "I need either your email address or phone number to book the appointment."
            " Could you please provide one?",
        ),
        (
            {"patientPhone": "555-12", "patientEmail": None},
            "INVALID_PHONE",
            "I did not get your phone number. Could you please repeat it, with the area code?",
        ),
        (
            {"patientPhone": None, "patientEmail": "sam at"},
            "INVALID_EMAIL",
            "I did not get your email address. Could you please spell it for me?",
        ),
        (
            {"appointmentDate": None},
            "INVALID_DATE_TIME",
            "Which day would you like?",
        ),
        (
            {"appointmentDate": "next Tuesday"},
            "INVALID_DATE_TIME",
            "I did not get that. Which day would you like?",
        ),
        (
            {"appointmentTime": None},
            "INVALID_DATE_TIME",
            "What time would you like?",
        ),
        (
            {"appointmentDate": in_days(2000)},
            "INVALID_DATE_TIME",
            "I did not get that. Which day would you like?",
        ),
        (
            {"resource": "Dr. No"},
            "INVALID_RESOURCE",
            "I can't tell whom you would like to see: main?",
        ),
        (
            {"duration": 481},
            "INVALID_ARGUMENTS",
            "I did not understand one of the details. Could you please say that again?",
        ),
        (
            {"patientName": 7},
            "INVALID_ARGUMENTS",
            "I did not understand one of the details. Could you please say that again?",
        ),
    ],
)
async def test_a_bad_argument_is_asked_for(
    endpoint: Endpoint, given: dict[str, object], error: str, speech: str
) -> None:
    reply = await endpoint.book(**arguments(**given))
    body = reply.json()
    content = json.loads(body["toolResult"]["content"])
    assert (400, error, speech) == (reply.status_code, content["error"], body["speech"])
    assert content["success"] is False
    assert await nothing_is_written(endpoint)


async def test_the_message_of_missing_contact_info(endpoint: Endpoint) -> None:
    reply = await endpoint.book(**arguments(patientPhone=None, patientEmail=None))
    content = json.loads(reply.json()["toolResult"]["content"])
    assert content["message"] == "Either email or phone is required"


async def test_the_past_is_refused_with_todays_date(endpoint: Endpoint) -> None:
    """Models send last year's dates: the reply names today, with its weekday."""
    reply = await endpoint.book(**arguments(appointmentDate=in_days(-365)))
    today = datetime.now(NEW_YORK)
    assert reply.status_code == 400
    assert json.loads(reply.json()["toolResult"]["content"])["error"] == "PAST_DATE"
    assert f"today is {today:%A, %B} {today.day}, {today.year}" in reply.json()["speech"]
    assert await nothing_is_written(endpoint)


async def test_a_taken_slot_names_nobody(endpoint: Endpoint) -> None:
    await endpoint.book(**arguments())
    other = arguments(patientPhone="+15557654321", patientEmail=None, patientName="Ada")
    reply = await endpoint.book(**other)
    content = json.loads(reply.json()["toolResult"]["content"])
    assert (reply.status_code, content["error"]) == (409, "SLOT_UNAVAILABLE")
    assert " is taken. Free that day: " in reply.json()["speech"]
    assert len(content["freeTimes"]) == 3
    assert "Sam" not in reply.text


async def test_500_callers_for_one_slot_over_http(endpoint: Endpoint) -> None:
    """One caller is booked, 499 are told that the time is taken, and none fails."""
    callers = [arguments(patientPhone=a_caller(n), patientEmail=None) for n in range(500)]
    replies = await asyncio.gather(*(endpoint.book(**given) for given in callers))
    assert Counter(reply.status_code for reply in replies) == {200: 1, 409: 499}
    assert await contacts_and_appointments(endpoint) == (500, 1)


async def test_an_organization_without_resources_is_an_error(endpoint: Endpoint) -> None:
    """The answer is an error, and not "taken"."""
    await endpoint.conn.execute("delete from resources")
    reply = await endpoint.book(**arguments())
    content = json.loads(reply.json()["toolResult"]["content"])
    assert (reply.status_code, content["error"]) == (500, "BOOKING_FAILED")
    assert await nothing_is_written(endpoint)


SAVING = "I encountered an issue saving your contact information. Please try again."
PROCESSING = "I encountered an issue processing your information. Please try again."
BOOKING = "I encountered an issue booking your appointment. Please try again."


@pytest.mark.parametrize(
    ("sabotage", "phone", "error", "speech"),
    [
        (
            "alter table contacts drop constraint uq_contacts_org_phone",
            "+15551234567",
            "CONTACT_UPSERT_FAILED",
            SAVING,
        ),
        (
            "alter table contacts add constraint mine check (name <> 'Sam Wilson')",
            None,
            "CONTACT_CREATION_FAILED",
            SAVING,
        ),
        (
            EMAIL_OF_ANOTHER_TENANT,
            None,
            "CONTACT_RESOLUTION_FAILED",
            PROCESSING,
        ),
        (
            "alter table appointments add constraint mine check (service_type = '')",
            "+15551234567",
            "BOOKING_FAILED",
            BOOKING,
        ),
        (
            "alter table appointments add constraint mine check (service_type = '')",
            None,
            "BOOKING_FAILED",
            BOOKING,
        ),
    ],
)
async def test_what_the_database_refuses(
    endpoint: Endpoint, sabotage: str, phone: str | None, error: str, speech: str
) -> None:
    """500 with its code and sentence, without a word of the database's, and nothing written."""
    await endpoint.conn.execute(sabotage)
    before = await count(endpoint.conn, "contacts")
    reply = await endpoint.book(**arguments(patientPhone=phone))
    content = json.loads(reply.json()["toolResult"]["content"])
    assert (500, error, speech) == (reply.status_code, content["error"], reply.json()["speech"])
    assert not [word for word in ("mine", "constraint", "contacts") if word in reply.text]
    assert [before, 0] == [
        await count(endpoint.conn, table) for table in ("contacts", "appointments")
    ]


async def test_an_idempotency_key_answers_a_repeat(endpoint: Endpoint) -> None:
    """The key answers the repeat, though the repeat says another name, which alone would make it
    another request."""
    await endpoint.conn.execute("insert into resources values ($1, 'chair 2')", endpoint.clinic.id)
    replies = [
        await endpoint.client.post(
            PATH, json=arguments(patientName=name), headers={"Idempotency-Key": "k"}
        )
        for name in ("Sam", "Samuel")
    ]
    first, again = [json.loads(reply.json()["toolResult"]["content"]) for reply in replies]
    assert first["appointmentId"] == again["appointmentId"]
    assert again["message"] == first["message"] + " As booked before: under the name Sam."
    assert await count(endpoint.conn, "appointments") == 1


@pytest.mark.parametrize("key", ["x" * 300, "sam\x7f"])
async def test_an_idempotency_key_that_cant_be_stored(endpoint: Endpoint, key: str) -> None:
    reply = await endpoint.client.post(PATH, json=arguments(), headers={"Idempotency-Key": key})
    content = json.loads(reply.json()["toolResult"]["content"])
    assert (reply.status_code, content["error"]) == (400, "INVALID_ARGUMENTS")


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"7", b"null", b"\xff", b"[" * 100_000])
async def test_what_is_no_json_object(endpoint: Endpoint, body: bytes) -> None:
    reply = await endpoint.client.post(PATH, content=body)
    assert reply.status_code == 400


async def test_a_body_over_two_megabytes(endpoint: Endpoint) -> None:
    """The body is refused with a Content-Length that says so, and without one."""

    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(30):
            yield b" " * 100_000

    declared = await endpoint.client.post(PATH, content=b" " * 2_000_001)
    chunked = await endpoint.client.post(PATH, content=chunks())
    assert [declared.status_code, chunked.status_code] == [413, 413]


async def test_a_body_of_two_megabytes(endpoint: Endpoint) -> None:
    body = json.dumps(arguments()).encode().ljust(2_000_000)
    assert (await endpoint.client.post(PATH, content=body)).status_code == 200


async def test_a_wrong_method(endpoint: Endpoint) -> None:
    assert [
        (await endpoint.client.get(PATH)).status_code,
        (await endpoint.client.put("/api/vapi/tools")).status_code,
        (await endpoint.client.post("/api/health")).status_code,
    ] == [405, 405, 405]


async def test_an_unknown_tool(endpoint: Endpoint) -> None:
    reply = await endpoint.client.post("/api/vapi/tools/cancel-everything", json=arguments())
    assert reply.status_code == 404
    assert await nothing_is_written(endpoint)


async def test_each_name_of_the_tool_is_a_path(endpoint: Endpoint) -> None:
    names = ["book-appointment", "bookClinicAppointment", "bookAppointment", "book_appointment"]
    paths = [f"/api/vapi/tools/{name}" for name in names]
    replies = [await endpoint.client.post(path, json=arguments()) for path in paths]
    assert [reply.status_code for reply in replies] == [200] * 4


async def test_health(endpoint: Endpoint) -> None:
    """503 where the database does not answer, and again 200 when it does."""
    reply = await endpoint.client.get("/api/health")
    assert (reply.status_code, reply.json()) == (200, {"status": "ok"})


@pytest.mark.parametrize(
    ("ours", "field", "given", "message"),
    [
        ("duration", "duration", "a while", "'a while': It must be 5 to 480 minutes"),
        ("duration", "length", 3, "'3': It must be 5 to 480 minutes"),
        ("appointmentTime", "appointmentTime", "half", "'half': A time is needed, such as"),
        ("appointmentTime", "appointmentTime", "Sam Wilson", "A time is needed, such as"),
        ("appointmentTime", "appointment_time", "555-123-4567", "A time is needed, such as"),
        ("appointmentDate", "date", "01/05/2027", "'01/05/2027': It has more than one reading"),
        ("appointmentDate", "Appointment Date", "last Tuesday", "'last Tuesday': A date is needed"),
        ("appointmentDate", "appointmentDate", "", "A date is needed"),
        ("appointmentDate", "preferred_date", "2020-02-03", "'2020-02-03': That time is in the"),
        ("timeZone", "time_zone", "Mars/Base", "'Mars/Base': A zone is needed, as"),
        ("timeZone", "time_zone", "Sam", "A zone is needed, as"),
        ("patientName", "patient_name", "Sam\x00", "It must be 1 to 254 printable characters"),
        ("resource", "doctor", "Dr. No", "'Dr No': There is nobody and nothing of this name"),
        ("serviceType", "service_type", 7, "'7': It must be text"),
        ("serviceType", "service_type", "Botox\x00", "'Botox': It must be 1 to 254 printable"),
    ],
)
async def test_a_refusal_names_its_field(
    endpoint: Endpoint, ours: str, field: str, given: object, message: str
) -> None:
    """The program that called hears of the field as it wrote it, with the value, unless that may be
    private."""
    reply = await endpoint.book(**arguments(**{ours: None, field: given}))
    content = json.loads(reply.json()["toolResult"]["content"])
    assert (reply.status_code, content["field"]) == (400, field)
    assert content["message"].startswith(message), content["message"]


async def test_a_refused_instant_is_named(endpoint: Endpoint) -> None:
    """A date and time in one argument is named where it is in the past; a name with odd signs in it
    is not repeated."""
    apart = dict.fromkeys(("appointmentDate", "appointmentTime"))
    for field, named in (("start_time", "start_time"), ("start<>time", "appointmentDate")):
        reply = await endpoint.book(**arguments(**apart, **{field: "2020-02-03T14:00"}))
        assert json.loads(reply.json()["toolResult"]["content"])["field"] == named
