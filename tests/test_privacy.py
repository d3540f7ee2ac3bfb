"""Canaries: strings put wherever a message has room, and looked for in every line and reply."""

from __future__ import annotations

import asyncio
import gc
import json
import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import httpx
import pytest
import uvicorn

from booking_asgi import Config, create_app
from booking_asgi.tenants import token_id
from booking_core import add_token
from tests.conftest import Endpoint, Logged, connected, serving
from tests.support.commands import free_port
from tests.support.factories import TOKEN, a_call, arguments, in_days, tool_calls
from tests.support.messages import OURS, TOOLS
from tests.support.payloads import KINDS, Message

SECRET = "heron"
"""In what nobody may see, neither in a line nor in a reply."""
SPOKEN = "egret"
"""In what a reply says or echoes: the service, the resource, names of calls, and ids that
look like none. In no line, though."""
NUMBERS = ("5557340912", "734-0912", "7340912", "5557340913", "7340913")

PERSON = {
    "patientPhone": "+15557340912",
    "patientEmail": f"{SECRET}.quill@example.org",
    "patientName": f"{SECRET.title()} Quill",
}
BY_EMAIL = {**PERSON, "patientPhone": None}
GIVEN = arguments(**PERSON, serviceType=f"{SPOKEN.title()} Treatment", notes=f"{SECRET}: private")
LATER = {**GIVEN, "appointmentTime": "16:00"}
UNREADABLE: list[Message] = [
    {name: f"{SECRET} {SPOKEN}"}
    for name in ("appointmentDate", "appointmentTime", "scheduledAt", "timeZone", "duration")
] + [
    {"resource": SPOKEN},
    {"patientPhone": SECRET, "patientEmail": None},
    {"patientPhone": None, "patientEmail": f"{SECRET} at {SECRET}"},
    {"patientPhone": SECRET, "patientEmail": SECRET},
    {"patientPhone": None, "patientEmail": None},
    {"patientName": [SECRET]},
    {"serviceType": f"{SPOKEN}\x00"},
    {"orgId": SECRET},
    {"appointmentDate": in_days(-400), "patientEmail": SECRET},
]


def sown(node: Any, key: str = "") -> Any:
    """The same with a canary in each text, and in each object one more under a key that is one."""
    if isinstance(node, dict):
        extra = {f"{SECRET}Key": f"{SECRET} value", "token": f"{SECRET}-token"}
        return {key: sown(child, key) for key, child in node.items()} | extra
    if isinstance(node, list):
        return [sown(child) for child in node] + [SECRET]
    # Without its type a message would be none of ours, and without its number nobody's.
    return f"{SECRET} {node}" if isinstance(node, str) and key not in ("type", "number") else node


def a_sown(builder: Callable[..., Message], given: Mapping[str, object]) -> Message:
    """A whole message of canaries; what a call itself says is in `given`."""
    message = builder(given, conversation="c", call_id=f"call & {SPOKEN}")
    calls = ("toolCallList", "toolCalls", "toolWithToolCallList", "functionCall")
    around = {key: sown(value, key) for key, value in message.items() if key not in calls}
    inside = {key: value for key, value in message.items() if key in calls}
    for beside in inside.get("toolWithToolCallList", []):
        beside |= {key: sown(beside[key], key) for key in ("server", "messages") if key in beside}
    return {**around, **inside}


def leaks(text: str, *canaries: str) -> list[str]:
    """The canaries that are found, however they are written."""
    plain = re.sub(r"\\u([0-9a-f]{4})", lambda code: chr(int(code[1], 16)), text).lower()
    return [canary for canary in canaries if canary.lower() in plain]


class Watched:
    """Sends, and remembers what came back."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self.client = client
        self.replies: list[httpx.Response] = []

    async def post(
        self, path: str, body: object, headers: Mapping[str, str] | None = None
    ) -> httpx.Response:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        reply = await self.client.post(path, content=content, headers=headers)
        self.replies.append(reply)
        return reply

    async def book(self, given: Mapping[str, object]) -> None:
        """Book by every road that there is."""
        await self.post(OURS, given, {"Idempotency-Key": f"{SECRET}-key"})
        for builder in KINDS.values():
            for path in (TOOLS, OURS):
                await self.post(path, {"message": a_sown(builder, given), SECRET: SECRET})

    def said(self) -> str:
        return "\n".join(f"{reply.headers}\n{reply.text}" for reply in self.replies)


@pytest.mark.parametrize(
    "text",
    [
        SECRET,
        f"a {SECRET.upper()} b",
        "h\\u0065ron",
        "tel:555734-0912",
        '{"phone": "+15557340912"}',
    ],
)
def test_a_leak_is_found(text: str) -> None:
    """A leak is found, or the tests below would show nothing."""
    assert leaks(text, SECRET, *NUMBERS)


async def nothing_wrong(endpoint: Endpoint, watched: Watched) -> None:
    await watched.book(GIVEN)
    await watched.book({**LATER, **BY_EMAIL})


async def what_is_refused(endpoint: Endpoint, watched: Watched) -> None:
    for unreadable in UNREADABLE:
        await watched.book({**GIVEN, **unreadable})
    for raw in (SECRET, [SECRET], f'{{"{SECRET}', json.dumps(SECRET)):
        await watched.post(
            TOOLS, {"message": tool_calls(a_call(raw, id=f"& {SPOKEN}", name=SPOKEN))}
        )


async def a_taken_slot(endpoint: Endpoint, watched: Watched) -> None:
    await watched.book(GIVEN)
    await watched.book(arguments(patientPhone="+15559998888", patientName="Ada"))


async def what_is_no_message(endpoint: Endpoint, watched: Watched) -> None:
    for body in (SECRET, [SECRET], {SECRET: SECRET}, SECRET.encode(), b"\xff" + SECRET.encode()):
        for path in (TOOLS, OURS, f"{TOOLS}/{SECRET}", f"/{SECRET}"):
            await watched.post(path, body)
    await watched.post(OURS, f'{{"{SECRET}": "{SECRET * 500_000}"}}'.encode())
    await watched.post(TOOLS, {"message": sown({"type": "status-update"})})
    await watched.post(TOOLS, {"message": sown({"type": "tool-calls", "toolCallList": []})})


async def a_wrong_token(endpoint: Endpoint, watched: Watched) -> None:
    del watched.client.headers["X-Vapi-Secret"]
    for headers in (
        {"X-Vapi-Secret": SECRET},
        {"Authorization": f"Bearer {SECRET}"},
        {"Authorization": f"Basic {SECRET}"},
        {"Cookie": SECRET, "X-Signature": SECRET},
    ):
        await watched.post(TOOLS, {"message": a_sown(KINDS["from_a_phone"], GIVEN)}, headers)


async def a_right_token(endpoint: Endpoint, watched: Watched) -> None:
    token = f"{SECRET}-right"
    await add_token(endpoint.conn, endpoint.clinic.id, token=token)
    watched.client.headers["X-Vapi-Secret"] = token
    await watched.book(GIVEN)
    await endpoint.conn.execute("update organizations set timezone = 'Nowhere/At_All'")
    watched.client.headers["X-Vapi-Secret"] = TOKEN
    await watched.book(GIVEN)


def sabotaged(statement: str) -> Callable[[Endpoint, Watched], Awaitable[None]]:
    async def run(endpoint: Endpoint, watched: Watched) -> None:
        await endpoint.conn.execute(statement)
        await watched.book(GIVEN)
        await watched.book({**LATER, **BY_EMAIL})

    return run


def raising(code: str, table: str, *, times: int = 1000) -> str:
    """A trigger that refuses with everything it knows in its words."""
    return f"""
        create sequence refusals;
        create function refuse() returns trigger language plpgsql as $$ begin
          if nextval('refusals') <= {times} then
            raise exception 'refused %', new using
              errcode = '{code}', detail = new::text, hint = new::text, constraint = 'mine';
          end if;
          return new;
        end $$;
        create trigger refuse before insert on {table} for each row execute function refuse();
        """


SCENARIOS = {
    "nothing wrong": nothing_wrong,
    "refused": what_is_refused,
    "a taken slot": a_taken_slot,
    "no message": what_is_no_message,
    "a wrong token": a_wrong_token,
    "a right token": a_right_token,
    "no upsert": sabotaged("alter table contacts drop constraint uq_contacts_org_phone"),
    "a check": sabotaged("alter table contacts add constraint mine check (name = '')"),
    "another check": sabotaged("alter table appointments add constraint mine check (false)"),
    "a key of another's": sabotaged(
        f"""
        create unique index mine on contacts (lower(email));
        insert into organizations (name, timezone, phone_region) values ('o', 'UTC', 'US');
        insert into contacts (org_id, email)
        select id, '{PERSON["patientEmail"]}' from organizations where name = 'o'
        """
    ),
    "a trigger": sabotaged(raising("P0001", "contacts")),
    "a trigger that lets a retry pass": sabotaged(raising("40001", "appointments", times=3)),
    "no table": sabotaged("drop table appointments cascade"),
    "no tokens": sabotaged("drop table vapi_credentials"),
    "a column too short": sabotaged("alter table appointments alter service_type type varchar(3)"),
}


@pytest.mark.parametrize("scenario", SCENARIOS)
async def test_neither_lines_nor_replies_hold_what_is_private(
    endpoint: Endpoint, logged: Logged, capfd: pytest.CaptureFixture[str], scenario: str
) -> None:
    """At any level, whatever goes wrong; a reply says no more than the service."""
    watched = Watched(endpoint.client)
    await SCENARIOS[scenario](endpoint, watched)
    assert watched.replies
    assert leaks(watched.said(), SECRET, *NUMBERS) == []
    assert leaks(logged(), SECRET, SPOKEN, *NUMBERS) == []
    assert leaks("".join(capfd.readouterr()), SECRET, SPOKEN, *NUMBERS) == []


async def test_no_metric_holds_what_is_private(endpoint: Endpoint) -> None:
    """Whatever is sent, and whoever sends it: also the ids of the organization and of its token."""
    port = free_port()
    config = Config(database_url=endpoint.url, deadline_seconds=60, metrics_port=port)
    async with serving(config) as client, httpx.AsyncClient() as prometheus:
        watched = Watched(client)
        for send in (nothing_wrong, what_is_refused, what_is_no_message, a_right_token):
            await send(endpoint, watched)
        metrics = (await prometheus.get(f"http://127.0.0.1:{port}/metrics")).text
    assert 'tool="unknown"' in metrics
    private = (SECRET, SPOKEN, *NUMBERS, TOKEN, token_id(TOKEN), str(endpoint.clinic.id))
    assert leaks(metrics, *private) == []


async def test_a_retry_is_logged_without_its_errors_words(
    endpoint: Endpoint, logged: Logged
) -> None:
    """It names the error and its SQLSTATE."""
    await endpoint.conn.execute(raising("40001", "appointments", times=1))
    await endpoint.book(**GIVEN)
    assert "SerializationError" in logged()
    assert "40001" in logged()
    assert leaks(logged(), SECRET, SPOKEN, *NUMBERS) == []


async def test_a_database_that_can_not_be_reached(
    endpoint: Endpoint, logged: Logged, capfd: pytest.CaptureFixture[str]
) -> None:
    """Its host, its name, its user and its password are private as well."""
    config = Config(database_url=endpoint.url, deadline_seconds=0.5)
    async with serving(config) as client:
        watched = Watched(client)
        await watched.post(OURS, GIVEN)
        name = endpoint.url.rpartition("/")[2]
        async with connected(endpoint.url.replace(name, "postgres")) as other:
            await other.execute(f"alter database {name} allow_connections false")
            await other.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity where datname = $1", name
            )
            await watched.post(OURS, LATER)
            await watched.post(TOOLS, {"message": a_sown(KINDS["from_a_phone"], LATER)})
            await other.execute(f"alter database {name} allow_connections true")
    private = [SECRET, *NUMBERS, name, endpoint.url.partition("@")[0]]
    assert "Booked" not in watched.replies[2].text
    assert watched.replies[1].status_code >= 500
    assert leaks(watched.said(), *private) == []
    assert "❌" in logged()
    assert leaks(logged() + "".join(capfd.readouterr()), SPOKEN, *private) == []


@pytest.mark.parametrize(
    "function",
    [
        "booking_asgi.tools.book_appointment.check_future",
        "booking_asgi.tools.book_appointment.book",
        "booking_asgi.tenants.list_live_tokens",
    ],
)
async def test_an_error_of_our_own(
    endpoint: Endpoint, logged: Logged, monkeypatch: pytest.MonkeyPatch, function: str
) -> None:
    """Its words, and those of its cause, are neither said nor written."""

    def fail(*given: object) -> None:
        try:
            raise KeyError(f"{SECRET} {given}")
        except KeyError as error:
            raise RuntimeError(f"{SECRET} {given}") from error

    monkeypatch.setattr(function, fail)
    watched = Watched(endpoint.client)
    await watched.book(GIVEN)
    assert leaks(watched.said(), SECRET, *NUMBERS) == []
    assert "RuntimeError" in logged()
    assert leaks(logged(), SECRET, SPOKEN, *NUMBERS) == []


async def test_an_error_that_only_the_server_catches(
    endpoint: Endpoint,
    logged: Logged,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """500, of which the server logs where it happened."""

    def fail(message: object) -> None:
        raise RuntimeError(f"{SECRET} {message}")

    monkeypatch.setattr("booking_asgi.vapi.parse_message", fail)
    app = create_app(Config(database_url=endpoint.url))
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_config=None, access_log=False))
    serve = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110  # it tells nobody
        await asyncio.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    async with httpx.AsyncClient(
        base_url=f"http://127.0.0.1:{port}", headers={"X-Vapi-Secret": TOKEN}
    ) as client:
        reply = await client.post(TOOLS, json={"message": a_sown(KINDS["from_a_phone"], GIVEN)})
    server.should_exit = True
    await serve
    assert (reply.status_code, reply.text) == (500, "Internal Server Error")
    assert "Exception in ASGI application" in logged()
    assert "test_privacy.py" in logged()
    assert leaks(logged() + "".join(capfd.readouterr()), SECRET, SPOKEN, *NUMBERS) == []


async def fail_with(secret: str) -> None:
    raise ValueError(secret)


async def test_a_task_that_nobody_asked(logged: Logged) -> None:
    """asyncio logs its error in its own words when it is thrown away."""
    task = asyncio.create_task(fail_with(SECRET))
    await asyncio.wait({task})
    del task
    gc.collect()
    assert "Task exception was never retrieved" in logged()
    assert "ValueError" in logged()
    assert leaks(logged(), SECRET) == []


async def test_a_callback_that_fails(logged: Logged) -> None:
    """asyncio names it with what it was called with."""

    def fail(secret: str) -> None:
        raise ValueError(secret)

    asyncio.get_running_loop().call_soon(fail, SECRET)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert "Exception in callback" in logged()
    assert "ValueError" in logged()
    assert leaks(logged(), SECRET) == []


async def test_a_slow_task_in_debug_mode(endpoint: Endpoint, logged: Logged) -> None:
    """asyncio shows a task with its result."""

    async def answer() -> str:
        return SECRET

    loop = asyncio.get_running_loop()
    loop.set_debug(True)
    loop.slow_callback_duration = 0
    await asyncio.create_task(answer())
    await Watched(endpoint.client).book(GIVEN)
    loop.set_debug(False)
    assert "Executing" in logged()
    assert leaks(logged(), SECRET, SPOKEN, *NUMBERS) == []
