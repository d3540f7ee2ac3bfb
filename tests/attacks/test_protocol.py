"""Each bound on what one connection may send to a server process, and what lies below the bound."""

from __future__ import annotations

import asyncio
import json
import re
import socket
from collections.abc import Iterator

import pytest
import uvicorn
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from booking_asgi import protocol
from tests.support.commands import Serving, served
from tests.support.factories import a_call, arguments, tool_calls
from tests.support.processes import a_folder, wait_until

HEALTH = b"GET /api/health HTTP/1.1\r\nHost: a\r\n\r\n"
POST = b"POST /api/vapi/tools HTTP/1.1\r\nHost: a\r\nX-Vapi-Secret: %b\r\n"
KNOWN, GUESS = POST % b"demo-token", POST % b"guess"
CHUNKED = b"Transfer-Encoding: chunked\r\n\r\n"


@pytest.fixture(scope="module")
def serving() -> Iterator[Serving]:
    with a_folder() as folder, served(folder) as serving:
        yield serving
        assert serving.is_healthy()


def length(count: int) -> bytes:
    return b"Content-Length: %d\r\n\r\n" % count


def heard(serving: Serving, *pieces: bytes, replies: int = 1) -> list[int]:
    """The statuses of so many replies, or of fewer where the server hangs up."""
    said, statuses = b"", re.compile(rb"HTTP/1\.1 (\d+)")
    with socket.create_connection(("127.0.0.1", serving.port), timeout=30) as sock:
        try:
            for piece in pieces:
                sock.sendall(piece)
            while len(statuses.findall(said)) < replies and (got := sock.recv(65_536)):
                said += got
        except ConnectionError:
            pass
    return [int(status) for status in statuses.findall(said)]


def logs(serving: Serving, text: str) -> None:
    wait_until(lambda: text in serving.output())


@pytest.mark.parametrize(
    ("head", "status"),
    [
        pytest.param(b"a: " + b"b" * 65_000, 200, id="64 KB"),
        pytest.param(b"a: " + b"b" * 66_000, 431, id="more"),
        pytest.param(b"\r\n".join([b"a: b"] * 127), 200, id="128 headers"),
        pytest.param(b"\r\n".join([b"a: b"] * 128), 431, id="129 headers"),
        pytest.param(b"Connection: Upgrade\r\nUpgrade: websocket", 200, id="another protocol"),
        pytest.param(b"no header", 400, id="no header"),
    ],
)
def test_a_head(serving: Serving, head: bytes, status: int) -> None:
    assert heard(serving, HEALTH[:-2] + head + b"\r\n\r\n") == [status]


def test_a_refusal_says_what_is_wrong(serving: Serving) -> None:
    with socket.create_connection(("127.0.0.1", serving.port), timeout=30) as sock:
        sock.sendall(b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 129 + b"\r\n")
        said = b"".join(iter(lambda: sock.recv(65_536), b""))
    assert said.endswith(b"head too large: more than 65536 bytes or 128 headers")


@pytest.mark.parametrize(("count", "expected"), [(120, [400]), (1_000, [431]), (100_000, [431])])
def test_headers_behind_a_chunked_body(serving: Serving, count: int, expected: list[int]) -> None:
    """They count with those before it. (400: the body is no JSON.)"""
    trailers = b"a: b\r\n" * count + b"\r\n"
    assert heard(serving, KNOWN + CHUNKED + b"0\r\n" + trailers) in (expected, [])
    if count > 128:
        logs(serving, "Refused: head too large")


def test_a_chunked_body_is_read(serving: Serving) -> None:
    body = json.dumps({"message": tool_calls(a_call(arguments()))}).encode()
    chunks = b"".join(b"1\r\n%c\r\n" % byte for byte in body)
    assert heard(serving, KNOWN + CHUNKED + chunks + b"0\r\n\r\n") == [200]


def test_the_framing_of_chunks_is_bounded(serving: Serving) -> None:
    """Half a megabyte in chunks of a byte is three of framing."""
    pieces = [b"1\r\n[\r\n" * 10_000] * 50
    assert heard(serving, KNOWN + CHUNKED, *pieces) in ([413], [])
    logs(serving, "Refused: message too large")


def test_a_body_of_two_megabytes_is_read(serving: Serving) -> None:
    """(400: it is no JSON.)"""
    body = b" " * 1_000_000
    asked = KNOWN + length(2_000_000)
    assert heard(serving, asked, body, body, HEALTH, replies=2) == [400, 200]


def test_requests_before_a_reply_are_bounded(serving: Serving) -> None:
    """The first request and 16 that wait are answered in order; one more ends the connection."""
    assert heard(serving, HEALTH * 17, replies=17) == [200] * 17
    assert heard(serving, HEALTH * 1_000, replies=1_000) == []
    logs(serving, "Refused: too many requests before a reply")


def test_the_connection_outlives_a_small_refused_body(serving: Serving) -> None:
    """The server reads and drops the rest of the body, and answers the next request."""
    asked = GUESS + length(200_000)
    assert heard(serving, asked, b" " * 200_000, HEALTH, replies=2) == [401, 200]


def test_a_large_refused_body_ends_the_connection(serving: Serving) -> None:
    """The client may hear why, if it listens while it sends."""
    body = [b" " * 65_536] * 30
    assert heard(serving, GUESS + length(1_966_080), *body, HEALTH, replies=2) in ([401], [])
    logs(serving, "Refused: body goes on after its refusal")


def test_a_refused_body_that_stops_ends_the_connection(serving: Serving) -> None:
    """The connection ends after 10 to 15 seconds."""
    assert heard(serving, GUESS + length(1_000), b" ", replies=2) == [401]
    logs(serving, "Refused: slow rest of a refused body")


@pytest.mark.parametrize("size", [30_000, 1_000_000])
async def test_a_reply_that_nobody_reads(monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    """The connection is cut after a while, however little is left of the reply."""
    monkeypatch.setattr(protocol, "UNREAD_SECONDS", 0.2)
    monkeypatch.setattr(protocol, "LOOK_SECONDS", 0.1)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await Response(b"a" * size)(scope, receive, send)

    with socket.create_server(("127.0.0.1", 0)) as listener, socket.socket() as silent:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        silent.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        config = uvicorn.Config(
            app, http=protocol.BoundedProtocol, ws="none", lifespan="off", log_config=None
        )
        server = uvicorn.Server(config)
        serve = asyncio.create_task(server.serve(sockets=[listener]))
        silent.connect(listener.getsockname())
        silent.sendall(HEALTH)
        async with asyncio.timeout(30):
            while not server.server_state.total_requests:  # noqa: ASYNC110  # it tells nobody
                await asyncio.sleep(0.01)
            assert len(server.server_state.connections) == 1
            while server.server_state.connections:  # noqa: ASYNC110  # it tells nobody
                await asyncio.sleep(0.01)
        server.should_exit = True
        await serve


@pytest.mark.parametrize(("files", "most"), [(256, 160), (1024, 928), (65_536, 1024), (10, 16)])
def test_open_files_bound_the_connections(
    monkeypatch: pytest.MonkeyPatch, files: int, most: int
) -> None:
    monkeypatch.setattr("resource.getrlimit", lambda _: (files, files))
    assert protocol.most_connections() == most
