"""Whatever the database does: a true answer, in time, and connections that are whole afterwards.

Times are never measured. A call that outlasts `GUARD` is one that waits for ever, and where it can
be, the reply comes while the fault still lasts.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import os
import signal
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Iterator
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

import asyncpg
import pytest
import structlog
from starlette.types import Message

import booking_asgi.bodies
import booking_asgi.door
from booking_asgi import tenants
from booking_asgi.command.postgres import EmbeddedPostgres
from booking_asgi.database import Lease, Unavailable, is_transient
from booking_core import BookingNotSettled, Connection, InvalidRequest
from tests.conftest import SCHEMA, Endpoint, a_database, connected, count, database_of, psql, until
from tests.support.factories import (
    TOKEN,
    a_call,
    a_caller,
    a_clinic,
    arguments,
    in_days,
    tool_calls,
)
from tests.support.outages import (
    DEADLINE,
    GUARD,
    OURS,
    Hurried,
    held,
    running,
    taken,
)
from tests.support.outages import quick_collections as quick_collections
from tests.support.processes import children
from tests.support.servers import FAST, PG_BIN

PATH = "/api/vapi/tools/book-appointment"
CALL = {"id": str(uuid4())}
BOOKED, UNCONFIRMED, REFUSED = "Booked", "Not confirmed", "Not booked"
CONTACTS = f"""
insert into contacts (org_id, phone)
select id, phone from organizations, unnest(array['{a_caller(1)}', '{a_caller(2)}']) as phone
"""


async def told(endpoint: Endpoint, numbers: Iterable[int], **given: object) -> list[str]:
    """What these callers hear if they all call at once; each second one calls over the envelope."""
    roads = (by_body, by_envelope)
    async with asyncio.timeout(GUARD):
        return await asyncio.gather(*(roads[n % 2](endpoint, n, **given) for n in numbers))


async def by_body(endpoint: Endpoint, number: int, **given: object) -> str:
    """The outcome in the envelope's words, for the statuses 200, 500 and 503."""
    key = {"Idempotency-Key": f"key {number}"}
    reply = await endpoint.client.post(PATH, json=asked(number, **given), headers=key)
    error = json.loads(reply.json()["toolResult"]["content"]).get("error")
    assert (reply.status_code == 503) == (error == "TEMPORARILY_UNAVAILABLE")
    assert (reply.status_code == 429) == (error == "TOO_MANY_REQUESTS")
    words = {200: BOOKED, 429: UNCONFIRMED, 500: REFUSED, 503: UNCONFIRMED}
    return words[reply.status_code]


async def by_envelope(endpoint: Endpoint, number: int, **given: object) -> str:
    [words] = await by_message(endpoint, a_call(asked(number, **given)))
    return words


async def by_message(endpoint: Endpoint, *calls: object) -> list[str]:
    """The words before the colon, of each call."""
    async with asyncio.timeout(GUARD):
        reply = await endpoint.send(tool_calls(*calls, call=CALL))
    assert reply.status_code == 200
    said = [
        (key, str(result[key]).partition(":")[0])
        for result in reply.json()["results"]
        for key in ("result", "error")
        if key in result
    ]
    assert all((key == "result") == (words == BOOKED) for key, words in said)
    return [words for _, words in said]


async def in_the_end(endpoint: Endpoint, numbers: Iterable[int], **given: object) -> None:
    """Each who repeats what was not confirmed is booked."""
    left = list(numbers)
    async with asyncio.timeout(GUARD):
        while left:
            # Not all at once: a busy machine may not read so many within the deadline.
            some, left = left[:50], left[50:]
            heard = await told(endpoint, some, **given)
            assert set(heard) <= {BOOKED, UNCONFIRMED}
            left += [n for n, words in zip(some, heard, strict=True) if words != BOOKED]


def asked(number: int, **given: object) -> dict[str, object]:
    """Each caller is another person who wants another time."""
    day, hour = divmod(number, 12)
    slot = {"appointmentDate": in_days(1 + day), "appointmentTime": f"{8 + hour:02}:00"}
    who = {"patientPhone": a_caller(number), "patientEmail": f"sam{number}@test.com"}
    return arguments(**{**who, **slot, **given})


BY_EMAIL: dict[str, object] = {"patientPhone": None}
EACH_PERSON = pytest.mark.parametrize("person", [{}, BY_EMAIL], ids=["by phone", "by email"])


@contextlib.asynccontextmanager
async def hurried(
    url: str, deadline: float = DEADLINE, pool_size: int = 4
) -> AsyncIterator[Hurried]:
    async with connected(url) as conn:
        clinic = await a_clinic(conn, token=TOKEN)
        async with running(url, deadline, pool_size) as (client, app, connections):
            yield Hurried(client, conn, clinic, url, app, connections)


@pytest.fixture
async def endpoint(url: str) -> AsyncIterator[Hurried]:
    async with hurried(url) as endpoint:
        yield endpoint


class Server:
    """A server of this module's own, because the tests harm it."""

    def __init__(self, postgres: EmbeddedPostgres) -> None:
        self.url = postgres.url
        self._postgres = postgres
        self._socket_dir = Path(psql(self.url, "-c", "show unix_socket_directories"))

    @contextlib.contextmanager
    def stopped(self) -> Iterator[None]:
        """It refuses connections, and is back afterwards on the same port."""
        self._postgres.stop()
        try:
            yield
        finally:
            self._postgres.start(self._socket_dir)

    @contextlib.contextmanager
    def silent(self) -> Iterator[None]:
        """None of its processes runs."""
        postmaster = self._postmaster()
        # It first, so that it starts no other.
        with stopped_process(postmaster), contextlib.ExitStack() as stack:
            for pid in children(postmaster):
                stack.enter_context(stopped_process(pid))
            yield

    @contextlib.contextmanager
    def taking_nobody(self) -> Iterator[None]:
        """The backends run, but no connection and no cancel request is taken."""
        with stopped_process(self._postmaster()):
            yield

    def _postmaster(self) -> int:
        assert self._postgres.process is not None
        return self._postgres.process.pid


@contextlib.contextmanager
def stopped_process(pid: int) -> Iterator[None]:
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with tempfile.TemporaryDirectory(prefix="booking-tests-") as folder:
        programs = Path(PG_BIN) if PG_BIN else None
        postgres = EmbeddedPostgres(Path(folder) / "data", programs=programs, settings=FAST)
        with postgres.running():
            yield Server(postgres)


@pytest.fixture(scope="module")
def tables(server: Server) -> Iterator[str]:
    with a_database(server.url, "template0") as url:
        psql(url, "-f", str(SCHEMA))
        yield urlsplit(url).path[1:]


@pytest.fixture
def harmed(server: Server, tables: str) -> Iterator[str]:
    """A database of the test's own on the server that is harmed."""
    with a_database(server.url, tables) as url:
        yield url


async def waiting(endpoint: Endpoint, how_many: int = 1) -> None:
    """Until as many of our backends wait for a lock."""
    question = f"select count(*) = $1 {OURS} and wait_event_type = 'Lock'"
    await until(endpoint.conn, question, how_many)


async def test_a_server_that_refuses(server: Server, harmed: str) -> None:
    """A booking is not confirmed while the server is stopped, and is booked when the server is back
    on the same port."""
    async with hurried(harmed) as endpoint:
        await in_the_end(endpoint, [0, 1])
        with server.stopped():
            assert await told(endpoint, [2, 3]) == [UNCONFIRMED] * 2
        await in_the_end(endpoint, [2, 3])
        await endpoint.is_whole()
    async with connected(harmed) as conn:
        assert await count(conn, "appointments") == 4


@EACH_PERSON
async def test_a_server_that_falls_silent(
    server: Server, harmed: str, person: dict[str, object]
) -> None:
    """The server falls silent in the midst of bookings: they are not confirmed. Once it speaks,
    each repeat is booked, once."""
    async with hurried(harmed) as endpoint:
        await in_the_end(endpoint, [8])
        async with held(harmed):
            calls = asyncio.create_task(told(endpoint, range(8), **person))
            await waiting(endpoint, 4)
            with server.silent():
                assert await calls == [UNCONFIRMED] * 8
        await in_the_end(endpoint, range(8), **person)
        assert await count(endpoint.conn, "appointments") == 9
        await endpoint.is_whole()
        await endpoint.is_idle()


async def test_an_unconfirmed_booking_is_found_by_its_repeat(server: Server, harmed: str) -> None:
    """The server commits the booking after the answer, because no cancel request reached it; the
    repeat finds it."""
    ids = "select array_agg(id order by id) from appointments"
    async with hurried(harmed) as endpoint:
        await endpoint.is_whole()
        async with contextlib.AsyncExitStack() as lock:
            await lock.enter_async_context(held(harmed, CONTACTS))
            calls = asyncio.create_task(told(endpoint, [1, 2]))
            await waiting(endpoint, 2)
            with server.taking_nobody():
                assert await calls == [UNCONFIRMED] * 2
                await lock.aclose()
                await until(endpoint.conn, "select count(*) = 2 from appointments")
        found = await endpoint.conn.fetchval(ids)
        await in_the_end(endpoint, [1, 2])
        assert await endpoint.conn.fetchval(ids) == found
        await endpoint.is_whole()


@pytest.mark.parametrize("fault", ["stopped", "silent"])
async def test_ready_without_a_server(server: Server, harmed: str, fault: str) -> None:
    """503 in time, and 200 when it is back."""
    async with hurried(harmed) as endpoint:
        for broken, status in ((True, 503), (False, 200)):
            with getattr(server, fault)() if broken else contextlib.nullcontext():
                async with asyncio.timeout(GUARD):
                    reply = await endpoint.client.get("/api/ready")
            assert reply.status_code == status


@EACH_PERSON
async def test_the_application_ends_though_the_server_is_silent(
    server: Server, harmed: str, person: dict[str, object]
) -> None:
    """The application ends, whatever it still cleans up: idle connections, and bookings that it has
    given up."""
    async with connected(harmed) as conn, held(harmed, "lock table contacts"):
        await a_clinic(conn, token=TOKEN)
        with contextlib.ExitStack() as silence:
            async with asyncio.timeout(GUARD), running(harmed) as (client, _, connections):
                spare = await taken(connections)
                connections.release(spare.pop())
                call = asyncio.create_task(client.post(PATH, json=asked(0, **person)))
                await until(conn, f"select count(*) = 1 {OURS} and wait_event_type = 'Lock'")
                for idle in spare:
                    connections.release(idle)
                silence.enter_context(server.silent())
                assert (await call).status_code == 503


async def test_a_hidden_cancellation_ends_the_work(url: str) -> None:
    """The failure of a ROLLBACK may hide the cancellation; past the deadline nothing is tried again
    all the same."""
    attempts = 0

    async def work(conn: Connection) -> None:
        nonlocal attempts
        attempts += 1
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            raise ConnectionResetError from None

    async with asyncio.timeout(GUARD), database_of(url) as database:
        with pytest.raises(Unavailable):
            await database.within(time.monotonic() + 0.1, lambda lease: lease.run(work))
    assert attempts == 1


async def test_an_interruption_past_the_deadline_is_the_last(url: str) -> None:
    async def work(conn: Connection) -> None:
        time.sleep(0.05)  # noqa: ASYNC251  # the loop is what is late
        raise ConnectionResetError

    async with database_of(url) as database, Lease(database, time.monotonic() + 0.04) as lease:
        with pytest.raises(Unavailable, match="ConnectionResetError"):
            await lease.run(work)


async def test_nothing_begins_past_the_deadline(url: str) -> None:
    """A second piece of work on the same lease is refused, and takes no connection."""

    async def work(conn: Connection) -> None:
        raise AssertionError("it was begun")

    async with database_of(url) as database, Lease(database, time.monotonic() - 1) as lease:
        with pytest.raises(Unavailable, match="past the deadline"):
            await lease.run(work)
        assert not database.connections.has_idle


async def test_an_altered_column_costs_no_booking(endpoint: Hurried) -> None:
    """A booking succeeds, though each connection has prepared statements that no longer hold."""
    await in_the_end(endpoint, range(8), **BY_EMAIL)
    await endpoint.conn.execute("alter table appointments alter service_type type varchar(400)")
    await in_the_end(endpoint, range(8, 16), **BY_EMAIL)


async def test_no_free_connection(endpoint: Hurried) -> None:
    """A booking is not confirmed while no connection is free, and is booked as soon as there is
    one."""
    conns = await taken(endpoint.connections)
    assert await told(endpoint, [0, 1]) == [UNCONFIRMED] * 2
    for conn in conns:
        endpoint.connections.release(conn)
    await in_the_end(endpoint, [0, 1])
    await endpoint.is_whole()


@EACH_PERSON
async def test_a_table_locked_for_longer(endpoint: Hurried, person: dict[str, object]) -> None:
    """40 callers on 4 connections are told; no backend waits on for it; the repeats are booked."""
    async with held(endpoint.url):
        assert await told(endpoint, range(40), **person) == [UNCONFIRMED] * 40
        await endpoint.is_idle()
    assert await count(endpoint.conn, "appointments") == 0
    await in_the_end(endpoint, range(40), **person)
    assert await count(endpoint.conn, "appointments") == 40
    await endpoint.is_whole()


async def test_backends_that_were_terminated(endpoint: Hurried) -> None:
    """While they were idle: the callers hear nothing of it."""
    await endpoint.is_whole()
    assert await endpoint.conn.fetchval(f"select count(pg_terminate_backend(pid)) {OURS}") == 4
    assert await told(endpoint, [0, 1]) == [BOOKED] * 2
    assert await count(endpoint.conn, "appointments") == 2
    await endpoint.is_whole()


@EACH_PERSON
async def test_backends_that_are_terminated(url: str, person: dict[str, object]) -> None:
    """A backend is terminated in the midst of a booking: the booking is made on another one, once,
    and the caller hears success."""
    async with hurried(url, deadline=GUARD) as endpoint:
        async with held(url):
            calls = asyncio.create_task(told(endpoint, [0, 1], **person))
            for _ in range(2):
                await waiting(endpoint, 2)
                await endpoint.conn.execute(
                    f"select pg_terminate_backend(pid, 5000) {OURS} and wait_event_type = 'Lock'"
                )
            await waiting(endpoint, 2)
        assert await calls == [BOOKED] * 2
        assert await count(endpoint.conn, "appointments") == 2
        await endpoint.is_whole()


async def fail(endpoint: Endpoint, table: str, sqlstate: str, *, times: int) -> None:
    """Let the first insertions into the table raise; `attempts` counts them, rolled back or not."""
    await endpoint.conn.execute(f"""
        drop sequence if exists attempts;
        create sequence attempts;
        create or replace function fail() returns trigger language plpgsql as $$
        begin
          if nextval('attempts') <= {times} then
            raise 'of sam@test.com' using errcode = '{sqlstate}', table = '{table}';
          end if;
          return new;
        end $$;
        create or replace trigger fail before insert on {table}
        for each row execute function fail();
        """)


@pytest.mark.parametrize(
    "sqlstate", ["08006", "25006", "40001", "40P01", "53300", "55P03", "57P01"]
)
async def test_what_may_succeed_is_tried_again(url: str, sqlstate: str) -> None:
    """A failure that may pass is tried again, by phone and by email, on each road, until it is
    booked: once, and under the same key."""
    ways = itertools.product(({}, BY_EMAIL), ("contacts", "appointments"))
    async with hurried(url, deadline=GUARD) as endpoint:
        for number, (person, table) in enumerate(ways):
            road = by_body if number in (0, 3) else by_envelope
            await fail(endpoint, table, sqlstate, times=2)
            assert await road(endpoint, number, **person) == BOOKED
            assert await endpoint.conn.fetchval("select last_value from attempts") == 3
            [row] = await endpoint.conn.fetch("select * from appointments")
            assert (row["idempotency_key"] == f"key {number}") == (road is by_body)
            await endpoint.conn.execute(f"delete from appointments; drop trigger fail on {table}")
        await endpoint.is_whole()


@pytest.mark.parametrize("sqlstate", ["22003", "23514", "42501"])
async def test_what_fails_for_good_is_not(endpoint: Hurried, sqlstate: str) -> None:
    """A failure for good takes one attempt, answers 500 with what failed, and writes nothing."""
    codes = {"appointments": "BOOKING_FAILED", "contacts": "CONTACT_UPSERT_FAILED"}
    for table, code in codes.items():
        await fail(endpoint, table, sqlstate, times=1)
        reply = await endpoint.book(**asked(0))
        content = json.loads(reply.json()["toolResult"]["content"])
        assert (reply.status_code, content["error"]) == (500, code)
        assert await endpoint.conn.fetchval("select last_value from attempts") == 1
        await fail(endpoint, table, sqlstate, times=1)
        assert await by_envelope(endpoint, 0) == REFUSED
        assert await endpoint.conn.fetchval("select last_value from attempts") == 1
        assert [await count(endpoint.conn, each) for each in codes] == [0, 0]
        await endpoint.conn.execute(f"drop trigger fail on {table}")


async def test_a_retry_logs_no_words_of_the_error(
    url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The line has the error's type and SQLSTATE alone, because its words may repeat a row."""
    structlog.reset_defaults()
    async with hurried(url, deadline=GUARD) as endpoint:
        await fail(endpoint, "contacts", "40P01", times=2)
        assert await by_body(endpoint, 0) == BOOKED
    printed = capsys.readouterr().out
    assert printed.count("40P01") == 2
    assert "sam@test.com" not in printed


async def test_one_call_that_fails_spoils_no_other(endpoint: Hurried) -> None:
    """The calls before and after it are booked."""
    await endpoint.conn.execute(
        "alter table appointments add constraint mine check (attendee_name <> 'Ann')"
    )
    names = enumerate(["Sam", "Ann", "Sue"])
    calls = [a_call(asked(n, patientName=name), id=name) for n, name in names]
    assert await by_message(endpoint, *calls) == [BOOKED, REFUSED, BOOKED]
    assert await count(endpoint.conn, "appointments") == 2


async def test_the_deadline_in_the_midst_of_a_message(endpoint: Hurried) -> None:
    """The answer says which calls were booked; the rest is not confirmed, and the repeat books what
    is missing."""
    calls = [a_call(asked(n), id=f"call {n}") for n in range(3)]
    async with held(endpoint.url, CONTACTS):
        said = await by_message(endpoint, *calls)
        assert said == [BOOKED, UNCONFIRMED, UNCONFIRMED]
        assert await count(endpoint.conn, "appointments") == 1
        await endpoint.is_idle()
    async with asyncio.timeout(GUARD):
        while said != [BOOKED] * 3:
            said = await by_message(endpoint, *calls)
    assert await count(endpoint.conn, "appointments") == 3
    await endpoint.is_whole()


async def test_a_refusal_stands_where_the_rest_is_not_confirmed(endpoint: Hurried) -> None:
    """A call that can't be read was answered before the database was asked."""
    calls = [a_call(asked(1, **given), id=f"{given}") for given in ({}, {"duration": "long"})]
    async with held(endpoint.url, CONTACTS):
        assert await by_message(endpoint, *calls) == [UNCONFIRMED, REFUSED]


async def test_a_body_that_does_not_come(
    endpoint: Hurried, monkeypatch: pytest.MonkeyPatch
) -> None:
    """408, before the rest of it is there."""
    monkeypatch.setattr(booking_asgi.bodies, "BODY_SECONDS", 0.05)

    async def chunks() -> AsyncIterator[bytes]:
        yield b"{"
        await asyncio.Event().wait()

    async with asyncio.timeout(GUARD):
        reply = await endpoint.client.post(PATH, content=chunks())
    assert reply.status_code == 408
    await endpoint.is_whole()


async def test_a_client_that_leaves_in_the_midst_of_its_body(endpoint: Hurried) -> None:
    """Nothing is booked of what came, and the next call is."""
    body = json.dumps(asked(0)).encode()
    messages: list[Message] = [
        {"type": "http.request", "body": body, "more_body": True},
        {"type": "http.disconnect"},
    ]

    async def receive() -> Message:
        return messages.pop(0)

    async def send(message: Message) -> None:
        """There is nobody to hear it."""

    headers = [(b"x-vapi-secret", TOKEN.encode())]
    request = {"type": "http", "method": "POST", "path": PATH, "headers": headers}
    await endpoint.app({**request, "query_string": b"", "root_path": ""}, receive, send)
    assert await count(endpoint.conn, "appointments") == 0
    await in_the_end(endpoint, [0])
    await endpoint.is_whole()


async def test_a_request_that_is_cancelled(url: str) -> None:
    """A server that is told to stop cancels its requests; the booking is given up with its
    request."""
    async with hurried(url, deadline=60) as endpoint, held(url):
        call = asyncio.create_task(endpoint.book(**asked(0)))
        await waiting(endpoint)
        call.cancel()
        await asyncio.wait({call})
        await endpoint.is_idle()
        await endpoint.is_whole()


@pytest.mark.parametrize("token", [TOKEN, "another"])
async def test_a_token_that_cant_be_verified(server: Server, harmed: str, token: str) -> None:
    """Neither valid nor 401, whosesoever it is."""
    async with hurried(harmed) as endpoint:
        endpoint.client.headers["X-Vapi-Secret"] = token
        with server.stopped():
            assert await told(endpoint, [0, 1]) == [UNCONFIRMED] * 2


async def test_a_token_that_is_remembered(
    server: Server, harmed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is known without the database: what is wrong with the arguments is told."""
    monkeypatch.setattr(tenants, "FRESH_SECONDS", 0.0)
    async with hurried(harmed) as endpoint:
        await in_the_end(endpoint, [0])
        with server.stopped():
            assert (await endpoint.book()).status_code == 400


async def test_who_comes_later_waits_longer_for_a_token(url: str) -> None:
    """One lookup serves all requests that ask meanwhile, and each waits until its own deadline."""
    async with connected(url) as conn, database_of(url) as database:
        clinic = await a_clinic(conn, token=TOKEN)
        found = tenants.Tenants(database)
        now = time.monotonic()
        async with asyncio.timeout(GUARD):
            async with held(url, "lock table vapi_credentials"):
                sooner, later = [
                    asyncio.create_task(found.find(TOKEN, now + seconds)) for seconds in (0.5, 60)
                ]
                with pytest.raises(Unavailable):
                    await sooner
            assert await later == clinic


async def test_more_than_it_can_do(url: str) -> None:
    """300 at once: booked or not confirmed; as many rows as were booked, and one each at last."""
    async with hurried(url, pool_size=1) as endpoint:
        await endpoint.conn.execute("""
            create function slow() returns trigger language plpgsql as
            $$ begin perform pg_sleep(0.02); return new; end $$;
            create trigger slow before insert on appointments for each row execute function slow();
            """)
        said = Counter(await told(endpoint, range(300)))
        assert UNCONFIRMED in said
        assert said.keys() <= {BOOKED, UNCONFIRMED}
        await endpoint.is_idle()
        rows = await count(endpoint.conn, "appointments")
        assert said[BOOKED] <= rows <= said.total()
        await endpoint.conn.execute("alter table appointments disable trigger slow")
        await in_the_end(endpoint, range(300))
        assert await count(endpoint.conn, "appointments") == 300
        await endpoint.is_whole()


async def test_more_than_can_be_kept_waiting(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A caller who comes when too many wait already does not wait, and is told that nothing is
    booked."""
    monkeypatch.setattr(booking_asgi.door, "MOST_AT_ONCE", 8)
    async with hurried(url, deadline=GUARD) as endpoint:
        await in_the_end(endpoint, [0])
        async with held(url):
            waiters = asyncio.create_task(told(endpoint, range(1, 9)))
            await waiting(endpoint, 4)
            async with asyncio.timeout(GUARD):
                assert await by_body(endpoint, 9) == UNCONFIRMED
                assert (await endpoint.send(tool_calls(a_call(asked(10))))).status_code == 503
            assert not waiters.done()
        assert await waiters == [BOOKED] * 8
        await in_the_end(endpoint, [9, 10])
        assert await count(endpoint.conn, "appointments") == 11


def a_server_error(sqlstate: str) -> Exception:
    return asyncpg.PostgresError.new({"S": "ERROR", "C": sqlstate, "M": "?"})


TRANSIENT = [
    "08000 08001 08003 08004 08006 08007 08P01",
    "40000 40001 40002 40003 40P01",
    "53000 53100 53200 53300 53400",
    "57000 57014 57P01 57P02 57P03 57P04 57P05",
    "25006 55P03",
]


@pytest.mark.parametrize("sqlstate", " ".join(TRANSIENT).split())
def test_an_sqlstate_that_may_pass(sqlstate: str) -> None:
    """The connection, the transaction, the resources, the operator; locks, and a standby."""
    assert is_transient(a_server_error(sqlstate))


@pytest.mark.parametrize(
    "sqlstate",
    [
        "0A000",
        "21000",
        "22003",
        "22021",
        "23505",
        "23514",
        "23P01",
        "25P02",
        "28P01",
        "42501",
        "42P01",
        "55000",
        "XX000",
    ],
)
def test_an_sqlstate_that_stays(sqlstate: str) -> None:
    assert not is_transient(a_server_error(sqlstate))


@pytest.mark.parametrize(
    "error",
    [
        asyncpg.InterfaceError("connection is closed"),
        asyncpg.InternalClientError("cannot switch to state 12"),
        ConnectionRefusedError(),
        ConnectionResetError(),
        BrokenPipeError(),
        OSError(),
        TimeoutError(),
        BookingNotSettled(),
    ],
    ids=repr,
)
def test_an_error_without_an_sqlstate_that_may_pass(error: Exception) -> None:
    assert is_transient(error)


@pytest.mark.parametrize(
    "error",
    [InvalidRequest("PAST_DATE", "date", ""), ValueError(), KeyError(), asyncpg.PostgresError()],
    ids=repr,
)
def test_an_error_without_an_sqlstate_that_stays(error: Exception) -> None:
    assert not is_transient(error)


async def test_what_asyncpg_cant_encode_stays(conn: Connection) -> None:
    with pytest.raises(asyncpg.DataError) as caught:
        await conn.fetchval("select $1::text", "\ud800")
    assert not is_transient(caught.value)


async def test_a_url_that_cant_be_read_stays() -> None:
    """The error stays, though it is an `InterfaceError`, and others of that type may pass."""
    with pytest.raises(asyncpg.InterfaceError) as caught:
        await asyncpg.connect("postgresql://127.0.0.1/?sslmode=x")
    assert not is_transient(caught.value)
