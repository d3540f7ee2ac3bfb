"""Each tool as Vapi registers it, and what it describes is what is read."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any, get_args

import pytest
from pydantic import ValidationError
from vapi.types import CreateFunctionToolDto

from booking_asgi import contract
from booking_asgi.speech import Failure, FailureCode, fail, refuse
from booking_asgi.tools import TOOLS, find_tool
from booking_asgi.tools.arguments import ARGUMENTS
from booking_asgi.tools.book_appointment import BOOK_APPOINTMENT as BOOK
from booking_asgi.tools.book_appointment import read_booking
from booking_asgi.tools.tool import Tool
from booking_core import InvalidRequest
from booking_core.errors import InvalidCode
from tests.support.factories import NEW_YORK, SOON
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
    assert len(tool.description) < 1000


@EACH
def test_each_answer_to_what_is_wrong_is_one_short_line(tool: Tool[Any, Any]) -> None:
    """Every refusal and failure is answered, in 60 words at most, and says that nothing is done."""
    refusals = [
        InvalidRequest(code, "field", "It must be so", TWICE) for code in get_args(InvalidCode)
    ]
    answers = [refuse(refusal, tool.undone) for refusal in refusals]
    answers += [fail(Failure(code), tool.undone, tool.doing) for code in get_args(FailureCode)]
    for answer in answers:
        assert not answer.done
        assert answer.told.startswith((tool.undone, "Not confirmed"))
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
