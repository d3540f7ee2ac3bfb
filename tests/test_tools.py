"""Each tool as Vapi registers it, and what it describes is what is read."""

from __future__ import annotations

import json
import re
from datetime import date, timedelta
from typing import Any, get_args

import pytest
from pydantic import ValidationError
from vapi.types import CreateFunctionToolDto

from booking_asgi import contract
from booking_asgi.speech import Failure, FailureCode, fail, refuse
from booking_asgi.tools import TOOLS, find_tool
from booking_asgi.tools.arguments import ARGUMENTS
from booking_asgi.tools.book_appointment import BOOK_APPOINTMENT as BOOK
from booking_asgi.tools.booking_reading import read_booking
from booking_asgi.tools.find_times import FIND_TIMES as FIND
from booking_asgi.tools.searches import Search
from booking_asgi.tools.tool import Asked, Tool
from booking_core import InvalidRequest
from booking_core.errors import InvalidCode
from tests.conftest import Endpoint
from tests.support.factories import NEW_YORK, SOON, a_call, in_days, tool_calls
from tests.support.messages import answers, words
from tests.test_requests import CLINIC

TWICE = (SOON.astimezone(NEW_YORK), SOON.astimezone(NEW_YORK) + timedelta(hours=1))
SENT: dict[str, object] = {
    "patientName": "Ana Luz",
    "patientPhone": "+15559876543",
    "patientEmail": "ana@test.com",
    "appointmentDate": "2027-05-04",
    "appointmentTime": "16:00",
    "scheduledAt": "2027-05-04T16:00:00-04:00",
    "serviceType": "Lip Fillers",
    "duration": 45,
    "resource": "Dr. Chen",
}


EACH = pytest.mark.parametrize("tool", TOOLS, ids=lambda tool: tool.name)


@EACH
def test_vapi_takes_it(tool: Tool[Any, Any]) -> None:
    """The model of its SDK, which refuses what is wrong."""
    url = "https://booking.example.com/api/vapi/tools"
    registered = contract.vapi_tool(tool, url, "credential")
    CreateFunctionToolDto.model_validate(registered)
    with pytest.raises(ValidationError):
        CreateFunctionToolDto.model_validate({**registered, "function": {"name": None}})


@EACH
def test_its_name_and_description_are_in_bounds(tool: Tool[Any, Any]) -> None:
    """The name and the description are in bounds. The name, the path and what a clinic puts around
    them lead to this tool alone."""
    assert re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", tool.name)
    for name in (tool.name, tool.path, f"acme_{tool.name}", f"{tool.path}_v2"):
        assert find_tool(name) is tool
    assert 200 <= len(tool.description) <= 800
    assert "Do not call it" in tool.description


@EACH
def test_each_answer_to_what_is_wrong_is_one_short_line(tool: Tool[Any, Any]) -> None:
    """Every refusal and failure is answered, in 60 words at most, and says that nothing is done."""
    refusals = [
        InvalidRequest(code, "field", "It must be so", TWICE) for code in get_args(InvalidCode)
    ]
    answers = [refuse(refusal, tool.undone) for refusal in refusals]
    answers += [
        fail(Failure(code), tool.undone, tool.doing, changes=tool.changes)
        for code in get_args(FailureCode)
    ]
    for answer in answers:
        assert not answer.done
        assert answer.told.startswith((tool.undone, *(["Not confirmed"] if tool.changes else [])))
        assert tool.changes or "booked" not in answer.told
        for text in (answer.said, answer.told):
            assert re.fullmatch(r"[A-Z][^{}\n]+[.?]", text)
            assert len(text.split()) <= 60


def test_what_it_describes_is_what_is_read() -> None:
    """Each property, sent as it says, lands in the request; there is no other."""
    schema = contract.parameters(BOOK)
    properties = schema["properties"]
    assert set(properties) == set(SENT)
    kinds = {"string": str, "integer": int}
    for name, described in properties.items():
        assert isinstance(SENT[name], kinds[described["type"]])
        assert len(described["description"]) > 20
    request = read_booking(SENT, CLINIC)
    read = (request.name, request.phone, request.email, request.scheduled_at.isoformat())
    assert read == (
        *("Ana Luz", "+15559876543", "ana@test.com"),
        "2027-05-04T16:00:00-04:00",
    )
    assert (request.service_type, request.duration_minutes, request.resource) == (
        *("Lip Fillers", 45),
        "Dr. Chen",
    )


SEARCHED: dict[str, object] = {
    "appointmentDate": in_days(30),
    "untilDate": in_days(33),
    "partOfDay": "evening",
    "serviceType": "Lip Fillers",
    "resource": "Dr. Chen",
}


def test_what_find_times_describes_is_what_is_read() -> None:
    """Each property, sent as it says, lands in the search; there is no other, and none is needed:
    a caller may ask for the soonest time. Each choice of a property is one that is read."""
    schema = contract.parameters(FIND)
    assert set(schema["properties"]) == set(SEARCHED) and schema["required"] == []

    def read(**arguments: object) -> Search:
        search = FIND.read(Asked(arguments=arguments, organization=CLINIC, horizon_days=3650))
        assert isinstance(search, Search)
        return search

    search = read(**SEARCHED)
    assert (search.first, search.last) == tuple(
        date.fromisoformat(in_days(days)) for days in (30, 33)
    )
    assert (search.part, search.service_type, search.resource) == (
        *("evening", "Lip Fillers"),
        "Dr. Chen",
    )
    assert f"{search.since.astimezone(NEW_YORK):%F %R}" == f"{in_days(30)} 00:00"
    choices = schema["properties"]["partOfDay"]["enum"]
    assert [read(partOfDay=choice).part for choice in choices] == choices
    soonest = read()
    assert (soonest.first, soonest.last, soonest.part, soonest.resource) == (None,) * 4
    for name, value in (("appointmentDate", "2020-01-01"), ("untilDate", in_days(29))):
        with pytest.raises(InvalidRequest) as raised:
            read(**{**SEARCHED, name: value})
        assert raised.value.field in ("appointmentDate", "untilDate")


OTHER_NAMES = {
    "checkAvailability": "findTimes",
    "get_available_slots": "findTimes",
    "find-free-times": "findTimes",
    "listOpenings": "findTimes",
    "show_next_available_appointment_times": "findTimes",
    "clinic_book_appointment": "bookAppointment",
    "bookNewAppointment": "bookAppointment",
    "bookFreeTime": None,
    "checkIn": None,
    "my_appointments": None,
    "findAppointments": "findAppointments",
    "lookup_patient_appointments": "findAppointments",
    "show_free_appointments": None,
    "cancelAppointment": "cancelAppointment",
    "delete-booking": "cancelAppointment",
    "rescheduleAppointment": "moveAppointment",
    "acme_change_appointment_v2": "moveAppointment",
    "confirmAppointment": None,
}


@pytest.mark.parametrize("name", OTHER_NAMES)
def test_other_names_of_the_tools(name: str) -> None:
    """What a clinic may have called a tool leads to it, and what another tool does to none."""
    found = find_tool(name)
    assert (found.name if found else None) == OTHER_NAMES[name]


async def test_each_outcome_of_a_search_is_answered(endpoint: Endpoint) -> None:
    """To a model as one line that says what to do, to a direct caller as a word and the times."""
    day = in_days(3)
    sent: list[tuple[dict[str, object], int, str]] = [
        ({"appointmentDate": day}, 200, ""),
        ({"appointmentDate": in_days(-3)}, 400, "PAST_DATE"),
        ({"appointmentDate": "someday"}, 400, "INVALID_DATE_TIME"),
        ({"resource": "Dr. Who"}, 400, "INVALID_RESOURCE"),
        ({"serviceType": "x" * 5000}, 400, "INVALID_ARGUMENTS"),
    ]
    for arguments, status, code in sent:
        reply = await endpoint.client.post("/api/vapi/tools/find-times", json=arguments)
        content = json.loads(reply.json()["toolResult"]["content"])
        assert reply.status_code == status, content
        assert content["success"] is (status == 200) and content.get("error", "") == code
        [heard] = answers(await endpoint.send(tool_calls(a_call(arguments, name="findTimes"))))
        assert ("result" in heard) is (status == 200)
        assert words(heard).startswith("Free on" if status == 200 else "Not looked up")
    times = (await endpoint.client.post("/api/vapi/tools/find-times", json={"date": day})).json()
    content = json.loads(times["toolResult"]["content"])
    assert content["freeTimes"][0].startswith(f"{day}T00:00") and content["more"] == 93
    assert times["speech"].endswith("Which one would you like?")
    await endpoint.conn.execute(
        "insert into exceptions (org_id, during, opens)"
        " select id, tsrange('2000-01-01', '2100-01-01'), false from organizations"
    )
    for said in ({}, {"appointmentDate": day}):
        [heard] = answers(await endpoint.send(tool_calls(a_call(said, name="findTimes"))))
        assert heard["result"].startswith("Nothing is free")
        assert heard["result"].endswith("Offer that somebody from the clinic calls back.")
    await endpoint.conn.execute("drop table exceptions")
    [heard] = answers(await endpoint.send(tool_calls(a_call({}, name="findTimes"))))
    assert heard["error"] == (
        "Not looked up: the booking system has a fault. Apologize, and offer that somebody calls"
        " back."
    )


def test_what_it_requires_is_enough_on_a_phone() -> None:
    """With the caller's own number; and without each of them, but for the name, a question."""
    required = contract.parameters(BOOK)["required"]
    least = {name: SENT[name] for name in required}
    assert read_booking(least, CLINIC, caller_number="+15559876543").name == "Ana Luz"
    for name in set(required) - {"patientName"}:
        without = {key: value for key, value in least.items() if key != name}
        with pytest.raises(InvalidRequest):
            read_booking(without, CLINIC, caller_number="+15559876543")


def test_its_static_parameter_is_the_callers_number() -> None:
    """Left unrendered, it is no number; what the model says goes before it."""
    [static] = contract.vapi_tool(BOOK, "https://booking.example.com")["parameters"]
    key, template = static["key"], static["value"]
    assert key in ARGUMENTS["caller"].names
    at = {name: SENT[name] for name in ("appointmentDate", "appointmentTime")}
    asked = read_booking({**at, key: "+15550001111"}, CLINIC)
    assert asked.phone == "+15550001111"
    said = read_booking({**SENT, key: "+15550001111"}, CLINIC)
    assert said.phone == "+15559876543"
    with pytest.raises(InvalidRequest) as raised:
        read_booking({**at, key: template}, CLINIC)
    assert raised.value.code == "MISSING_CONTACT_INFO"


def test_the_prompt_names_the_clinics_zone() -> None:
    """`now` alone is UTC, a day off in the evening."""
    assert '{{"now" | date: "%A, %B %d, %Y, %I:%M %p", "Europe/Berlin"}}' in contract.prompt_block(
        "Europe/Berlin"
    )
