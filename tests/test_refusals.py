"""A refusal is found in the log, and refusals can't flood it."""

from __future__ import annotations

from uuid import UUID

from booking_asgi.refusals import Refusals
from booking_core import list_tokens
from tests.conftest import Endpoint, Logged, ours, requests_in
from tests.support.factories import TOKEN, a_call, arguments, tool_calls


def test_a_line_a_second_of_a_kind(logged: Logged) -> None:
    """The line says how many refusals there were since the last one."""
    refusals = Refusals()
    for number in range(1000):
        refusals.note("unknown token", now=number / 500)
    refusals.note("stale signature", now=2.0)
    refusals.note("unknown token", now=2.0, status=401)
    told = [(text.partition("Refused: ")[2], fields["count"]) for _, text, fields in ours(logged())]
    assert told == [
        ("unknown token", 1),
        ("unknown token", 500),
        ("stale signature", 1),
        ("unknown token", 500),
    ]
    assert all(level == "warning" for level, *_ in ours(logged()))


async def test_each_request_has_a_line(endpoint: Endpoint, logged: Logged) -> None:
    """Status, organization, token, call, tool calls, and what came of each."""
    [token] = await list_tokens(endpoint.conn, endpoint.clinic.id)
    message = tool_calls(
        a_call(arguments(), id="call_1"),
        a_call(arguments(), id="call_2"),
        a_call(arguments(appointmentTime="2:30"), id="call_3"),
        a_call(arguments(), id="a name & more", name="transferCall"),
    )
    message["call"] = {"id": "1-a-call"}
    await endpoint.send(message)
    await endpoint.book(**arguments(patientPhone="+15552000001"))
    whose = {"orgId": str(endpoint.clinic.id), "tokenId": token.id}
    assert requests_in(logged()) == [
        {
            **{"status": 200, **whose, "callId": "1-a-call"},
            "toolCallIds": ["call_1", "call_2", "call_3", "-"],
            "outcomes": ["BOOKED", "REPEATED", "INVALID_DATE_TIME", "UNKNOWN_TOOL"],
        },
        {"status": 409, **whose, "outcomes": ["SLOT_UNAVAILABLE"]},
    ]
    [refused] = [line for line in ours(logged()) if "Refused" in line[1]]
    assert refused[1] == "VapiTools: ⚠️ Refused: no such tool"


async def test_each_refusal_has_a_line(endpoint: Endpoint, logged: Logged) -> None:
    """Each refusal has a line of its kind, and no line of a request beside it."""
    post = endpoint.client.post
    path = "/api/vapi/tools/book-appointment"
    del endpoint.client.headers["X-Vapi-Secret"]
    await post(path, json={})
    known = {"X-Vapi-Secret": TOKEN}
    await post(path, json={}, headers={"X-Vapi-Secret": "another"})
    await post("/api/vapi/tools/cancel", json={}, headers=known)
    await post(path, content=b"{", headers=known)
    await post("/api/vapi/tools", json={}, headers=known)
    await post("/api/vapi/tools", json={"message": {"type": "tool-calls"}}, headers=known)
    await post(path, json={"orgId": str(UUID(int=1))}, headers=known)
    told = [text.partition("Refused: ")[2] for _, text, _ in ours(logged())]
    kinds = ["no token", "unknown token", "no such tool", "no JSON", "no message", "no call"]
    assert told == [*kinds, "another organization"]
    assert requests_in(logged()) == []
