"""Vapi's messages over HTTP: what is booked, what is answered, and that each call is answered."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import get_args

import pydantic
import pytest

from booking_asgi import Config
from booking_asgi.command.call import tool_message
from booking_asgi.speech import FailureCode
from booking_core.errors import InvalidCode
from tests.conftest import Endpoint, connected, contacts_and_appointments, count, serving
from tests.support.factories import (
    NEW_YORK,
    TOKEN,
    a_call,
    a_clinic,
    arguments,
    in_days,
    tool_calls,
)
from tests.support.messages import (
    MOST_WORDS,
    OURS,
    TOOLS,
    answers,
    legacy_answer,
    read,
    words,
)
from tests.support.payloads import (
    CALLER,
    KINDS,
    OTHER_CALL,
    SIP,
    TOOL_CALL,
    Message,
    a_message,
    from_a_chat,
    from_a_phone,
    from_a_switchboard,
    from_an_old_assistant,
    from_nobody,
    from_the_web,
    renamed,
    with_another_tool,
)

EACH_PATH = pytest.mark.parametrize("path", [TOOLS, OURS])
BY_EMAIL = {"patientPhone": None, "patientEmail": "noor@example.org"}
NO_CONTACT = {"patientPhone": None, "patientEmail": None}


RIGHT = {"toolCallId": "1", "name": "bookAppointment", "result": "Booked."}


@pytest.mark.parametrize(
    "wrong",
    [
        {"result": "Booked."},
        {"results": None},
        {"results": RIGHT},
        {"results": ["Booked."]},
        {"results": [RIGHT], "error": None},
        {"results": [{**RIGHT, "error": "Not booked."}]},
        {"results": [{"toolCallId": "1", "name": "bookAppointment"}]},
        {"results": [{"toolCallId": "1", "result": "Booked."}]},
        {"results": [{"name": "bookAppointment", "result": "Booked."}]},
        {"results": [{**RIGHT, "toolCallId": 1}]},
        {"results": [{**RIGHT, "result": {"booked": True}}]},
        {"results": [{**RIGHT, "result": ["Booked."]}]},
        {"results": [{**RIGHT, "result": None}]},
        {"results": [{**RIGHT, "result": ""}]},
        {"results": [{**RIGHT, "result": "Booked:\ntomorrow."}]},
        {"results": [{**RIGHT, "result": "word " * MOST_WORDS + "word"}]},
        {"results": [{**RIGHT, "message": "Done."}]},
        {"results": [{**RIGHT, "message": None}]},
        {"results": [{**RIGHT, "appointmentId": "1"}]},
    ],
    ids=repr,
)
def test_a_wrong_reply_does_not_pass(wrong: object) -> None:
    """A wrong reply fails the check, or the tests below would show nothing."""
    assert read({"results": [RIGHT]}) == [RIGHT]
    with pytest.raises((AssertionError, ValueError, pydantic.ValidationError)):
        read(wrong)


async def the_booking(endpoint: Endpoint) -> dict[str, object]:
    """The one appointment, its start on the clinic's clock, and whose it is."""
    [row] = await endpoint.conn.fetch(
        """
        select phone, email, attendee_name as name, service_type as service,
               to_char(scheduled_at at time zone 'America/New_York', 'YYYY-MM-DD HH24:MI') as start
        from appointments a join contacts c on c.id = a.contact_id
        """
    )
    return dict(row)


SAM = {
    "phone": "+15551234567",
    "email": "sam@test.com",
    "name": "Sam Wilson",
    "service": "Botox Consultation",
    "start": f"{in_days(1)} 14:00",
}
NOOR = {**SAM, "phone": None, "email": "noor.haddad@example.org"}


@EACH_PATH
@pytest.mark.parametrize(
    ("kind", "row"),
    [
        ("from_a_phone", SAM),
        ("from_the_web", NOOR),
        ("from_nobody", SAM),
        ("from_a_chat", SAM),
        ("from_a_switchboard", SAM),
    ],
)
async def test_each_kind_of_message_is_booked(
    endpoint: Endpoint, kind: str, row: dict[str, object], path: str
) -> None:
    """Its one call is answered once, and the row is what it says."""
    [result] = answers(await endpoint.send(KINDS[kind](), path))
    assert (result["toolCallId"], result["name"]) == (TOOL_CALL, "bookAppointment")
    assert result["result"].startswith("Booked: Botox Consultation on ")
    assert await the_booking(endpoint) == row


async def test_a_tool_that_we_do_not_have_stands_beside_ours(endpoint: Endpoint) -> None:
    """It is answered with an error, in its place; ours is booked."""
    other, ours = answers(await endpoint.send(with_another_tool()))
    expected = {"toolCallId": OTHER_CALL, "name": "transferCall"}
    assert other == {**expected, "error": "Not done: there is no such tool here."}
    assert (ours["toolCallId"], ours["name"]) == (TOOL_CALL, "bookAppointment")
    assert ours["result"].startswith("Booked: ")
    assert await the_booking(endpoint) == SAM


@EACH_PATH
async def test_a_legacy_message_is_booked(endpoint: Endpoint, path: str) -> None:
    assert legacy_answer(await endpoint.send(from_an_old_assistant(), path)).startswith("Booked: ")
    assert await the_booking(endpoint) == SAM


async def test_a_legacy_refusal_is_a_result(endpoint: Endpoint) -> None:
    """There is no other key that it could stand under."""
    message = from_an_old_assistant(arguments(appointmentDate=None))
    assert legacy_answer(await endpoint.send(message)).startswith("Not booked: ")
    assert await contacts_and_appointments(endpoint) == (0, 0)


async def test_a_tool_of_another_name_in_a_chat(endpoint: Endpoint) -> None:
    [result] = answers(await endpoint.send(renamed(from_a_chat({}), "listServices")))
    assert result == {
        "toolCallId": TOOL_CALL,
        "name": "listServices",
        "error": "Not done: there is no such tool here.",
    }


@pytest.mark.parametrize("name", ["bookAppointment", "bookClinicAppointment", "book_appointment"])
async def test_our_tool_has_several_names(endpoint: Endpoint, name: str) -> None:
    [result] = answers(await endpoint.send(renamed(from_a_phone(), name)))
    assert result["name"] == name
    assert result["result"].startswith("Booked: ")


@EACH_PATH
@pytest.mark.parametrize(
    ("name", "is_ours"),
    [
        ("Book Appointment", True),
        ("acme_bookAppointment", True),
        ("bookAppointment_v2", True),
        ("ACMEBookAppointmentPROD", True),
        ("smile-dental-book-appointment", True),
        ("book_an_appointment", True),
        ("bookAppointments", True),
        ("cancelAppointment", False),
        ("cancel", False),
        ("transferCall", False),
        ("rebookAppointment", False),
        ("cancelBookedAppointment", False),
        ("cancel_book_appointment", False),
        ("moveAppointment", False),
        ("facebookAppointment", False),
        ("transferCall", False),
        ("\u00e9" * 200, False),
    ],
)
async def test_only_what_is_called_as_our_tool_books(
    endpoint: Endpoint, path: str, name: str, is_ours: bool
) -> None:
    """On the tool's own path too, a call books only under the tool's name, with any prefix and
    suffix; the reply repeats that name."""
    [result] = answers(await endpoint.send(renamed(from_a_phone(), name), path))
    assert (name, is_ours) == (result["name"], "result" in result)
    assert await count(endpoint.conn, "appointments") == is_ours


async def test_a_tool_beside_ours_is_not_ours(endpoint: Endpoint) -> None:
    other, ours = answers(await endpoint.send(with_another_tool(), OURS))
    assert other["error"] == "Not done: there is no such tool here."
    assert ours["result"].startswith("Booked: ")


@pytest.mark.parametrize("path", [TOOLS, OURS])
async def test_a_slash_at_the_end_is_no_redirect(endpoint: Endpoint, path: str) -> None:
    """Vapi would not follow it."""
    [result] = answers(await endpoint.send(from_a_phone(), f"{path}/"))
    assert result["result"].startswith("Booked: ")


@EACH_PATH
@pytest.mark.parametrize("kind", ["status-update", "conversation-update", "end-of-call-report"])
async def test_another_message_is_taken_in_silence(
    endpoint: Endpoint, kind: str, path: str
) -> None:
    """Even with calls in it: 200 and {}."""
    reply = await endpoint.send({**from_a_phone(), "type": kind, "status": "ended"}, path)
    assert (reply.status_code, reply.json()) == (200, {})
    assert await contacts_and_appointments(endpoint) == (0, 0)


NO_CALLS: list[Message] = [
    {},
    {"toolCallList": []},
    {"toolCallList": None, "toolCalls": {}, "toolWithToolCallList": "x"},
    {"toolCallList": [None, "call_1", {}, {"id": 7}, {"id": ""}]},
    {"toolWithToolCallList": [{"id": "1"}, {"toolCall": "1"}, {"toolCall": [{"id": "1"}]}]},
    {"functionCall": {"id": "1", "name": "bookAppointment"}},
]


@EACH_PATH
async def test_a_message_without_any_call_is_refused(endpoint: Endpoint, path: str) -> None:
    """400: there is no id to answer to."""
    for lists in NO_CALLS:
        reply = await endpoint.send({"type": "tool-calls", "call": {"id": "c"}, **lists}, path)
        assert (lists, 400) == (lists, reply.status_code)
        assert json.loads(reply.json()["toolResult"]["content"])["error"] == "INVALID_ARGUMENTS"


async def test_what_is_no_message_is_refused(endpoint: Endpoint) -> None:
    bodies: list[object] = [[], 7, "x", None, {}, {"message": []}, {"message": "hello"}]
    for body in bodies:
        reply = await endpoint.client.post(TOOLS, json=body)
        assert (body, 400) == (body, reply.status_code)


@pytest.mark.parametrize(
    "odd",
    ["9" * 5000, r'"The smile is cut: \ud83d"', "NaN", "1e999"],
    ids=["many digits", "half of an emoji", "no number", "beyond a float"],
)
async def test_what_a_strict_parser_refuses_spoils_no_call(endpoint: Endpoint, odd: str) -> None:
    """Text that a strict parser refuses spoils no call, in a part of the message that nobody
    reads."""
    body = json.dumps({"message": from_a_phone()}).replace("[1, 2.5,", f"[{odd},")
    assert odd in body
    [result] = answers(await endpoint.client.post(TOOLS, content=body))
    assert result["result"].startswith("Booked: ")


@pytest.mark.parametrize("number", [CALLER, "(555) 867-5309", "5558675309", 15558675309])
@pytest.mark.parametrize("place", ["customer", "call.customer"])
async def test_the_callers_own_number_stands_in(
    endpoint: Endpoint, number: object, place: str
) -> None:
    """The caller's own number stands in for a phone that is not given, from either place."""
    message = a_message(arguments(**NO_CONTACT), number=None)
    holder = message if place == "customer" else message["call"]
    holder["customer"] = {"number": number}
    [result] = answers(await endpoint.send(message))
    assert result["result"].startswith("Booked: ")
    assert await the_booking(endpoint) == {**SAM, "phone": CALLER, "email": None}


async def test_a_given_phone_comes_before_the_callers_own(endpoint: Endpoint) -> None:
    await endpoint.send(from_a_phone(arguments(patientPhone="+15559998888")))
    assert await the_booking(endpoint) == {**SAM, "phone": "+15559998888"}


NO_NUMBER: list[Message | None] = [
    {"number": "anonymous"},
    {"number": "Anonymous"},
    {"number": "+266696687"},
    {"number": "Restricted"},
    {"number": SIP},
    {"sipUri": SIP},
    {"number": ""},
    {"number": None},
    {"number": "{{ customer.number }}"},
    {"number": {"e164": CALLER}},
    {"number": [CALLER]},
    {"number": "911"},
    {},
    None,
]


@pytest.mark.parametrize("customer", NO_NUMBER, ids=repr)
async def test_what_is_no_number_is_nobodys(endpoint: Endpoint, customer: Message | None) -> None:
    """A number that is none is not stored with a booking by email; without an email a contact is
    asked for."""
    asked = []
    for given in (BY_EMAIL, NO_CONTACT):
        message = a_message(arguments(**given), number=None)
        message["customer"] = message["call"]["customer"] = customer
        asked += answers(await endpoint.send(message))
    booked, refused = asked
    assert booked["result"].startswith("Booked: ")
    assert refused["error"].startswith("Not booked: a phone number or an email address is needed.")
    assert await the_booking(endpoint) == {**SAM, "phone": None, "email": "noor@example.org"}


async def test_the_clinics_own_number_is_never_the_callers(endpoint: Endpoint) -> None:
    """Neither the clinic's number nor one from the variables of the call is taken for the
    caller's."""
    for builder in (from_the_web, from_nobody, from_a_switchboard, from_a_chat):
        [result] = answers(await endpoint.send(builder(arguments(**NO_CONTACT))))
        assert "a phone number or an email address is needed" in result["error"]
    assert await contacts_and_appointments(endpoint) == (0, 0)


async def test_a_fixed_argument_is_the_callers_number(endpoint: Endpoint) -> None:
    """Vapi merges it into the arguments; unrendered it means nothing."""
    for fixed, time_ in (("{{ customer.number }}", "14:00"), ("+15557770000", "15:00")):
        given = arguments(**NO_CONTACT, callerNumber=fixed, appointmentTime=time_)
        await endpoint.send(a_message(given, number=CALLER))
    rows = await endpoint.conn.fetch("select phone from contacts order by phone")
    assert [row["phone"] for row in rows] == ["+15557770000", CALLER]


@pytest.mark.parametrize(
    ("given", "misheard", "row"),
    [
        ({"patientEmail": "sam wilson, I think"}, ["email address"], {"email": None}),
        ({"patientPhone": "555-12"}, ["phone number"], {"phone": CALLER}),
        (
            {"patientPhone": "five five five", "patientEmail": "no idea"},
            ["phone number", "email address"],
            {"phone": CALLER, "email": None},
        ),
    ],
    ids=repr,
)
async def test_what_was_misheard_is_booked_and_said(
    endpoint: Endpoint, given: dict[str, object], misheard: list[str], row: dict[str, object]
) -> None:
    """Beside something that identifies the caller."""
    [result] = answers(await endpoint.send(a_message(arguments(**given))))
    were = "was" if len(misheard) == 1 else "were"
    said = f" The {' and '.join(misheard)} {were} not understood."
    assert result["result"].startswith("Booked: ")
    assert result["result"].endswith(f" at 2:00 PM.{said}")
    assert await the_booking(endpoint) == {**SAM, **row}


async def test_one_call_that_fails_spoils_no_other(endpoint: Endpoint) -> None:
    """Each is answered, in the order of the calls."""
    message = tool_calls(
        a_call(arguments(appointmentTime="10:00"), id="first"),
        a_call("two o'clock, please", id="broken"),
        a_call(arguments(), id="unknown", name="sendFax"),
        a_call(arguments(appointmentDate="soon"), id="dateless"),
        a_call([arguments()], id="list"),
        a_call(arguments(patientPhone="+15559998888", appointmentTime="10:00"), id="late"),
        a_call(json.dumps(arguments(appointmentTime="11:00")), id="last"),
    )
    results = answers(await endpoint.send(message))
    ids = ["first", "broken", "unknown", "dateless", "list", "late", "last"]
    assert [result["toolCallId"] for result in results] == ids
    assert [result["toolCallId"] for result in results if "result" in result] == ["first", "last"]
    assert await count(endpoint.conn, "appointments") == 2


async def test_a_call_that_the_database_refuses_spoils_no_other(endpoint: Endpoint) -> None:
    """It fails within the database, between two that don't."""
    refuse = "alter table appointments add constraint mine check (service_type <> 'Fillers')"
    await endpoint.conn.execute(refuse)
    services = {"10:00": "Botox", "11:00": "Fillers", "12:00": "Checkup"}
    calls = [
        a_call(arguments(serviceType=service, appointmentTime=at), id=at)
        for at, service in services.items()
    ]
    results = answers(await endpoint.send(tool_calls(*calls)))
    assert ["result" in result for result in results] == [True, False, True]
    assert await count(endpoint.conn, "appointments") == 2


async def test_arguments_that_were_not_understood_are_never_booked(endpoint: Endpoint) -> None:
    """The caller's own number is known, and yet nothing is made up around it."""
    unreadable: list[object] = ["{", "[]", [], 7, True, '"text"', json.dumps([arguments()])]
    for given in unreadable:
        message = tool_calls(a_call(given), customer={"number": CALLER})
        [result] = answers(await endpoint.send(message))
        assert result["error"].startswith("Not booked: arguments was not understood.")
    assert await contacts_and_appointments(endpoint) == (0, 0)


async def test_at_most_sixteen_calls_are_done(endpoint: Endpoint) -> None:
    """The calls beyond the sixteenth are answered as well."""
    calls = [
        a_call(arguments(appointmentTime=f"{n:02}:00"), id=f"call {n}", name="bookAppointment")
        for n in range(20)
    ]
    config = Config(
        database_url=endpoint.url, deadline_seconds=60, most_per_call=100, most_per_contact=100
    )
    async with serving(config) as client:
        results = answers(await client.post(TOOLS, json={"message": tool_calls(*calls)}))
    assert [f"call {n}" for n in range(20)] == [result["toolCallId"] for result in results]
    assert ["result" in result for result in results] == [True] * 16 + [False] * 4
    assert results[-1]["error"] == "Not booked: too many calls at once. Call again for this one."
    assert await contacts_and_appointments(endpoint) == (1, 16)


async def test_an_id_is_echoed_as_it_came(endpoint: Endpoint) -> None:
    """An id comes back whatever it holds, even what UTF-8 can't."""
    odd = ["a\r\n\x00b\u2028", "\ud800", "ид-🦷", " ", "x" * 10_000, '"{{ id }}\\']
    body = json.dumps({"message": tool_calls(*(a_call({}, id=call_id) for call_id in odd))})
    results = answers(await endpoint.client.post(TOOLS, content=body))
    assert [result["toolCallId"] for result in results] == odd


async def add_a_chair(endpoint: Endpoint) -> None:
    """Add a resource, so that only being a repeat keeps a second call from being booked."""
    await endpoint.conn.execute("insert into resources values ($1, 'chair 2')", endpoint.clinic.id)


async def test_a_hundred_deliveries_at_once(endpoint: Endpoint) -> None:
    """A hundred deliveries of one tool call make one contact and one appointment, and get the same
    bytes."""
    message = from_a_phone(conversation="c")
    replies = await asyncio.gather(*(endpoint.send(message) for _ in range(100)))
    assert {reply.status_code for reply in replies} == {200}
    assert len({reply.content for reply in replies}) == 1
    assert answers(replies[0])[0]["result"].startswith("Booked: ")
    assert await contacts_and_appointments(endpoint) == (1, 1)


@pytest.mark.parametrize("kind", ["from_a_phone", "from_a_chat", "from_an_old_assistant"])
async def test_a_new_id_with_the_same_content_is_a_repeat(endpoint: Endpoint, kind: str) -> None:
    """A model that repeats its call after a time-out gets the same appointment, in the same
    words."""
    await add_a_chair(endpoint)
    first, again = [
        (await endpoint.send(KINDS[kind](conversation="c", call_id=call_id))).json()
        for call_id in ("call_1", "call_2")
    ]
    heard = [
        body["result"] if "result" in body else words(read(body)[0]) for body in (first, again)
    ]
    assert heard[0].startswith("Booked: ")
    assert heard[0] == heard[1]
    assert await contacts_and_appointments(endpoint) == (1, 1)


async def test_the_same_call_in_both_contracts_is_booked_once(endpoint: Endpoint) -> None:
    """An assistant with the old and the new kind of tool calls each of them."""
    await add_a_chair(endpoint)
    for builder in (from_an_old_assistant, a_message):
        given = arguments()
        await endpoint.send(builder(given, conversation="c"))
    assert await contacts_and_appointments(endpoint) == (1, 1)


async def test_the_same_tool_attached_twice_is_booked_once(endpoint: Endpoint) -> None:
    await add_a_chair(endpoint)
    calls = [
        a_call(arguments(), id=id, name=name)
        for id, name in (("1", "bookAppointment"), ("2", "book_appointment"))
    ]
    results = answers(await endpoint.send(tool_calls(*calls)))
    assert results[0]["result"] == results[1]["result"]
    assert await contacts_and_appointments(endpoint) == (1, 1)


async def keys(endpoint: Endpoint) -> list[str]:
    rows = await endpoint.conn.fetch("select idempotency_key from appointments")
    return [row["idempotency_key"] for row in rows]


async def test_two_people_never_share_a_key(endpoint: Endpoint) -> None:
    """Two people never share a key, in two calls or in one, with the same words at the same
    times."""
    await add_a_chair(endpoint)
    people = [{"patientPhone": "+15559990001"}, {"patientPhone": "+15559990002"}]
    for person, conversation in zip(people, "cd", strict=True):
        await endpoint.send(a_message(arguments(**person), conversation=conversation))
    for at in ("15:00", "16:00"):
        calls = [
            a_call(arguments(**person, appointmentTime=at), id=str(place))
            for place, person in enumerate(people)
        ]
        answers(await endpoint.send(tool_calls(*calls, call={"id": "e"})))
    assert len(set(await keys(endpoint))) == len(await keys(endpoint)) == 6
    assert await contacts_and_appointments(endpoint) == (2, 6)


async def test_two_calls_of_one_person_never_share_a_key(endpoint: Endpoint) -> None:
    """The first appointment is over and away: the second is one of its own."""
    for conversation in ("c", "d"):
        await endpoint.send(a_message(arguments(), conversation=conversation))
        await endpoint.conn.execute("update appointments set status = 'completed'")
    assert len(set(await keys(endpoint))) == 2


@pytest.mark.parametrize("call", [None, {}, {"id": None}, {"id": ""}, "c"], ids=repr)
async def test_a_conversation_without_an_id(endpoint: Endpoint, call: object) -> None:
    """It is booked, under a key that is nobody else's; sent again, it is found by who and when."""
    message = {**a_message(arguments()), "call": call}
    again = [answers(await endpoint.send(message)) for _ in range(2)]
    assert again[0] == again[1]
    assert again[0][0]["result"].startswith("Booked: ")
    other = arguments(patientPhone="+15559998888", appointmentTime="15:00")
    answers(await endpoint.send({**a_message(other), "call": call}))
    assert len(set(await keys(endpoint))) == 2


async def test_a_cancelled_appointment_is_booked_anew(endpoint: Endpoint) -> None:
    """A redelivery of the very call that booked a cancelled appointment books it anew."""
    message = from_a_phone(conversation="c")
    first = await endpoint.send(message)
    await endpoint.conn.execute("update appointments set status = 'cancelled'")
    again = await endpoint.send(message)
    assert first.content == again.content
    rows = await endpoint.conn.fetch("select status from appointments order by status")
    assert [row["status"] for row in rows] == ["cancelled", "confirmed"]


@pytest.mark.parametrize(
    ("conversations", "told"), [("cc", "Botox"), ("cd", "Fillers")], ids=["one call", "two calls"]
)
async def test_what_is_told_of_a_repeat(endpoint: Endpoint, conversations: str, told: str) -> None:
    """A repeat in one call hears what stands. A repeat from another call hears only its own words,
    because the first one may have been another person's."""
    for service, conversation in zip(("Botox", "Fillers"), conversations, strict=True):
        message = a_message(arguments(serviceType=service), conversation=conversation)
        [answer] = answers(await endpoint.send(message))
    assert answer["result"].startswith(f"Booked: {told} on ")
    assert "before" not in answer["result"]
    assert await contacts_and_appointments(endpoint) == (1, 1)


def clocks_change(*, back: bool) -> date:
    """The next day on which New York's clocks do, a week from now at the least."""
    day = datetime.now(NEW_YORK).date() + timedelta(days=7)
    while True:
        at = datetime.combine(day, time(1 if back else 2, 30), NEW_YORK)
        first, second = at.utcoffset(), at.replace(fold=1).utcoffset()
        assert first is not None and second is not None
        if first != second and (first > second) is back:
            return day
        day += timedelta(days=1)


@dataclass(frozen=True)
class Drive:
    """What brings an outcome about, and how its answer begins."""

    begins: str
    given: Mapping[str, object] = field(default_factory=dict)
    sabotage: str = "select 1"
    number: str | None = None
    raw: object = None


FAULT = "Not booked: the booking system has a fault."
NOT_SAVED = "Not booked: the contact could not be saved."
REFUSE_CONTACTS = "alter table contacts add constraint mine check (name = '')"
LONGEST = " ".join(["an"] * 84)
OUTCOMES: Mapping[str, Drive] = {
    "BOOKED": Drive("Booked: Botox Consultation on "),
    "BOOKED, with the longest service": Drive("Booked: an an ", {"serviceType": LONGEST}),
    "BOOKED, with a service that has no blank": Drive("Booked: 牙", {"serviceType": "牙" * 254}),
    "BOOKED, all misheard": Drive(
        "Booked: a a ",
        {
            "serviceType": " ".join("a" * 120),
            "patientPhone": "5",
            "patientEmail": "x",
            "appointmentDate": None,
            "appointmentTime": None,
            "scheduledAt": f"{in_days(1)}T14:00Z",
        },
        number=CALLER,
    ),
    "BOOKED, the email not kept": Drive(
        "Booked: a a ",
        {
            "serviceType": " ".join("a" * 120),
            "patientPhone": "+15559998888",
            "appointmentTime": "15:00",
        },
        """
        create unique index mine on contacts (lower(email));
        insert into organizations (name, timezone, phone_region) values ('o', 'UTC', 'US');
        insert into contacts (org_id, email)
        select id, 'sam@test.com' from organizations where name = 'o'
        """,
    ),
    "SLOT_TAKEN": Drive(
        "Not booked: ",
        sabotage="""
        insert into contacts (org_id, phone) select org_id, '+15550000000' from resources;
        insert into appointments (org_id, contact_id, resource, service_type, scheduled_at)
        select c.org_id, c.id, 'main', 'x', current_date + n * interval '15 minutes'
        from contacts c, generate_series(0, 40 * 96, 2) n
        """,
    ),
    "AMBIGUOUS_TIME": Drive(
        "Not booked: the clocks go back",
        {"appointmentDate": clocks_change(back=True).isoformat(), "appointmentTime": "01:30"},
    ),
    "NONEXISTENT_TIME": Drive(
        "Not booked: the clocks go forward",
        {"appointmentDate": clocks_change(back=False).isoformat(), "appointmentTime": "02:30"},
    ),
    "PAST_DATE": Drive("Not booked. That time is in the past", {"appointmentDate": in_days(-1)}),
    "INVALID_DATE_TIME": Drive(
        "Not booked: appointmentTime '2:30': It could be", {"appointmentTime": "2:30"}
    ),
    "INVALID_ARGUMENTS": Drive("Not booked: duration 'a while' was not", {"duration": "a while"}),
    "INVALID_ARGUMENTS, all": Drive("Not booked: arguments was not understood.", raw="{"),
    "INVALID_EMAIL": Drive(
        "Not booked: the email address was not", {"patientPhone": None, "patientEmail": "sam"}
    ),
    "INVALID_PHONE": Drive(
        "Not booked: the phone number was not", {"patientPhone": "12", "patientEmail": None}
    ),
    "INVALID_RESOURCE": Drive(
        "Not booked: There is nobody and nothing of this name. Ask which is meant: main.",
        {"resource": "Dr. No"},
    ),
    "MISSING_CONTACT_INFO": Drive("Not booked: a phone number or an email", NO_CONTACT),
    "BOOKING_FAILED": Drive(FAULT, sabotage="delete from resources"),
    "CONTACT_UPSERT_FAILED": Drive(NOT_SAVED, sabotage=REFUSE_CONTACTS),
    "CONTACT_CREATION_FAILED": Drive(NOT_SAVED, BY_EMAIL, sabotage=REFUSE_CONTACTS),
    "CONTACT_RESOLUTION_FAILED": Drive(
        f"{NOT_SAVED} Ask for a phone number",
        BY_EMAIL,
        """
        create unique index mine on contacts (lower(email));
        insert into organizations (name, timezone, phone_region) values ('o', 'UTC', 'US');
        insert into contacts (org_id, email)
        select id, 'noor@example.org' from organizations where name = 'o'
        """,
    ),
}
ELSEWHERE = {
    *("IDEMPOTENCY_KEY_REUSED", "SEARCH_FAILED", "TEMPORARILY_UNAVAILABLE", "TOO_MANY_CALLS"),
    "UNKNOWN_TOOL",
}


def test_every_outcome_is_driven() -> None:
    """Here, or in a test of its own."""
    driven = {name.partition(",")[0] for name in OUTCOMES} | ELSEWHERE
    assert driven == {"BOOKED", "SLOT_TAKEN", *get_args(InvalidCode), *get_args(FailureCode)}


@pytest.mark.parametrize("outcome", OUTCOMES)
async def test_every_outcome_is_short(endpoint: Endpoint, outcome: str) -> None:
    """An answer is one line of 60 words at most, and begins with whether it is booked; a fault is
    an error."""
    drive = OUTCOMES[outcome]
    await endpoint.conn.execute(drive.sabotage)
    message = a_message(arguments(**drive.given), number=drive.number)
    if drive.raw is not None:
        message = tool_calls(a_call(drive.raw))
    [result] = answers(await endpoint.send(message))
    assert words(result).startswith(drive.begins)
    assert ("result" in result) is drive.begins.startswith("Booked")


@pytest.mark.parametrize("zone", ["America/Port_of_Spain", "America/North_Dakota/New_Salem"])
async def test_the_longest_of_all_answers_is_short(endpoint: Endpoint, zone: str) -> None:
    """A long service, another zone's time, a city of several words, and nothing heard well."""
    await a_clinic(endpoint.conn, timezone=zone, token="elsewhere")
    drive = OUTCOMES["BOOKED, all misheard"]
    reply = await endpoint.client.post(
        TOOLS,
        json={"message": a_message(arguments(**drive.given), number=drive.number)},
        headers={"X-Vapi-Secret": "elsewhere"},
    )
    [result] = answers(reply)
    assert "The phone number and email address were not understood" in result["result"]


@pytest.mark.parametrize("shape", ["S1", "S7"])
async def test_an_unanswered_question_is_not_a_no(endpoint: Endpoint, shape: str) -> None:
    """A database that does not answer in time: neither booked nor not booked is claimed."""
    config = Config(database_url=endpoint.url, deadline_seconds=1)
    async with connected(endpoint.url) as other, serving(config) as client:
        await client.post(TOOLS, json={})  # the token is known, for the booking to get further
        async with other.transaction():
            await other.execute("lock table contacts")
            message = tool_message(arguments(), shape=shape)
            reply = await client.post(TOOLS, json={"message": message})
    said = legacy_answer(reply) if shape == "S7" else answers(reply)[0]["error"]
    assert said.startswith("Not confirmed: the booking system did not answer in time. Do not say")


async def test_a_fault_of_our_own_is_answered(
    endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each call, those beside it too: without an answer a model would claim that it is booked."""

    def fail(*_: object) -> None:
        raise ZeroDivisionError

    message = tool_calls(a_call(arguments(), id="1"), a_call("x", id="2"))
    monkeypatch.setattr("booking_asgi.tools.book_appointment.check_future", fail)
    results = answers(await endpoint.send(message))
    assert [result["error"][:11] for result in results] == ["Not booked:"] * 2
    assert (await endpoint.book(**arguments())).status_code == 500
    assert await contacts_and_appointments(endpoint) == (0, 0)


async def test_without_a_known_token_no_call_is_answered(endpoint: Endpoint) -> None:
    for kind in KINDS:
        reply = await endpoint.client.post(
            TOOLS, json={"message": KINDS[kind]()}, headers={"X-Vapi-Secret": TOKEN + "x"}
        )
        assert reply.status_code == 401
    assert await contacts_and_appointments(endpoint) == (0, 0)
