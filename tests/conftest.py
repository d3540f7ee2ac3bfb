"""A real PostgreSQL for every test: most share a database and roll back, some own one."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import io
import json
import logging
import secrets
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias
from urllib.parse import urlsplit

import asyncpg
import httpx
import pytest
import structlog
from starlette.types import Receive, Scope, Send

from booking_asgi import Config, create_app, logs, tenants
from booking_asgi.command.postgres import find_programs
from booking_asgi.connections import Connections
from booking_asgi.database import Database
from booking_core import Connection, Organization
from tests import elsewhere
from tests.support import servers
from tests.support.containers import DidNotStart
from tests.support.factories import TOKEN, a_clinic
from tests.support.processes import a_folder

SCHEMA = Path(__file__).parent.parent / "sql" / "schema.sql"
Logged: TypeAlias = Callable[[], str]
ANSWERED = "VapiTools: Request answered"
CHOICE = pytest.StashKey[servers.Choice]()
# An unknown token waits until the tokens are loaded again: for a second, but here.
tenants.APART_SECONDS = 0.01
# Of every connection that a test makes, wherever: without it PgBouncer mixes up the statements.
(asyncpg.connect.__kwdefaults__ or {}).update(statement_cache_size=servers.STATEMENT_CACHE_SIZE)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--full",
        action="store_true",
        help="each case, not a sample",
    )
    parser.addoption(
        "--keep-figures", action="store_true", help="in docs/explanation/reliability.md"
    )


def pytest_configure(config: pytest.Config) -> None:
    """The server is chosen once; xdist's workers are told."""
    told = getattr(config, "workerinput", {}).get("server")
    config.stash[CHOICE] = servers.Choice(*told) if told else servers.choose()


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:  # xdist has no types
    node.workerinput["server"] = dataclasses.astuple(node.config.stash[CHOICE])


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    elsewhere.leave_out(items)


def pytest_report_header(config: pytest.Config) -> str:
    return f"database: {config.stash[CHOICE]}"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what tests measured, also those that passed: `record_property("figures", ...)`."""
    for report in terminalreporter.getreports("passed"):
        for name, line in report.user_properties:
            if name == "figures":
                terminalreporter.write_line(f"{report.nodeid}: {line}")


@pytest.fixture(scope="session")
def full(request: pytest.FixtureRequest) -> bool:
    """Whether every case is asked for (`--full`), or the sample that CI has time for."""
    return bool(request.config.getoption("--full"))


@pytest.fixture(scope="session")
def server_url(request: pytest.FixtureRequest) -> Iterator[str]:
    with contextlib.ExitStack() as stack:
        try:
            url = stack.enter_context(servers.running(request.config.stash[CHOICE]))
        except DidNotStart as error:
            request.session.shouldfail = "the server of the tests did not start"
            pytest.fail(str(error), pytrace=False)
        yield url


@pytest.fixture(scope="session")
def template(server_url: str) -> Iterator[str]:
    """The name of a database with the tables, made by psql from the file as it stands."""
    with a_database(server_url, "template0") as url:
        if servers.PARTITIONS:
            parts = servers.partitioned(SCHEMA.read_text(), servers.PARTITIONS)
            psql(url, "--single-transaction", "-c", parts)
        else:
            psql(url, "--single-transaction", "-f", str(SCHEMA))
        yield urlsplit(url).path[1:]


@pytest.fixture(scope="session")
def netloc(server_url: str) -> Iterator[str]:
    """The address at which the tests reach the server: its own, or that of the PgBouncer before
    it."""
    with servers.bounced(server_url) if servers.BOUNCER else contextlib.nullcontext() as bouncer:
        yield bouncer or urlsplit(server_url).netloc


@pytest.fixture(scope="session")
def shared_url(server_url: str, template: str, netloc: str) -> Iterator[str]:
    with a_database(server_url, template) as url:
        yield urlsplit(url)._replace(netloc=netloc).geturl()


@pytest.fixture
async def conn(shared_url: str) -> AsyncIterator[Connection]:
    """A connection in a transaction of its own that is rolled back."""
    async with connected(shared_url) as conn:
        transaction = conn.transaction()
        await transaction.start()
        yield conn
        await transaction.rollback()


@pytest.fixture
async def clinic(conn: Connection) -> Organization:
    """An organization in New York with the one resource `main`, in `conn`'s transaction."""
    return await a_clinic(conn)


@pytest.fixture
def folder() -> Iterator[Path]:
    with a_folder() as folder:
        yield folder


@pytest.fixture
def empty_url(server_url: str) -> Iterator[str]:
    """A database without the tables."""
    with a_database(server_url, "template0") as url:
        yield url


@pytest.fixture
def url(server_url: str, template: str, netloc: str) -> Iterator[str]:
    """A database of the test's own, for what commits or needs several connections."""
    with a_database(server_url, template) as url:
        yield urlsplit(url)._replace(netloc=netloc).geturl()


@pytest.fixture
async def pool(url: str) -> AsyncIterator[asyncpg.Pool[asyncpg.Record]]:
    async with asyncpg.create_pool(url, min_size=1, max_size=20) as pool:
        yield pool


@contextlib.asynccontextmanager
async def database_of(url: str) -> AsyncIterator[Database]:
    """The database as the application has it, with a patience that no busy machine outlasts."""
    cache = servers.STATEMENT_CACHE_SIZE
    connections = Connections(url, size=4, timeout=60, statement_cache_size=cache)
    database = Database(connections, wait_seconds=60)
    try:
        yield database
    finally:
        await database.close()


@pytest.fixture
async def endpoint(url: str) -> AsyncIterator[Endpoint]:
    """The application on a database of its own, with a clinic and its token."""
    async with connected(url) as conn:
        clinic = await a_clinic(conn, token=TOKEN)
        # A deadline that a busy machine does not reach: only tests of the deadline set their own.
        async with serving(Config(database_url=url, deadline_seconds=60)) as client:
            yield Endpoint(client=client, conn=conn, clinic=clinic, url=url)


@dataclass(frozen=True)
class Endpoint:
    """`client` sends the clinic's token; `conn` looks at the rows."""

    client: httpx.AsyncClient
    conn: Connection
    clinic: Organization
    url: str

    async def book(self, **arguments: object) -> httpx.Response:
        """The direct body."""
        return await self.client.post("/api/vapi/tools/book-appointment", json=arguments)

    async def send(self, message: object, path: str = "/api/vapi/tools") -> httpx.Response:
        """Vapi's envelope."""
        return await self.client.post(path, json={"message": message})


async def contacts_and_appointments(endpoint: Endpoint) -> tuple[int, int]:
    return await count(endpoint.conn, "contacts"), await count(endpoint.conn, "appointments")


@pytest.fixture(params=["text", "json"])
def logged(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Logged]:
    """Logging as `serve` sets it up, at every level, and what it has written so far."""
    written = io.StringIO()
    monkeypatch.setattr(sys, "stdout", written)
    logs.configure(request.param)
    logging.getLogger().setLevel(logging.DEBUG)
    logging.getLogger("httpx").setLevel(logging.WARNING)  # the test's own client names its URLs

    def read() -> str:
        logs.flush()
        return written.getvalue()

    yield read
    logging.basicConfig(handlers=[], level=logging.WARNING, force=True)
    structlog.reset_defaults()


def ours(lines: str) -> list[tuple[str, str, dict[str, object]]]:
    """Level, text and fields of each of our own lines, in either format, without the request's id
    and without the line that each request has: see `requests_in`."""
    return [
        (level, text, {key: value for key, value in fields.items() if key != "requestId"})
        for level, text, fields in lines_in(lines)
        if text != ANSWERED
    ]


def requests_in(lines: str) -> list[dict[str, object]]:
    """The fields of each request's line, without its milliseconds and its id."""
    answered = [fields for _, text, fields in lines_in(lines) if text == ANSWERED]
    return [
        {key: value for key, value in fields.items() if key not in ("ms", "requestId")}
        for fields in answered
    ]


def lines_in(lines: str) -> list[tuple[str, str, dict[str, object]]]:
    found = []
    for line in lines.splitlines():
        if "VapiTools: " not in line:
            continue
        if line.startswith("{"):
            fields = json.loads(line)
            level, text = fields.pop("level"), fields.pop("event")
            del fields["timestamp"]
        else:
            _, level, rest = line.split(" ", 2)
            text, brace, object_ = rest.partition(" {")
            fields = json.loads(f"{{{object_}") if brace else {}
        found.append((level.lower(), text, fields))
    return found


@contextlib.asynccontextmanager
async def serving(config: Config) -> AsyncIterator[httpx.AsyncClient]:
    size = servers.STATEMENT_CACHE_SIZE
    app = create_app(dataclasses.replace(config, statement_cache_size=size))
    async with app.lifespan_context(app) as state:

        async def with_state(scope: Scope, receive: Receive, send: Send) -> None:
            await app({**scope, "state": dict(state or {})}, receive, send)

        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(with_state),
            base_url="http://booking",
            headers={"X-Vapi-Secret": TOKEN},
        ) as client:
            yield client


@contextlib.asynccontextmanager
async def connected(url: str) -> AsyncIterator[Connection]:
    conn = await asyncpg.connect(url)
    try:
        yield conn
    finally:
        await conn.close(timeout=5)


async def until(conn: Connection, question: str, *arguments: object) -> None:
    """Ask the database again and again until the answer is yes."""
    async with asyncio.timeout(10):
        while not await conn.fetchval(question, *arguments):  # noqa: ASYNC110  # it tells nobody
            await asyncio.sleep(0.005)


async def count(conn: Connection, table: str) -> int:
    return int(await conn.fetchval(f"select count(*) from {table}"))


@contextlib.contextmanager
def a_database(server_url: str, template: str) -> Iterator[str]:
    async def execute(statement: str) -> None:
        async with connected(server_url) as conn:
            await conn.execute(statement)

    name = f"booking_test_{secrets.token_hex(4)}"
    # Not by psql, whose start takes as long as to make a database.
    asyncio.run(execute(f"create database {name} template {template}"))
    yield urlsplit(server_url)._replace(path=f"/{name}").geturl()
    asyncio.run(execute(f"drop database {name} with (force)"))


def psql(url: str, *arguments: str) -> str:
    """The output of psql, which is a subprocess, so that a file is read as psql reads it."""
    command = [str(find_programs() / "psql"), url, "-XAtq", "-v", "ON_ERROR_STOP=1", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()
