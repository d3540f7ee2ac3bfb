"""A proxy that understands the framing of PostgreSQL's messages, in both directions."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias
from urllib.parse import urlsplit

import asyncpg

from booking_core import Connection

SSL_REQUEST = 80877103
# What a client sends to be answered: Query, Sync, Flush.
ASKS = b"QSH"
# With no time to linger, closing a socket resets its connection.
AT_ONCE = struct.pack("ii", 1, 0)


Side: TypeAlias = Literal["client", "server"]


@dataclass(frozen=True)
class Message:
    """`kind` is its type, which is empty where it has none: in the first ones of a connection."""

    sender: Side
    kind: bytes
    data: bytes


@dataclass(eq=False)
class Line:
    """One connection through the proxy."""

    writers: dict[Side, asyncio.StreamWriter]
    """By who speaks: to where it goes."""
    is_silent: bool = False

    def pass_on(self, message: Message, size: int | None = None) -> None:
        """The message, or as many bytes of it."""
        self.writers[message.sender].write(message.data[:size])

    def reset(self) -> None:
        """Reset the connection at both ends."""
        for writer in self.writers.values():
            with contextlib.suppress(OSError):  # it is closed already
                taken = writer.get_extra_info("socket")
                taken.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, AT_ONCE)
            writer.transport.abort()


Gate: TypeAlias = Callable[[Line, Message], Awaitable[None]]


class Proxy:
    """Hands each message to `gate`, which passes it on, or does not."""

    def __init__(self, url: str, gate: Gate) -> None:
        self.is_silent = False
        """Whether nothing passes any more; the lines stay open, and new ones are taken."""
        self._server, self._gate = urlsplit(url), gate
        self._lines: list[Line] = []
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def ports(self) -> list[int]:
        """The ports by which the server knows its connections."""
        writers = (line.writers.get("client") for line in self._lines)
        return [writer.get_extra_info("sockname")[1] for writer in writers if writer]

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[str]:
        """The URL that leads through it."""
        listening = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        port = listening.sockets[0].getsockname()[1]
        address = f"{self._server.username}:{self._server.password}@127.0.0.1:{port}"
        try:
            yield self._server._replace(netloc=address).geturl()
        finally:
            listening.close()
            for line in self._lines:
                line.reset()
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, client: asyncio.StreamReader, answers: asyncio.StreamWriter) -> None:
        line = Line({"server": answers})
        self._lines.append(line)
        try:
            await self._connect(line, client)
        except (asyncio.IncompleteReadError, OSError):
            line.reset()

    async def _connect(self, line: Line, client: asyncio.StreamReader) -> None:
        reader, line.writers["client"] = await asyncio.open_connection(
            self._server.hostname, self._server.port
        )
        first = await _read(client, "client", typed=False)
        while int.from_bytes(first.data[4:8]) == SSL_REQUEST:
            await self._hand_over(line, first)
            refusal = await reader.readexactly(1)
            await self._hand_over(line, Message("server", b"", refusal))
            first = await _read(client, "client", typed=False)
        await self._hand_over(line, first)
        for speaker in (self._listen(line, client, "client"), self._listen(line, reader, "server")):
            task = asyncio.create_task(speaker)
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _listen(self, line: Line, reader: asyncio.StreamReader, sender: Side) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                await self._hand_over(line, await _read(reader, sender, typed=True))
        if not self._swallows(line):
            line.writers[sender].close()

    async def _hand_over(self, line: Line, message: Message) -> None:
        if not self._swallows(line):
            await self._gate(line, message)

    def _swallows(self, line: Line) -> bool:
        # A line that missed something does not speak again.
        line.is_silent = line.is_silent or self.is_silent
        return line.is_silent


async def _read(reader: asyncio.StreamReader, sender: Side, *, typed: bool) -> Message:
    kind = await reader.readexactly(1) if typed else b""
    length = await reader.readexactly(4)
    rest = await reader.readexactly(int.from_bytes(length) - 4)
    return Message(sender, kind, kind + length + rest)


@contextlib.asynccontextmanager
async def counting(url: str) -> AsyncIterator[tuple[Connection, list[bytes]]]:
    """A connection, and a list to which each of its round trips is added."""
    sent: list[bytes] = []

    async def count(line: Line, message: Message) -> None:
        if message.sender == "client" and message.kind and message.kind in ASKS:
            sent.append(message.kind)
        line.pass_on(message)

    async with Proxy(url, count).running() as through:
        conn = await asyncpg.connect(through)
        try:
            yield conn, sent
        finally:
            await conn.close()
