"""Any JSON, and messages that went wrong on their way: answered, and never booked by mistake.

BOOKING_FUZZ=10000 runs that many examples of each, other ones each time.
"""

from __future__ import annotations

import asyncio
import contextlib
import copy
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from booking_asgi import Config
from booking_asgi.tools import find_tool
from booking_asgi.vapi import parse_message
from booking_core import Connection
from tests.conftest import connected, serving
from tests.support.factories import (
    NEW_YORK,
    TOKEN,
    a_call,
    a_clinic,
    arguments,
    in_days,
    tool_calls,
)
from tests.support.messages import OURS, TOOLS, answers, legacy_answer, words
from tests.support.payloads import CALLER, KINDS, OTHER_CALL, TOOL_CALL, Message, renamed

FUZZ = os.environ.get("BOOKING_FUZZ")


def examples(number: int) -> settings:
    return settings(
        max_examples=int(FUZZ or number),
        deadline=None,  # the machine may be busy
        derandomize=not FUZZ,
        phases=[Phase.explicit, Phase.generate, Phase.shrink],
        database=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],  # real messages
    )


@dataclass(frozen=True)
class Endpoint:
    """One application for all examples of a test, on a loop that outlives each."""

    runner: asyncio.Runner
    client: httpx.AsyncClient
    conn: Connection

    def post(self, path: str, body: object) -> tuple[httpx.Response, list[Row]]:
        """To a clinic without any bookings: the reply, and what is booked then."""
        return self.runner.run(self._post(path, body))

    async def _post(self, path: str, body: object) -> tuple[httpx.Response, list[Row]]:
        await self.conn.execute("delete from appointments; delete from contacts")
        reply = await self.client.post(path, content=json.dumps(body))
        rows = await self.conn.fetch(
            """
            select scheduled_at, service_type, phone, email
            from appointments a join contacts c on c.id = a.contact_id
            """
        )
        return reply, [Row(*row) for row in rows]


@dataclass(frozen=True)
class Row:
    start: datetime
    service: str
    phone: str | None
    email: str | None


@pytest.fixture
def endpoint(url: str) -> Iterator[Endpoint]:
    async def start(stack: contextlib.AsyncExitStack) -> tuple[httpx.AsyncClient, Connection]:
        conn = await stack.enter_async_context(connected(url))
        await a_clinic(conn, token=TOKEN)
        config = Config(database_url=url, deadline_seconds=60, pool_size=2)
        return await stack.enter_async_context(serving(config)), conn

    with asyncio.Runner() as runner:
        stack = contextlib.AsyncExitStack()
        client, conn = runner.run(start(stack))
        yield Endpoint(runner, client, conn)
        runner.run(stack.aclose())


# What an argument, or a part of a message, may well have become.
LIKELY: list[Any] = [
    *("", " ", "null", "{}", "[]", '""', "true", "0", "{{ customer.number }}", "anonymous"),
    *("tool-calls", "function-call", "status-update", "bookAppointment", TOOL_CALL, OTHER_CALL),
    *(CALLER, "+15559998888", "555-12", "omar@example.org", "omar at example dot org", "Omar"),
    *(in_days(2), in_days(-2), "2:30", "02:30", "3 PM", "noon", "Fillers", "main", 45, 15559998888),
    *(None, True, False, 0, -1, 7.5, 10**30, float("nan"), float("inf"), [], {}, "\x00", "\ud800"),
]
KEYS = ["message", "type", "toolCallList", "toolCalls", "toolWithToolCallList", "toolCall", "id"]
KEYS += ["function", "functionCall", "name", "arguments", "parameters", "call", "chat", "customer"]
KEYS += ["number", "orgId", "patientPhone", "appointmentDate", "scheduledAt", "duration"]
any_text = st.text(st.characters(exclude_categories=()), max_size=20)
any_json = st.recursive(
    st.sampled_from(LIKELY) | st.integers() | st.floats() | any_text,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(KEYS) | any_text, inner, max_size=5)
    ),
    max_leaves=20,
)


@st.composite
def mutated(draw: st.DrawFn, whole: object) -> Any:
    """`whole` with one to four of its nodes lost, doubled, wrapped, retyped or put elsewhere."""
    root = {"root": copy.deepcopy(whole)}
    for _ in range(draw(st.integers(1, 4))):
        parent, key = draw(st.sampled_from(nodes_of(root)))
        node = parent[key]
        match draw(st.sampled_from(["delete", "replace", "double", "wrap", "retype", "move"])):
            case "delete":
                del parent[key]
            case "replace":
                parent[key] = draw(any_json)
            case "double" if isinstance(parent, list):
                parent.insert(key, copy.deepcopy(node))
            case "double" | "wrap":
                parent[key] = draw(st.sampled_from([[node], {"value": node}, {str(key): node}]))
            case "retype":
                parent[key] = draw(st.sampled_from([json.dumps(node), str(node), bool(node)]))
            case "move":
                other, place = draw(st.sampled_from(nodes_of(root)))
                other[place] = copy.deepcopy(node)
        if not root:
            return draw(any_json)
    return root["root"]


def nodes_of(node: Any) -> list[tuple[Any, Any]]:
    """Each node as what holds it and its place there; what Vapi alone reads counts as one."""
    found: list[tuple[Any, Any]] = []
    places = node.items() if isinstance(node, dict) else enumerate(node)
    for key, child in places:
        found.append((node, key))
        if isinstance(child, dict | list) and key not in ("assistant", "artifact", "phoneNumber"):
            found += nodes_of(child)
    return found


GIVEN = arguments(patientPhone="+15551112222", patientEmail="noor@example.org")
START = datetime.fromisoformat(f"{GIVEN['appointmentDate']}T{GIVEN['appointmentTime']}")
NOOR = Row(
    START.replace(tzinfo=NEW_YORK), str(GIVEN["serviceType"]), "+15551112222", "noor@example.org"
)
MESSAGES: list[Message] = [
    *(builder(GIVEN, conversation="c") for builder in KINDS.values()),
    renamed(KINDS["from_a_phone"](GIVEN, conversation="c"), "scheduleVisit"),
    tool_calls(*(a_call(GIVEN, id=id, name=name) for id, name in zip("123", "bBb", strict=True))),
    tool_calls(*(a_call({**GIVEN, "appointmentTime": f"{n:02}:00"}, id=str(n)) for n in range(18))),
]


def mentions(message: Message) -> list[tuple[str, Any]]:
    """Each id that can be answered, with the call that stands first under it."""
    found: dict[str, Any] = {}
    lists = [message.get("toolCallList"), message.get("toolCalls")]
    beside = message.get("toolWithToolCallList")
    if type(beside) is list:
        lists.append([tool.get("toolCall") for tool in beside if type(tool) is dict])
    for calls in lists:
        for call in calls if type(calls) is list else []:
            if type(call) is dict and type(call.get("id")) is str and call["id"] != "":
                found.setdefault(call["id"], call)
    return list(found.items())


def arguments_in(call: Any) -> Any:
    """The arguments that were given in one call, read once more: a dict, or what it is instead."""
    function = call.get("function")
    function = function if type(function) is dict else {}
    given: Any = None
    for holder, key in [(call, "parameters"), (function, "parameters"), (call, "arguments")]:
        given = holder.get(key) if holder.get(key) is not None else given
    given = function["arguments"] if function.get("arguments") is not None else given
    with contextlib.suppress(ValueError, TypeError):
        given = json.loads(given)
        given = json.loads(given)
    return given


def check_envelope(message: Message, reply: httpx.Response, rows: list[Row]) -> None:
    """There is one answer for each id, and no row that no answer says is booked."""
    kind = message.get("type")
    if type(kind) is str and kind not in ("tool-calls", "function-call"):
        assert (reply.status_code, reply.json(), rows) == (200, {}, [])
        return
    if kind == "function-call":
        call = message.get("functionCall")
        calls, said = [call if type(call) is dict else {}], [legacy_answer(reply)]
    elif not (found := mentions(message)):
        assert (reply.status_code, rows) == (400, [])
        return
    else:
        results = answers(reply)
        parsed = parse_message(message)
        assert parsed is not None
        assert [id for id, _ in found] == [call.id for call in parsed.calls]
        assert [id for id, _ in found] == [result["toolCallId"] for result in results]
        calls, said = [call for _, call in found], [words(result) for result in results]
        assert [text.startswith("Booked: ") for text in said] == ["result" in r for r in results]
    booked = [
        arguments_in(call)
        for call, text in zip(calls, said, strict=True)
        if text.startswith("Booked: ")
    ]
    check_rows(booked, rows)


def check_rows(booked: list[Any], rows: list[Row]) -> None:
    """Each stands for arguments that say it; `booked` are those of which it was claimed."""
    assert bool(booked) is bool(rows) and len(rows) <= len(booked)
    assert all(type(said) is dict for said in booked), "booked from what is no object"
    if booked == [GIVEN] or booked == [{**GIVEN, "callerNumber": CALLER}]:
        assert rows == [NOOR]
    for row in rows:
        assert any(may_mean(said, row) for said in booked), (row, booked)


def may_mean(given: dict[str, Any], row: Row) -> bool:
    """Whether day, hour and service are there, in the spellings that the mutations know."""
    local = row.start.astimezone(NEW_YORK)
    values = [value for value in given.values() if type(value) is str]
    clock = {"noon": "12:00", "3 PM": "15:00"}
    return (
        any(local.date().isoformat() in value for value in values)
        and any(f"{local:%H:%M}" in clock.get(value.strip(), value) for value in values)
        and (row.service == "Appointment" or row.service in [" ".join(v.split()) for v in values])
    )


def check_direct(body: Message, reply: httpx.Response, rows: list[Row]) -> None:
    """A status below 500 and the contract's shape; a row only where it is 200."""
    assert reply.status_code in (200, 400, 403, 409), reply.text
    content = json.loads(reply.json()["toolResult"]["content"])
    assert content["success"] is (reply.status_code == 200)
    speech = reply.json()["speech"]
    assert speech and speech == " ".join(speech.split())
    if reply.status_code == 200:
        check_rows([body], rows)
    else:
        assert rows == []


def check(endpoint: Endpoint, body: object) -> None:
    """Check it by both routes."""
    for path in (TOOLS, OURS):
        reply, rows = endpoint.post(path, body)
        if type(body) is dict and type(body.get("message")) is dict:
            check_envelope(body["message"], reply, rows)
        elif type(body) is dict and path == OURS:
            check_direct(body, reply, rows)
        else:
            assert (reply.status_code, rows) == (400, [])


def test_the_messages_themselves_are_booked(endpoint: Endpoint) -> None:
    """The messages are booked before anything happens to them, or the tests below would show
    little."""
    for message in MESSAGES:
        reply, rows = endpoint.post(OURS, {"message": message})
        check_envelope(message, reply, rows)
        parsed = parse_message(message)
        assert parsed is not None
        assert bool(rows) == any(find_tool(call.name) for call in parsed.calls)


def test_any_json(endpoint: Endpoint) -> None:
    """Any JSON is answered as a body, as a message, and as the calls in one."""
    call = st.fixed_dictionaries(
        {"id": st.sampled_from(["1", "2", "3", "", 7, None])},
        optional={key: any_json for key in ("name", "function", "arguments", "parameters")},
    )
    calls = st.fixed_dictionaries(
        {},
        optional={
            "type": st.sampled_from(["tool-calls", None, 7]),
            "toolCallList": st.lists(call | any_json, max_size=3),
            "toolCalls": st.lists(call | any_json, max_size=3),
            "toolWithToolCallList": st.lists(
                st.fixed_dictionaries({"toolCall": call}, optional={"name": any_json}) | any_json,
                max_size=3,
            ),
        },
    )
    bodies = any_json | st.builds(lambda part: {"message": part}, any_json | calls)

    @examples(100)
    @given(bodies)
    def run(body: object) -> None:
        check(endpoint, body)

    run()


def test_mutated_messages(endpoint: Endpoint) -> None:
    """Each id that is left in them is answered, and what is no longer understood is not booked."""

    @examples(150)
    @given(st.sampled_from(MESSAGES).flatmap(lambda message: mutated({"message": message})))
    def run(body: object) -> None:
        check(endpoint, body)

    run()


def test_mutated_arguments(endpoint: Endpoint) -> None:
    """Mutated arguments are answered in an envelope and as a body of their own, on the way that can
    book them."""

    @examples(100)
    @given(mutated(GIVEN), st.booleans())
    def run(given: object, as_text: bool) -> None:
        form = json.dumps(given) if as_text else given
        check(endpoint, {"message": tool_calls(a_call(form), customer={"number": CALLER})})
        check(endpoint, given)

    run()
