"""A primary with a synchronous standby, and the ways to them, each of which a test can close."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from booking_asgi.command.postgres import EmbeddedPostgres
from tests.conftest import SCHEMA, connected, psql, until
from tests.support.processes import children
from tests.support.servers import PG_BIN

IN_SYNC = "select count(*) = 1 from pg_stat_replication where sync_state = 'sync'"
# Not in /dev/shm, where a server that is killed and never started again would leave its own.
OWN_MEMORY = {"dynamic_shared_memory_type": "mmap"}


@dataclass
class Way:
    """A port that leads to a server: the address that moves with the primary, or a slow line."""

    port: int
    """Of the server."""
    here: int = 0
    _open: asyncio.Event = field(default_factory=asyncio.Event)
    _writers: set[asyncio.StreamWriter] = field(default_factory=set)

    @contextlib.asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        self._open.set()
        async with await asyncio.start_server(self._lead, "127.0.0.1", 0) as server:
            self.here = server.sockets[0].getsockname()[1]
            yield
            self.lead_to(0)

    def fall_silent(self) -> None:
        """Keep all bytes that are on their way."""
        self._open.clear()

    def speak(self) -> None:
        self._open.set()

    def lead_to(self, port: int) -> None:
        """Lead to another server from now on, or with 0 to none. Bytes that were on their way are
        lost."""
        self.port = port
        for writer in self._writers:
            writer.transport.abort()

    async def _lead(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        with contextlib.suppress(OSError):
            answers, server = await asyncio.open_connection("127.0.0.1", self.port)
            self._writers.add(server)
            await asyncio.gather(self._carry(reader, server), self._carry(answers, writer))
            self._writers.discard(server)
        self._writers.discard(writer)
        writer.transport.abort()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(65536):
                await self._open.wait()
                writer.write(data)
        writer.transport.abort()


@dataclass(frozen=True)
class Pair:
    """`url` leads to the primary, whichever it is; `line` from the primary to its standby."""

    primary: EmbeddedPostgres
    standby: EmbeddedPostgres
    address: Way
    line: Way

    @property
    def url(self) -> str:
        return _at(self.primary.url, self.address.here)

    def lose_primary(self) -> None:
        """All its processes at once, for ever, and what it had sent but the standby not got."""
        assert self.primary.process is not None
        postmaster = self.primary.process.pid
        os.kill(postmaster, signal.SIGSTOP)  # so that it starts no other
        for pid in [*children(postmaster), postmaster]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.primary.process.wait()
        self.line.lead_to(0)

    async def promote(self) -> None:
        """The standby takes the place of the primary, and its address."""
        await asyncio.to_thread(psql, self.standby.url, "-c", "select pg_promote(true, 30)")
        self.address.lead_to(self.standby.port)


@contextlib.asynccontextmanager
async def a_pair(*, synchronous: bool = True) -> AsyncIterator[Pair]:
    """Both are up, and the standby has all that the primary has; durability is on."""
    async with contextlib.AsyncExitStack() as stack:
        folder = stack.enter_context(_a_folder())
        primary = _server(folder / "primary", {})
        stack.enter_context(primary.running())
        psql(primary.url, "-c", "create database tables template template0")
        psql(_tables(primary.url), "-f", str(SCHEMA))
        line, address = Way(primary.port), Way(primary.port)
        await stack.enter_async_context(line.listening())
        await stack.enter_async_context(address.listening())
        _copy(primary, folder / "standby")
        at = urlsplit(primary.url)
        comes_from = f"host=127.0.0.1 port={line.here} user=postgres password={at.password}"
        standby = _server(
            folder / "standby",
            {"primary_conninfo": comes_from, "wal_retrieve_retry_interval": "100ms"},
        )
        stack.enter_context(standby.running())
        psql(primary.url, "-c", "alter system set synchronous_standby_names = '*'")
        if not synchronous:
            psql(primary.url, "-c", "alter system set synchronous_commit = local")
        psql(primary.url, "-c", "select pg_reload_conf()")
        async with connected(primary.url) as conn:
            await until(conn, IN_SYNC)
        yield Pair(primary=primary, standby=standby, address=address, line=line)


@contextlib.contextmanager
def _a_folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="booking-faults-") as folder:
        Path(folder).chmod(0o755)  # within reach of the user that stands in for root
        yield Path(folder)


def _server(data_dir: Path, settings: dict[str, str]) -> EmbeddedPostgres:
    programs = Path(PG_BIN) if PG_BIN else None
    return EmbeddedPostgres(data_dir, programs=programs, settings={**OWN_MEMORY, **settings})


def _copy(primary: EmbeddedPostgres, data_dir: Path) -> None:
    program = primary.programs / "pg_basebackup"
    slot = ["--create-slot", "--slot=standby", "--write-recovery-conf"]
    source = [f"--dbname={primary.url}", "--checkpoint=fast", "--no-sync"]
    subprocess.run([program, f"--pgdata={data_dir}", *source, *slot], check=True)
    # Theirs who may run the server.
    owner = primary.data_dir.stat()
    for path in (data_dir, *data_dir.rglob("*")):
        os.chown(path, owner.st_uid, owner.st_gid, follow_symlinks=False)


def _at(url: str, port: int) -> str:
    server = urlsplit(url)
    address = f"{server.username}:{server.password}@127.0.0.1:{port}"
    return _tables(server._replace(netloc=address).geturl())


def _tables(url: str) -> str:
    return urlsplit(url)._replace(path="/tables").geturl()
