"""The connections of the application: how many, which one is next, and what becomes of each."""

from __future__ import annotations

import asyncio
import ctypes
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from urllib.parse import SplitResult, quote, urlsplit

import asyncpg
import pytest

from booking_asgi import connections
from booking_asgi.command.postgres import find_programs
from booking_asgi.connections import LIBPQ_ONLY, Connections, connect, without_libpq_only
from booking_core import Connection, InvalidRequest
from tests.conftest import database_of, psql
from tests.support.outages import GUARD, taken
from tests.support.servers import STATEMENT_CACHE_SIZE

# Of libpq's options those that asyncpg takes out of the URL, or that are of use to the server.
HEEDED = """
    application_name dbname gsslib host krbsrvname options passfile password port service
    ssl_max_protocol_version ssl_min_protocol_version sslcert sslcrl sslkey sslmode sslnegotiation
    sslpassword sslrootcert target_session_attrs user
"""


class Option(ctypes.Structure):
    """libpq's PQconninfoOption."""

    _fields_ = (
        *((name, ctypes.c_char_p) for name in ("keyword", "envvar", "compiled", "val", "label")),
        ("dispchar", ctypes.c_char_p),
        ("dispsize", ctypes.c_int),
    )


@pytest.fixture
async def two(url: str) -> AsyncIterator[Connections]:
    two = Connections(url, size=2, timeout=GUARD, statement_cache_size=STATEMENT_CACHE_SIZE)
    yield two
    await two.close()


async def test_the_last_one_used_is_next(two: Connections) -> None:
    """The last connection used is taken next, so that few are warm and the others may be closed."""
    first, second = await taken(two)
    two.release(first)
    two.release(second)
    assert await taken(two) == [second, first]


async def test_who_finds_none_free_waits(two: Connections) -> None:
    """Requests that find no free connection wait in the order in which they came; a request that is
    given up leaves the line."""
    [first, second] = await taken(two)
    a, given_up, b = (asyncio.create_task(two.acquire()) for _ in range(3))
    await asyncio.sleep(0)
    given_up.cancel()
    two.release(first)
    async with asyncio.timeout(GUARD):
        assert await a is first
    assert not b.done()
    two.release(second)
    async with asyncio.timeout(GUARD):
        assert await b is second


async def test_a_dropped_one_leaves_its_place(two: Connections) -> None:
    first, second = await taken(two)
    await two.drop(first)
    async with asyncio.timeout(GUARD):
        third = await two.acquire()
    assert first.is_closed()
    assert await third.fetchval("select 1") == 1
    two.release(second)


async def test_a_closed_one_is_not_handed_out(two: Connections) -> None:
    for conn in await taken(two):
        two.release(conn)
        conn.terminate()
    assert not any(conn.is_closed() for conn in await taken(two))


async def test_one_idle_for_too_long_is_not_handed_out(
    two: Connections, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may be dead, behind a proxy that forgot it."""
    first = await two.acquire()
    two.release(first)
    monkeypatch.setattr(connections, "IDLE_SECONDS", 0.0)
    assert await two.acquire() is not first
    assert first.is_closed()


async def test_one_that_is_not_needed_is_closed(
    two: Connections, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A new connection that is no longer needed is closed, as soon as another one comes back and
    serves for both."""
    first, second = await taken(two)
    two.release(first)
    monkeypatch.setattr(connections, "IDLE_SECONDS", 0.0)
    two.release(second)
    assert first.is_closed()


async def test_a_failure_to_connect_leaves_the_place(url: str) -> None:
    wrong = url.replace(f"{urlsplit(url).username}:", "nobody:", 1)
    nobody = Connections(wrong, size=1, timeout=GUARD)
    for _ in range(2):
        async with asyncio.timeout(GUARD):
            with pytest.raises(asyncpg.PostgresError):
                await nobody.acquire()


async def test_one_that_met_an_error_is_not_used_again(url: str) -> None:
    """A connection on which the server raised an error is not used again. A refusal of ours says
    nothing about the connection."""
    used = []

    async def fail(conn: Connection) -> None:
        used.append(conn)
        await conn.execute("select 1 / 0")

    async def refuse(conn: Connection) -> None:
        used.append(conn)
        raise InvalidRequest("INVALID_RESOURCE", "resource", "")

    async with database_of(url) as database:

        async def run(work: Callable[[Connection], Awaitable[None]]) -> None:
            await database.within(time.monotonic() + GUARD, lambda lease: lease.run(work))

        with pytest.raises(asyncpg.DivisionByZeroError):
            await run(fail)
        for _ in range(2):
            with pytest.raises(InvalidRequest):
                await run(refuse)
    failed, refused, again = used
    assert failed is not refused
    assert refused is again


async def test_close_ends_all(two: Connections) -> None:
    """Idle or in use."""
    in_use, idle = await taken(two)
    two.release(idle)
    await two.close()
    assert in_use.is_closed()
    assert idle.is_closed()


def with_options(url: str, *options: str) -> str:
    return urlsplit(url)._replace(query="&".join(options)).geturl()


def test_every_option_of_libpq_is_known() -> None:
    """Either it is heeded or it is left out: the libpq beside the server lists its own."""
    [library, *_] = [*find_programs().with_name("lib").glob("libpq.so*"), Path()]
    if not library.name:
        pytest.skip("no libpq beside the programs")
    libpq = ctypes.CDLL(str(library))
    libpq.PQconndefaults.restype = ctypes.POINTER(Option)
    found = set()
    for option in libpq.PQconndefaults():
        if option.keyword is None:
            break
        found.add(option.keyword.decode())
    assert found - LIBPQ_ONLY <= set(HEEDED.split())


@pytest.mark.parametrize("option", sorted(LIBPQ_ONLY))
async def test_an_option_that_only_libpq_heeds_is_left_out(server_url: str, option: str) -> None:
    """A URL that works for psql works here."""
    conn = await connect_to(with_options(server_url, f"{option}=1", "sslmode=disable"))
    await conn.close()


async def connect_to(url: str) -> Connection:
    return await connect(
        url, connect_timeout=GUARD, command_timeout=GUARD, statement_cache_size=STATEMENT_CACHE_SIZE
    )


@pytest.mark.parametrize(
    "query",
    [
        "search_path=pg_catalog",
        "channel_binding=require&search_path=pg_catalog",
        "search_path=pg_catalog&connect_timeout=10",
        "keepalives=1&options=-c%20search_path%3Dpg_catalog&gssencmode=disable",
    ],
)
async def test_a_setting_in_the_url_reaches_the_server(server_url: str, query: str) -> None:
    """The setting reaches the server, whatever else stands beside it."""
    conn = await connect_to(with_options(server_url, query))
    assert await conn.fetchval("show search_path") == "pg_catalog"
    await conn.close()


@pytest.mark.parametrize(
    "url",
    [
        "postgres://user:p%40ss%3Fw%26rd%3D@host/db",
        "postgresql://user@host1:5432,host2:5433/db{}target_session_attrs=read-write",
        "postgresql://user@[::1]:5432/db{}sslmode=verify-full&sslrootcert=%2Fa%26b",
        "postgresql://user@[::1],[fe80::1]:1/db",
        "postgresql://%2Frun%2Fpostgresql/db",
        "postgresql:///db{}host=/run/postgresql&port=5432",
        "PostgreSQL://host{}search_path=a%2Cb+c&search_path=d",
    ],
)
def test_the_rest_of_a_url_stays_as_it_is(url: str) -> None:
    """Its passwords, hosts and sockets are asyncpg's to read."""
    plain = url.format("?")
    assert plain == without_libpq_only(plain)
    added = url.format("?connect_timeout=10&") if "{}" in url else f"{url}?connect_timeout=10"
    assert plain == without_libpq_only(f"{added}&channel%5Fbinding=require").rstrip("?")


def ways_to(server: SplitResult, socket_folder: str) -> Iterator[SplitResult]:
    """Other URLs of the same server."""
    user, _, address = server.netloc.rpartition("@")
    password = "".join(f"%{ord(letter):02X}" for letter in server.password or "")
    yield server._replace(scheme="postgres", netloc=f"{server.username}:{password}@{address}")
    yield server._replace(netloc=f"{user}@127.0.0.1:1,{address}")
    if Path(socket_folder, f".s.PGSQL.{server.port}").is_socket():
        yield server._replace(netloc=f"{user}@{quote(socket_folder, safe='')}:{server.port}")


async def test_each_way_to_name_a_server_is_understood(server_url: str) -> None:
    """A password in percent-encoding, several hosts, and a Unix socket where there is one."""
    socket_folder = psql(server_url, "-c", "show unix_socket_directories").partition(",")[0]
    for way in ways_to(urlsplit(server_url), socket_folder):
        conn = await connect_to(with_options(way.geturl(), "connect_timeout=10"))
        assert await conn.fetchval("select 1") == 1
        await conn.close()
