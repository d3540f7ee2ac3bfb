"""A proxy that understands the framing of PostgreSQL's messages and counts round trips."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import asyncpg

from booking_core import Connection

SSL_REQUEST = 80877103
# What a client sends to be answered: Query, Sync, Flush.
ASKS = b"QSH"


async def read_message(reader: asyncio.StreamReader, *, typed: bool) -> tuple[bytes, bytes]:
    """The type of a client's next message (empty for one at the start) and the whole message."""
    kind = await reader.readexactly(1) if typed else b""
    length = await reader.readexactly(4)
    return kind, kind + length + await reader.readexactly(int.from_bytes(length) - 4)


@contextlib.asynccontextmanager
async def counting(url: str) -> AsyncIterator[tuple[Connection, list[bytes]]]:
    """A connection, and a list to which each of its round trips is added."""
    server = urlsplit(url)
    sent: list[bytes] = []
    tasks: list[asyncio.Task[None]] = []

    async def forward_answers(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            writer.write(data)
        writer.close()

    async def forward(client: asyncio.StreamReader, answers: asyncio.StreamWriter) -> None:
        reader, writer = await asyncio.open_connection(server.hostname, server.port)
        tasks.append(asyncio.create_task(forward_answers(reader, answers)))
        typed = False
        with contextlib.suppress(asyncio.IncompleteReadError):
            while True:
                kind, message = await read_message(client, typed=typed)
                typed = typed or int.from_bytes(message[4:8]) != SSL_REQUEST
                if kind and kind in ASKS:
                    sent.append(kind)
                writer.write(message)
        writer.close()

    async with await asyncio.start_server(forward, "127.0.0.1", 0) as proxy:
        port = proxy.sockets[0].getsockname()[1]
        address = f"{server.username}:{server.password}@127.0.0.1:{port}"
        conn = await asyncpg.connect(server._replace(netloc=address).geturl())
        try:
            yield conn, sent
        finally:
            await conn.close()
            await asyncio.gather(*tasks)
