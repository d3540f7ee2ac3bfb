"""What is read from a message, shape by shape, and what a reply holds."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from booking_asgi.command.call import SHAPES, tool_message
from booking_asgi.tools.booking_reading import idempotency_key
from booking_asgi.vapi import (
    Message,
    ToolCall,
    decode_body,
    parse_message,
    render,
)
from booking_core import BookingRequest, Email, Phone
from tests.support.factories import NEW_YORK
from tests.support.payloads import KINDS, OTHER_CALL, TOOL_CALL, surroundings

GIVEN = {"patientName": "Noor Haddad", "nested": {"list": [1, None]}, "text": "{}"}
ABSENT = "absent"

UNDERSTOOD = {
    "object": GIVEN,
    "text": json.dumps(GIVEN),
    "text in white space": f"\n {json.dumps(GIVEN)}\t",
    "text of text": json.dumps(json.dumps(GIVEN)),
}
NOTHING: dict[str, object] = {
    "empty object": {},
    "empty text": "",
    "white space": " \n",
    "null": None,
    "text of null": "null",
    "text of empty text": '""',
    "text of an empty object": "{}",
    "absent": ABSENT,
}
NOT_UNDERSTOOD = {
    "list": [GIVEN],
    "empty list": [],
    "number": 7,
    "zero": 0,
    "true": True,
    "false": False,
    "broken": '{"patientName": "Noor',
    "words": "Noor Haddad, at two",
    "text of a list": "[1, 2]",
    "text of a number": "7",
    "text of words": '"Noor Haddad"',
    "text of text of text": json.dumps(json.dumps(json.dumps(GIVEN))),
    "two objects": "{}{}",
    "endless": "[" * 100_000,
}
FORMS: list[tuple[str, object, Mapping[str, object] | None]] = [
    *((form, value, GIVEN) for form, value in UNDERSTOOD.items()),
    ("a number of many digits", f'{{"duration": {"9" * 5000}}}', {"duration": float("inf")}),
    *((form, value, {}) for form, value in NOTHING.items()),
    *((form, value, None) for form, value in NOT_UNDERSTOOD.items()),
]


def in_place(node: Any, arguments: object) -> Any:
    """The message with these in every place where the simulator has put its own."""
    if isinstance(node, dict):
        return {
            key: in_place(arguments if is_marked(value) else value, arguments)
            for key, value in node.items()
            if not (is_marked(value) and arguments is ABSENT)
        }
    return [in_place(child, arguments) for child in node] if isinstance(node, list) else node


MARK: Mapping[str, object] = {"mark": "here"}


def is_marked(value: object) -> bool:
    return value == MARK or value == json.dumps(MARK)


def read(message: Mapping[str, object]) -> Message | None:
    """As it comes: from its bytes."""
    body = decode_body(json.dumps({"message": message}).encode())
    assert isinstance(body, dict)
    return parse_message(body["message"])


def calls_of(message: Mapping[str, object]) -> tuple[ToolCall, ...]:
    parsed = read(message)
    assert parsed is not None
    return parsed.calls


def ids_of(**lists: object) -> list[str]:
    return [call.id for call in calls_of({"type": "tool-calls", **lists})]


def rendered(message: Message, *answers: tuple[bool, str]) -> list[dict[str, str]]:
    results = render(message, answers)["results"]
    assert isinstance(results, list)
    return results


def nested(id: object, name: object = "bookAppointment", **function: object) -> dict[str, object]:
    return {"id": id, "type": "function", "function": {"name": name, **function}}


@pytest.mark.parametrize(("form", "value", "expected"), FORMS, ids=[form for form, *_ in FORMS])
@pytest.mark.parametrize("shape", SHAPES)
def test_arguments_of_each_shape_in_each_form(
    shape: str, form: str, value: object, expected: Mapping[str, object] | None
) -> None:
    """An object is read from two layers of text; nothing is no argument; all else is None."""
    message = in_place(tool_message(MARK, shape=shape, call_id=TOOL_CALL), value)
    call_id = "" if shape == "S7" else TOOL_CALL
    assert calls_of(message) == (ToolCall(call_id, "bookAppointment", expected),)


@pytest.mark.parametrize("shape", SHAPES)
def test_what_stands_around_a_call_is_no_part_of_it(shape: str) -> None:
    """The assistant, the transcript, the phone number and what is not known yet change nothing."""
    message = tool_message(GIVEN, shape=shape, call_id=TOOL_CALL, conversation="c")
    assert read({**surroundings(), **message}) == read(message)


@pytest.mark.parametrize(
    ("kind", "ids"),
    [
        ("from_a_phone", [TOOL_CALL]),
        ("from_the_web", [TOOL_CALL]),
        ("with_another_tool", [OTHER_CALL, TOOL_CALL]),
        ("from_nobody", [TOOL_CALL]),
        ("from_an_old_assistant", [""]),
        ("from_a_chat", [TOOL_CALL]),
        ("from_a_switchboard", [TOOL_CALL]),
    ],
)
def test_each_kind_of_message(kind: str, ids: list[str]) -> None:
    """Each call is found once, with the arguments that were given."""
    calls = calls_of(KINDS[kind](GIVEN))
    assert [call.id for call in calls] == ids
    assert calls[-1].name == "bookAppointment"
    assert calls[-1].arguments is not None
    assert GIVEN.items() <= calls[-1].arguments.items()


@pytest.mark.parametrize(
    ("places", "expected"),
    [
        (("function.name", "name", "outer function.name", "outer name"), "function.name"),
        (("name", "outer function.name", "outer name"), "name"),
        (("outer function.name", "outer name"), "outer function.name"),
        (("outer name",), "outer name"),
        ((), ""),
    ],
)
@pytest.mark.parametrize("nothing", [None, "", 7, {}, ["name"]], ids=repr)
def test_the_place_of_a_name(places: tuple[str, ...], expected: str, nothing: object) -> None:
    """The call's own names come before its tool's; what is no text is no name."""
    name = {
        place: place if place in places else nothing
        for place in ("function.name", "name", "outer function.name", "outer name")
    }
    call = {"id": "1", "name": name["name"], "function": {"name": name["function.name"]}}
    tool = {"name": name["outer name"], "function": {"name": name["outer function.name"]}}
    message = {"type": "tool-calls", "toolWithToolCallList": [{**tool, "toolCall": call}]}
    assert calls_of(message) == (ToolCall("1", expected, {}),)


@pytest.mark.parametrize("nothing", [None, ABSENT], ids=["null", "absent"])
@pytest.mark.parametrize("first", range(4))
def test_the_place_of_arguments(first: int, nothing: object) -> None:
    """function.arguments, arguments, function.parameters, parameters: the first that is there."""
    places = ("function.arguments", "arguments", "function.parameters", "parameters")
    function: dict[str, object] = {"name": "bookAppointment"}
    call: dict[str, object] = {"id": "1", "function": function}
    for order, place in enumerate(places):
        value = {"from": place} if order >= first else nothing
        holder = function if place.startswith("function.") else call
        if value is not ABSENT:
            holder[place.removeprefix("function.")] = value
    message = {"type": "tool-calls", "toolCallList": [call]}
    assert calls_of(message) == (ToolCall("1", "bookAppointment", {"from": places[first]}),)


@pytest.mark.parametrize(
    "tool_call",
    [
        {"id": "1"},
        {"id": "1", "function": None},
        {"id": "1", "function": {"arguments": None}},
        {"id": "1", "function": {"arguments": ""}, "parameters": None},
        {"id": "1", "arguments": "{}"},
    ],
)
def test_a_tools_own_parameters_are_never_arguments(tool_call: dict[str, object]) -> None:
    """They are its schema and its fixed values, however little the call itself holds."""
    schema = {"type": "object", "properties": {"patientName": {"type": "string"}}}
    fixed = [{"key": "callerNumber", "value": "{{ customer.number }}"}]
    tool = {
        "function": {"name": "bookAppointment", "parameters": schema, "arguments": schema},
        "parameters": fixed,
        "arguments": GIVEN,
    }
    message = {"type": "tool-calls", "toolWithToolCallList": [{**tool, "toolCall": tool_call}]}
    assert calls_of(message) == (ToolCall("1", "bookAppointment", {}),)


def test_an_id_is_read_once_within_a_list() -> None:
    assert ids_of(toolCallList=[nested("1"), nested("2"), nested("1")]) == ["1", "2"]


def test_an_id_is_read_once_across_lists() -> None:
    """In the order of their first mentions, whatever the order of the lists in the message."""
    assert ids_of(
        toolWithToolCallList=[{"toolCall": nested("3")}, {"toolCall": nested("1")}],
        toolCalls=[nested("2"), nested("1")],
        toolCallList=[nested("1")],
    ) == ["1", "2", "3"]


def test_the_first_mention_of_an_id_counts() -> None:
    first, other = nested("1", "first", arguments={"n": 1}), nested("1", "other", arguments={})
    message = {"type": "tool-calls", "toolCallList": [first, other], "toolCalls": [other]}
    assert calls_of(message) == (ToolCall("1", "first", {"n": 1}),)


def test_shapes_may_be_mixed_in_one_message() -> None:
    message = {
        "type": "tool-calls",
        "toolCallList": [
            nested("s1", "one", arguments={"n": 1}),
            nested("s2", "two", arguments='{"n": 2}'),
            {"id": "s3", "name": "three", "arguments": {"n": 3}},
            {"id": "s4", "name": "four", "parameters": {"n": 4}},
        ],
        "toolWithToolCallList": [
            {"type": "function", "toolCall": nested("s5", "five", parameters={"n": 5})},
            {"name": "six", "toolCall": {"id": "s6", "parameters": {"n": 6}}},
        ],
        "functionCall": {"name": "seven", "parameters": {"n": 7}},
    }
    names = ("one", "two", "three", "four", "five", "six")
    expected = tuple(ToolCall(f"s{n}", name, {"n": n}) for n, name in enumerate(names, 1))
    assert calls_of(message) == expected


ODD_IDS = [
    "call_1",
    "toolu_01/+=",
    " ",
    " call_1\n",
    "a\r\nb\tc\x00\x7f\u2028",
    'quote" back\\slash </script> {{ id }} %s',
    "ид-調用-🦷",
    "e\u0301",
    "\ud800",
    "\udfff\ud83d",
    "null",
    "7",
    "x" * 10_000,
]


@pytest.mark.parametrize("call_id", ODD_IDS, ids=ascii)
def test_an_id_comes_back_as_it_is(call_id: str) -> None:
    """It is opaque: neither trimmed, nor normalized, nor cut."""
    message = read({"type": "tool-calls", "toolCallList": [nested(call_id)]})
    assert message is not None
    [result] = rendered(message, (True, "Booked."))
    assert result["toolCallId"] == call_id


@pytest.mark.parametrize("call_id", [None, "", 7, 7.5, True, {}, ["1"], {"id": "1"}, ABSENT])
def test_an_id_that_is_no_text_is_none(call_id: object) -> None:
    """Nothing can be answered to it; the call beside it can."""
    call = nested(call_id)
    if call_id is ABSENT:
        del call["id"]
    lists = {"toolCallList": [call, nested("2")], "toolWithToolCallList": [{"toolCall": call}]}
    assert ids_of(**lists) == ["2"]


@pytest.mark.parametrize("item", [None, 7, "call_1", True, [], [nested("1")]], ids=repr)
def test_items_that_are_no_objects_are_passed_over(item: object) -> None:
    """In each list, in the place of a call or of its tool."""
    assert ids_of(
        toolCallList=[item, nested("1")],
        toolCalls=[nested("2"), item],
        toolWithToolCallList=[item, {"toolCall": item}, {"toolCall": nested("3")}],
    ) == ["1", "2", "3"]


@pytest.mark.parametrize("no_list", [None, 7, "x", True, {}, nested("1"), ABSENT], ids=repr)
def test_lists_that_are_no_lists_hold_no_call(no_list: object) -> None:
    lists = dict.fromkeys(("toolCallList", "toolCalls", "toolWithToolCallList"), no_list)
    assert ids_of(**{key: value for key, value in lists.items() if value is not ABSENT}) == []


@pytest.mark.parametrize(
    "kind",
    [
        *("assistant-request", "conversation-update", "end-of-call-report", "hang", "model-output"),
        *(
            "phone-call-control",
            "speech-update",
            "status-update",
            "tool-calls-result",
            "transcript",
        ),
        *("transfer-destination-request", "user-interrupted", "", "Tool-Calls", "tool_calls"),
    ],
)
def test_other_messages_are_none_of_ours(kind: str) -> None:
    """Even where they hold calls: those of an earlier turn."""
    assert read({**tool_message(GIVEN), "type": kind}) is None


@pytest.mark.parametrize("kind", [None, 7, {}, ["status-update"], ABSENT], ids=repr)
def test_a_message_without_a_type_is_read_for_calls(kind: object) -> None:
    """A call that can be answered is answered."""
    message = {**tool_message(GIVEN, call_id="1"), "type": kind}
    if kind is ABSENT:
        del message["type"]
    assert [call.id for call in calls_of(message)] == ["1"]


def test_only_the_legacy_type_is_read_for_the_legacy_call() -> None:
    """It is answered on its own, and has no id."""
    message = tool_message(GIVEN, shape="S7", conversation="c", caller_number="+15558675309")
    expected = Message((ToolCall("", "bookAppointment", GIVEN),), "c", "+15558675309", legacy=True)
    assert read(message) == expected
    assert calls_of({**message, "type": "tool-calls"}) == ()


@pytest.mark.parametrize("function_call", [None, 7, "book", [], {}, {"name": 7}, ABSENT], ids=repr)
def test_a_legacy_call_without_a_name_is_still_one(function_call: object) -> None:
    """For there is something to answer to."""
    message = {"type": "function-call", "functionCall": function_call}
    if function_call is ABSENT:
        del message["functionCall"]
    assert calls_of(message) == (ToolCall("", "", {}),)


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ({"call": {"id": "call"}}, "call"),
        ({"call": {"id": "call"}, "chat": {"id": "chat"}}, "call"),
        ({"call": None, "chat": {"id": "chat"}}, "chat"),
        ({"chat": {"id": "chat"}}, "chat"),
        ({"call": {}, "chat": {"id": "chat"}}, "chat"),
        ({"call": {"id": ""}, "chat": {"id": "chat"}}, "chat"),
        ({"call": {"id": 7}, "chat": {"id": "chat"}}, "chat"),
        ({"call": "call", "chat": ["chat"]}, None),
        ({"call": {"id": None}, "chat": {"id": {}}}, None),
        ({"call": {"orgId": "o", "assistantId": "a"}, "assistant": {"id": "a"}}, None),
        ({}, None),
    ],
    ids=repr,
)
def test_the_conversation(message: dict[str, object], expected: str | None) -> None:
    """The phone call's id, or the chat's; never that of anything that outlives it."""
    parsed = read({"type": "tool-calls", **message})
    assert parsed is not None
    assert parsed.conversation == expected


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ({"customer": {"number": "+15558675309"}}, "+15558675309"),
        ({"call": {"customer": {"number": "+15558675309"}}}, "+15558675309"),
        (
            {"customer": {"number": "+15558675309"}, "call": {"customer": {"number": "+1555"}}},
            "+15558675309",
        ),
        (
            {"customer": {"number": ""}, "call": {"customer": {"number": "+15558675309"}}},
            "+15558675309",
        ),
        ({"customer": None, "call": {"customer": {"number": "anonymous"}}}, "anonymous"),
        ({"customer": {"number": "sip:desk@example.org"}}, "sip:desk@example.org"),
        ({"customer": {"number": 15558675309}}, 15558675309),
        ({"customer": {"sipUri": "sip:desk@example.org"}}, None),
        ({"customer": "+15558675309", "call": {"customer": ["+15558675309"]}}, None),
        ({"customer": {}, "call": None}, None),
        ({"phoneNumber": {"number": "+15550001234"}}, None),
        ({"artifact": {"variableValues": {"customer": {"number": "+15550001234"}}}}, None),
        ({}, None),
    ],
    ids=repr,
)
def test_the_callers_number(message: dict[str, object], expected: object) -> None:
    """As Vapi has it, number or not; never the clinic's own."""
    parsed = read({"type": "tool-calls", **message})
    assert parsed is not None
    assert parsed.caller_number == expected


json_values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
KEYS = ["type", "toolCallList", "toolCalls", "toolWithToolCallList", "toolCall", "function", "id"]
KEYS += ["name", "arguments", "parameters", "call", "chat", "customer", "number", "functionCall"]
likely_json = st.recursive(
    json_values | st.sampled_from(["tool-calls", "function-call", "1", "{}"]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=5)
    ),
    max_leaves=12,
)


@settings(max_examples=100, deadline=None)
@given(st.dictionaries(st.sampled_from(KEYS), likely_json))
def test_any_message_is_read(message: dict[str, object]) -> None:
    """Never an exception; no id comes twice."""
    parsed = read(message)
    if parsed is not None:
        assert len({call.id for call in parsed.calls}) == len(parsed.calls)


def a_parsed(*names: str, legacy: bool = False) -> Message:
    calls = tuple(ToolCall(f"id {place}", name, {}) for place, name in enumerate(names))
    return Message(calls, None, None, legacy)


def test_answers_stand_in_the_order_of_the_calls() -> None:
    """Each with its id, its name and exactly one of result and error."""
    message = a_parsed("first", "second", "third")
    answers = [(True, "Booked: one."), (False, "Not booked: two."), (True, "Booked: three.")]
    expected = [
        {"toolCallId": "id 0", "name": "first", "result": "Booked: one."},
        {"toolCallId": "id 1", "name": "second", "error": "Not booked: two."},
        {"toolCallId": "id 2", "name": "third", "result": "Booked: three."},
    ]
    assert render(message, answers) == {"results": expected}


def test_a_call_without_a_name_gets_one() -> None:
    """For the schema of the reply requires it."""
    expected = [{"toolCallId": "id 0", "name": "unknown", "error": "Not done."}]
    assert render(a_parsed(""), [(False, "Not done.")]) == {"results": expected}


WHITE_SPACE = "one\ntwo\r\n three\t\tfour\u2028five\x0bsix\x85seven "


@pytest.mark.parametrize("done", [True, False])
def test_an_answer_is_a_single_line(done: bool) -> None:
    [result] = rendered(a_parsed("book"), (done, WHITE_SPACE))
    assert result["result" if done else "error"] == "one two three four five six seven"


@pytest.mark.parametrize("done", [True, False])
def test_a_legacy_answer_is_a_single_line_too(done: bool) -> None:
    """And nothing but a result: it has no place for an error."""
    message = a_parsed("book", legacy=True)
    expected = {"result": "one two three four five six seven"}
    assert render(message, [(done, WHITE_SPACE)]) == expected


def test_a_call_without_an_answer_is_a_fault() -> None:
    """An unanswered id would be a claim of the model's own."""
    with pytest.raises(ValueError, match="shorter"):
        render(a_parsed("first", "second"), [(True, "Booked.")])


REQUEST = BookingRequest(
    org_id=UUID(int=1),
    phone=Phone("+15558675309"),
    email=Email("noor@example.org"),
    name="Noor Haddad",
    service_type="Checkup",
    scheduled_at=datetime(2027, 3, 1, 14, 0, tzinfo=NEW_YORK),
    duration_minutes=30,
    resource="chair 1",
)


def key(conversation: str = "c", **changed: Any) -> str:
    return idempotency_key(conversation, dataclasses.replace(REQUEST, **changed))


@pytest.mark.parametrize(
    "same",
    [
        {},
        {"scheduled_at": REQUEST.scheduled_at.astimezone(UTC)},
        {"email": "Noor@example.org"},
        {"misheard": ("phone",)},
        {"idempotency_key": "another"},
    ],
    ids=repr,
)
def test_the_same_content_has_the_same_key(same: dict[str, Any]) -> None:
    """However the instant is written, or the email's letters."""
    assert key() == key(**same)


@pytest.mark.parametrize(
    "other",
    [
        {"conversation": "d"},
        {"phone": "+15558675310"},
        {"phone": None},
        {"email": "omar@example.org"},
        {"email": None},
        {"name": "Omar Haddad"},
        {"name": None},
        {"service_type": "Filling"},
        {"scheduled_at": REQUEST.scheduled_at + timedelta(minutes=1)},
        {"scheduled_at": REQUEST.scheduled_at.replace(tzinfo=UTC)},
        {"duration_minutes": 45},
        {"resource": "chair 2"},
        {"resource": None},
        {"phone": None, "name": "+15558675309"},
    ],
    ids=repr,
)
def test_other_content_has_another_key(other: dict[str, Any]) -> None:
    """Another conversation, person, service, time, length or resource."""
    assert key() != key(**other)


@pytest.mark.parametrize("conversation", [id for id in ODD_IDS if id], ids=ascii)
def test_a_key_can_be_stored(conversation: str) -> None:
    """A key can be stored whatever the conversation is called: a request refuses a key that the
    column would refuse."""
    assert dataclasses.replace(REQUEST, idempotency_key=key(conversation)).idempotency_key
