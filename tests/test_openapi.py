"""`/openapi.json`: a valid document, and what it says is what is answered."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest
from jsonschema import Draft202012Validator
from openapi_spec_validator import validate

from booking_asgi import openapi
from booking_asgi.tools.arguments import ARGUMENTS
from tests.conftest import Endpoint, connected
from tests.support.factories import a_call, arguments, in_days, tool_calls

DOCUMENT = openapi.document()
TOOLS, TOOL, HEALTH = "/api/vapi/tools", "/api/vapi/tools/{tool}", "/api/health"
READY = "/api/ready"


def described(path: str, method: str, reply: httpx.Response) -> None:
    """The reply's status, media type and body are among those of the document."""
    answer = DOCUMENT["paths"][path][method]["responses"][str(reply.status_code)]
    media: str = reply.headers["content-type"].partition(";")[0]
    schema = answer["content"][media]["schema"]
    body: Any = reply.json() if media == "application/json" else reply.text
    validator(schema).validate(body)
    if media == "application/json" and "toolResult" in body:
        content = {"$ref": "#/components/schemas/Content"}
        validator(content).validate(json.loads(body["toolResult"]["content"]))


def validator(schema: dict[str, Any]) -> Draft202012Validator:
    rooted = {**schema, "components": DOCUMENT["components"]}
    return Draft202012Validator(rooted, format_checker=Draft202012Validator.FORMAT_CHECKER)


async def test_it_is_served_and_valid(endpoint: Endpoint) -> None:
    reply = await endpoint.client.get("/openapi.json")
    assert reply.json() == DOCUMENT
    validate(DOCUMENT)


async def test_it_describes_each_route(endpoint: Endpoint) -> None:
    """The document has the routes of the application, and no other."""
    assert set(DOCUMENT["paths"]) == {TOOLS, TOOL, HEALTH, READY}


@pytest.mark.parametrize(
    ("given", "status"),
    [
        ({}, 200),
        ({"patientPhone": None, "patientEmail": None}, 400),
        ({"appointmentDate": "soon"}, 400),
        ({"appointmentDate": in_days(-3)}, 400),
        ({"resource": "Dr. No"}, 400),
        ({"orgId": "another"}, 403),
    ],
)
async def test_a_direct_reply_is_as_described(
    endpoint: Endpoint, given: dict[str, object], status: int
) -> None:
    reply = await endpoint.book(**arguments(**given))
    assert reply.status_code == status
    described(TOOL, "post", reply)


async def test_a_refusal_is_as_described(endpoint: Endpoint) -> None:
    """Each refusal is as described: without a token, of an unknown tool, of a taken slot, of a body
    too large, on a fault."""
    await endpoint.book(**arguments())
    post = endpoint.client.post
    wrong = {"X-Vapi-Secret": "wrong"}
    path = "/api/vapi/tools/book-appointment"
    replies = [
        await post(path, json={}, headers=wrong),
        await post("/api/vapi/tools/other", json={}),
        await endpoint.book(**arguments(patientPhone="+15557654321")),
        await post(path, content=b" " * 2_000_001),
    ]
    await endpoint.conn.execute("delete from appointments; delete from resources")
    replies.append(await endpoint.book(**arguments(patientPhone="+15557654321")))
    assert [reply.status_code for reply in replies] == [401, 404, 409, 413, 500]
    for reply in replies:
        described(TOOL, "post", reply)


async def test_an_answer_to_vapi_is_as_described(endpoint: Endpoint) -> None:
    """Booked, refused, legacy, about something else, unreadable."""
    messages: list[dict[str, object]] = [
        tool_calls(a_call(arguments(), id="1"), a_call("?", id="2"), a_call({}, id="3", name="x")),
        {"type": "function-call", "functionCall": {"name": "x", "parameters": {}}},
        {"type": "status-update"},
        tool_calls(),
    ]
    for message in messages:
        described(TOOLS, "post", await endpoint.send(message))
        described(TOOL, "post", await endpoint.send(message, "/api/vapi/tools/book-appointment"))


async def test_health_and_readiness_are_as_described(endpoint: Endpoint) -> None:
    """The process lives whatever the database does."""
    for path in (HEALTH, READY):
        reply = await endpoint.client.get(path)
        assert reply.status_code == 200
        described(path, "get", reply)
    name = endpoint.url.rpartition("/")[2]
    async with connected(endpoint.url.replace(name, "postgres")) as other:
        await other.execute(f"alter database {name} allow_connections false")
        await other.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity where datname = $1", name
        )
        assert (await endpoint.client.get(HEALTH)).status_code == 200
        reply = await endpoint.client.get(READY)
        await other.execute(f"alter database {name} allow_connections true")
    assert reply.status_code == 503
    described(READY, "get", reply)


def test_each_argument_is_described() -> None:
    """The names that are read, whether offered to a model or not."""
    names = {name for argument in ARGUMENTS.values() for name in argument.names}
    assert set(DOCUMENT["components"]["schemas"]["Arguments"]["properties"]) == {*names, "orgId"}
