"""Attacks from outside, on a server process of its own: who is inside is answered meanwhile."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import resource
import socket
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

import httpx
import pytest

from tests.conftest import connected
from tests.support.commands import COMMAND, answers, environ, free_port
from tests.support.factories import TOKEN, a_call, a_clinic, arguments, tool_calls
from tests.support.processes import end_with_parent

PATH = "/api/vapi/tools/book-appointment"
MOST_MEMORY = 150_000_000
OTHER = "the-token-of-another-clinic"
"""How long whoever is inside may wait: far more than it takes, and far less than an attack."""
PATIENCE = 5.0


@dataclass
class Server:
    port: int
    process: subprocess.Popen[bytes]
    said: Path
    kept: list[asyncio.StreamWriter] = field(default_factory=list)
    """Connections that stay open."""

    @property
    def memory(self) -> int:
        [line] = [line for line in self._proc("status").splitlines() if "VmRSS" in line]
        return 1024 * int(line.split()[1])

    @property
    def cpu(self) -> float:
        """Seconds that the process has used."""
        fields = self._proc("stat").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def _proc(self, name: str) -> str:
        return Path(f"/proc/{self.process.pid}/{name}").read_text()

    async def is_inside_answered(self) -> None:
        """A clinic's call, its health and its readiness, each within `PATIENCE`."""
        async with httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{self.port}", timeout=PATIENCE
        ) as client:
            for path in ("/api/health", "/api/ready"):
                assert (await client.get(path)).status_code == 200
            reply = await client.post(
                PATH, json=arguments(), headers={"X-Vapi-Secret": OTHER, "Idempotency-Key": "k"}
            )
            assert reply.status_code == 200
        assert self.memory < MOST_MEMORY

    async def says(self, text: str) -> None:
        """In its log, in time."""
        async with asyncio.timeout(30):
            while text not in self.said.read_text():  # noqa: ASYNC110  # it tells nobody
                await asyncio.sleep(0.1)

    async def open(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A connection that stays open."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        self.kept.append(writer)
        return reader, writer

    async def send(self, data: bytes) -> asyncio.StreamReader:
        """On a connection of its own."""
        reader, writer = await self.open()
        with contextlib.suppress(ConnectionError):
            writer.write(data)
            await writer.drain()
        return reader


def few_files() -> None:
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, 256))


@pytest.fixture(params=[None])
async def server(url: str, tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Server]:
    async with connected(url) as conn:
        await a_clinic(conn, token=TOKEN, resources=[f"{n}" for n in range(50)])
        await a_clinic(conn, token=OTHER)
    with start(url, tmp_path / "output", request.param) as server:
        async with asyncio.timeout(30):
            while not answers(server.port):  # noqa: ASYNC110  # it tells nobody
                await asyncio.sleep(0.1)
        await server.is_inside_answered()
        yield server
        await server.is_inside_answered()
        for writer in server.kept:
            writer.close()


@contextlib.contextmanager
def start(url: str, said: Path, limits: object) -> Iterator[Server]:
    port = free_port()
    with said.open("wb") as output:
        process = subprocess.Popen(
            [COMMAND, "serve"],
            env=environ(port=port, database_url=url),
            stdout=output,
            preexec_fn=few_files if limits == "few files" else end_with_parent,
        )
    try:
        yield Server(port, process, said)
    finally:
        process.kill()
        process.wait()


def head(token: str, length: int, path: str = PATH) -> bytes:
    return (
        f"POST {path} HTTP/1.1\r\nHost: a\r\nX-Vapi-Secret: {token}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
    ).encode()


async def test_wrong_tokens_whose_bodies_never_come(server: Server) -> None:
    """Answered before their bodies, which they need not send: no place is taken."""
    async with asyncio.timeout(60):
        readers = [await server.send(head(f"guess-{n}", 2_000_000)) for n in range(512)]
        await server.is_inside_answered()
        for reader in readers:
            assert b" 401 " in await reader.readline()
    await server.says("Refused: unknown token")


async def test_two_hundred_large_bodies_of_wrong_tokens(server: Server) -> None:
    """They are not kept."""
    body = b"[" * 1_900_000
    async with asyncio.timeout(60):
        for n in range(200):
            await server.send(head(f"guess-{n}", 2_000_000) + body[: 50_000 + n])
        await server.is_inside_answered()


@pytest.mark.parametrize(
    "rest",
    [
        pytest.param(b"X-Long: " + b"a" * 8_000_000, id="a long header"),
        pytest.param(b"".join(b"h%d: v\r\n" % n for n in range(500_000)), id="many headers"),
        pytest.param(b"a: b\r\n" * 129 + b"\r\n", id="129 headers"),
    ],
)
async def test_a_head_too_large(server: Server, rest: bytes) -> None:
    """Refused as soon as it is, whatever follows."""
    before = server.cpu
    reader = await server.send(b"POST / HTTP/1.1\r\nHost: a\r\n" + rest)
    async with asyncio.timeout(PATIENCE):
        with contextlib.suppress(ConnectionError):  # closed before all of it was sent
            assert b" 431 " in await reader.readline()
    assert server.cpu - before < 2.0
    await server.is_inside_answered()
    await server.says("Refused: head too large")


async def test_a_head_of_128_is_taken(server: Server) -> None:
    rest = b"a: b\r\n" * 127 + b"\r\n"
    reader = await server.send(b"GET /api/health HTTP/1.1\r\nHost: a\r\n" + rest)
    assert b" 200 " in await reader.readline()


@pytest.mark.parametrize("server", ["few files"], indirect=True)
async def test_silent_connections(server: Server) -> None:
    """More than there are file descriptors: those that wait longest make room."""
    for _ in range(330):
        await server.open()
    await server.is_inside_answered()
    await server.says("Refused: too many connections")


async def test_five_hundred_guesses_and_a_busy_clinic(server: Server) -> None:
    """The guesses cost no query each, and the busy one leaves half of the places."""

    async def ask(token: str, number: int) -> bytes:
        body = json.dumps(arguments(patientPhone=f"+1555200{number:04}")).encode()
        reader = await server.send(head(token, len(body)) + body)
        return (await reader.readline()).split()[1]

    async with asyncio.timeout(60):
        guesses = [asyncio.ensure_future(ask(f"guess-{n}", n)) for n in range(560)]
        busy = [asyncio.ensure_future(ask(TOKEN, n)) for n in range(400)]
        await asyncio.sleep(0.05)
        started = time.monotonic()
        await server.is_inside_answered()
        print(f"inside: {time.monotonic() - started:.3f} s")
        assert set(await asyncio.gather(*guesses)) == {b"401"}
        assert set(await asyncio.gather(*busy)) <= {b"200", b"409", b"429"}


@pytest.mark.parametrize(
    "items",
    [
        pytest.param("1e308", id="floats"),
        pytest.param('{"id":"x"}', id="calls of one id"),
        pytest.param("[]", id="lists"),
    ],
)
async def test_two_megabytes_of_a_clients_choice(server: Server, items: str) -> None:
    """To read and refuse 2 MB of a client's choice costs CPU time in proportion: at most a
    second."""
    body = f'{{"message":{{"type":"tool-calls","toolCallList":[{",".join([items] * 180_000)}]}}}}'
    before = server.cpu
    async with httpx.AsyncClient(timeout=30) as client:
        url = f"http://127.0.0.1:{server.port}/api/vapi/tools"
        reply = await client.post(
            url, content=body[:1_999_000] + " ", headers={"X-Vapi-Secret": TOKEN}
        )
        assert reply.status_code in (200, 400)
    print(f"CPU: {server.cpu - before:.3f} s")
    assert server.cpu - before < 1.0


async def test_too_many_calls(server: Server) -> None:
    """Refused as a whole: the reply is no longer than any other."""
    calls = [{"id": str(number)} for number in range(60_000)]
    body = {"message": {"type": "tool-calls", "toolCallList": calls}}
    async with httpx.AsyncClient(timeout=30) as client:
        url = f"http://127.0.0.1:{server.port}/api/vapi/tools"
        reply = await client.post(url, json=body, headers={"X-Vapi-Secret": TOKEN})
    assert reply.status_code == 400 and len(reply.content) < 1000


async def test_replies_that_are_not_read(server: Server) -> None:
    """Pipelined without end by one who reads nothing: it is cut soon, and nothing piles up."""
    message = tool_calls(*(a_call(arguments(), id=f"{UUID(int=n)}") for n in range(200)))
    body = json.dumps({"message": message}).encode()
    request = head(TOKEN, len(body), "/api/vapi/tools") + body
    with socket.socket() as silent:
        silent.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        silent.connect(("127.0.0.1", server.port))
        silent.setblocking(False)
        loop = asyncio.get_running_loop()
        with contextlib.suppress(ConnectionError, TimeoutError):
            async with asyncio.timeout(20):
                while True:
                    await loop.sock_sendall(silent, request)
        await server.is_inside_answered()
    await server.says("Refused: too many requests before a reply")
    assert "ERROR" not in server.said.read_text()


async def test_a_head_that_does_not_end(server: Server) -> None:
    """A client that sends one byte now and then, or nothing, is cut after 10 to 15 seconds."""
    _, slow = await server.open()
    reader, _ = await server.open()
    async with asyncio.timeout(30):
        with contextlib.suppress(ConnectionError):
            while True:
                slow.write(b"G")
                await slow.drain()
                await asyncio.sleep(0.5)
        with contextlib.suppress(ConnectionError):
            assert await reader.read() == b""
    await server.says("Refused: slow head")
