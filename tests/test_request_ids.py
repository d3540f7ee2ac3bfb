"""One id for a request: in each of its log lines, and in its reply."""

from __future__ import annotations

import asyncio
import json
import re
import time

import pytest

from booking_asgi import Config
from booking_asgi.signatures import sign
from tests.conftest import Endpoint, Logged, lines_in, serving
from tests.support.factories import a_call, a_caller, arguments, tool_calls

PATH = "/api/vapi/tools/book-appointment"
NEW = re.compile(r"[0-9a-f]{16}")


def ids_in(lines: str) -> list[object]:
    return [fields.get("requestId") for _, _, fields in lines_in(lines)]


async def test_all_lines_of_a_request_have_its_id(endpoint: Endpoint, logged: Logged) -> None:
    """The lines of the booking itself too, which a task of its own writes."""
    reply = await endpoint.send(
        tool_calls(a_call(arguments()), call={"id": "call-1"}), path="/api/vapi/tools"
    )
    [id] = reply.headers.get_list("x-request-id")
    assert NEW.fullmatch(id)
    lines = logged()
    assert len(ids_in(lines)) == 4 and {*ids_in(lines)} == {id}
    answered = lines_in(lines)[-1][2]
    assert (answered["callId"], answered["toolCallIds"]) == ("call-1", ["call_1"])


async def test_requests_at_once_have_their_own(endpoint: Endpoint, logged: Logged) -> None:
    """No line bears the id of another request, however they are interleaved."""

    async def ask(number: int) -> None:
        body = arguments(patientPhone=a_caller(number), appointmentTime=f"{10 + number}:00")
        reply = await endpoint.client.post(PATH, json=body, headers={"X-Request-Id": f"r{number}"})
        assert reply.headers["x-request-id"] == f"r{number}"

    await asyncio.gather(*(asyncio.create_task(ask(number)) for number in range(8)))
    phones = {
        (fields["patientPhone"], fields["requestId"])
        for _, _, fields in lines_in(logged())
        if "patientPhone" in fields
    }
    assert phones == {(f"•••{number:04}", f"r{number}") for number in range(8)}


@pytest.mark.parametrize("own", ["a", "Trace_1-b", "a" * 64])
async def test_a_clients_own_id_is_taken(endpoint: Endpoint, logged: Logged, own: str) -> None:
    reply = await endpoint.client.post(PATH, json=arguments(), headers={"X-Request-Id": own})
    assert reply.headers.get_list("x-request-id") == [own]
    assert {*ids_in(logged())} == {own}


@pytest.mark.parametrize(
    "own", ["", "a" * 65, "sam@test.com", "a b", 'a"}', "+15551234567", "\u00e9"]
)
async def test_what_is_no_id_is_replaced(endpoint: Endpoint, logged: Logged, own: str) -> None:
    """It stands in no line and in no reply."""
    given = {b"X-Request-Id": own.encode()}
    reply = await endpoint.client.post(PATH, json=arguments(), headers=given)
    assert NEW.fullmatch(reply.headers["x-request-id"])
    assert {*ids_in(logged())} == {reply.headers["x-request-id"]}


@pytest.mark.parametrize("path", ["/api/health", "/api/ready", "/openapi.json"])
async def test_each_route_has_one(endpoint: Endpoint, path: str) -> None:
    one, other = [(await endpoint.client.get(path)).headers["x-request-id"] for _ in range(2)]
    assert NEW.fullmatch(one) and one != other


async def test_a_refusal_has_one(endpoint: Endpoint, logged: Logged) -> None:
    """Its line stands for those of the last second, and names the last of them."""
    headers = {"X-Vapi-Secret": "wrong", "X-Request-Id": "mine"}
    reply = await endpoint.client.post(PATH, json=arguments(), headers=headers)
    assert (reply.status_code, reply.headers["x-request-id"]) == (401, "mine")
    assert ids_in(logged()) == ["mine"]


async def test_a_request_that_comes_again_has_its_own(url: str, endpoint: Endpoint) -> None:
    """Though its signature gets the reply of the first one."""
    config = Config(database_url=url, hmac_secrets=("an hmac secret of 32 characters x",))
    body, timestamp = json.dumps(arguments()).encode(), str(int(time.time()))
    headers = {
        config.hmac_signature_header: sign(config, timestamp, body),
        config.hmac_timestamp_header: timestamp,
    }
    async with serving(config) as client:
        replies = [await client.post(PATH, content=body, headers=headers) for _ in range(2)]
    assert replies[0].content == replies[1].content
    first, again = [reply.headers.get_list("x-request-id") for reply in replies]
    assert len(first) == len(again) == 1 and first != again


async def test_what_is_done_for_all_has_none(endpoint: Endpoint, logged: Logged) -> None:
    """The tokens are loaded for every request, whichever of them asked first."""
    await endpoint.conn.execute("drop table vapi_credentials")
    headers = {"X-Vapi-Secret": "unknown", "X-Request-Id": "mine"}
    await endpoint.client.post(PATH, json=arguments(), headers=headers)
    ids = {text: fields.get("requestId") for _, text, fields in lines_in(logged())}
    assert ids["VapiTools: ⚠️ Tokens could not be loaded"] is None
    assert ids["VapiTools: ❌ Token could not be verified"] == "mine"
