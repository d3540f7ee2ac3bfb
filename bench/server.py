"""The machine of a run: one embedded PostgreSQL, a database for each contender, its processes."""

from __future__ import annotations

import contextlib
import os
import secrets
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg

from bench.asked import open_clinics
from booking_asgi.command.postgres import EmbeddedPostgres
from booking_core import Connection, read_schema

START_SECONDS = 30
TEMPLATE = "bench_template"


@contextlib.contextmanager
def embedded(settings: Mapping[str, str] | None = None) -> Iterator[str]:
    """The server as it comes, durable; its data is gone afterwards."""
    Path(".data").mkdir(exist_ok=True)
    # Not in the system's temporary folder: that may be memory, where a commit costs nothing.
    with tempfile.TemporaryDirectory(prefix="bench-", dir=".data") as folder:
        Path(folder).chmod(0o755)  # within reach of the user that stands in for root
        with EmbeddedPostgres(Path(folder) / "data", settings=settings).running() as url:
            yield url


async def run(url: str, *statements: str) -> None:
    conn = await asyncpg.connect(url)
    try:
        for statement in statements:
            await conn.execute(statement)
    finally:
        await conn.close()


async def make_template(server_url: str) -> None:
    await run(server_url, f"create database {TEMPLATE}")
    conn = await asyncpg.connect(_named(server_url, TEMPLATE))
    await conn.execute(read_schema())
    await open_clinics(conn)
    await conn.close()


async def a_database(server_url: str, template: str = TEMPLATE) -> str:
    """The URL of a new one, a copy of the template."""
    name = f"bench_{secrets.token_hex(4)}"
    await run(server_url, f"create database {name} template {template}")
    return _named(server_url, name)


def _named(server_url: str, name: str) -> str:
    return urlsplit(server_url)._replace(path=f"/{name}").geturl()


@contextlib.contextmanager
def endpoint(database_url: str) -> Iterator[Process]:
    """`booking-asgi serve`, as users run it."""
    port = _free_port()
    settings = {"BOOKING_DATABASE_URL": database_url, "BOOKING_PORT": str(port)}
    with _process([f"{sys.prefix}/bin/booking-asgi", "serve"], port, settings) as process:
        yield process


@contextlib.contextmanager
def uvicorn(app: str, database_url: str = "") -> Iterator[Process]:
    """Another application, on uvicorn with all that makes it fast."""
    port = _free_port()
    options = ["--http", "httptools", "--loop", "uvloop", "--no-access-log", "--port", str(port)]
    command = [sys.executable, "-m", "uvicorn", app, *options, "--log-level", "warning"]
    with _process(command, port, {"BENCH_DATABASE_URL": database_url}) as process:
        yield process


class Process:
    """`memory` in MB is what is resident."""

    def __init__(self, pid: int, port: int) -> None:
        self.pid, self.port = pid, port

    def memory(self) -> float:
        status = Path(f"/proc/{self.pid}/status").read_text()
        resident = next(line for line in status.splitlines() if line.startswith("VmRSS"))
        return int(resident.split()[1]) / 1024


@contextlib.contextmanager
def _process(command: Sequence[str], port: int, settings: Mapping[str, str]) -> Iterator[Process]:
    # No BOOKING_ variable of the shell's own may reach it.
    environ = {name: text for name, text in os.environ.items() if not name.startswith("BOOKING_")}
    with (
        tempfile.TemporaryFile() as log,
        subprocess.Popen(command, env={**environ, **settings}, stdout=log, stderr=log) as process,
    ):
        try:
            give_up_at = time.monotonic() + START_SECONDS
            while not _answers(port):
                if process.poll() is not None or time.monotonic() > give_up_at:
                    log.seek(0)
                    raise SystemExit(f"{command} did not start: {log.read().decode()}")
                time.sleep(0.05)
            yield Process(process.pid, port)
        finally:
            process.terminate()


def _answers(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


@contextlib.asynccontextmanager
async def connections(url: str, count: int) -> AsyncIterator[list[Connection]]:
    async with contextlib.AsyncExitStack() as stack:
        opened: list[Connection] = []
        for _ in range(count):
            opened.append(await asyncpg.connect(url))
            stack.push_async_callback(opened[-1].close)
        yield opened
