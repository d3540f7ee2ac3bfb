"""The load: callers who wait for each answer (closed), or who come when they come (open)."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from time import perf_counter
from typing import cast

GIVE_UP_SECONDS = 20
BOOKED = "booked"
UNCONFIRMED = "not confirmed"

Ask = Callable[[int], Awaitable[str]]


@dataclass
class Sample:
    """One round: the latencies in ms of what was booked, and everything else by what it was."""

    seconds: float = 0.0
    booked: list[float] = field(default_factory=list)
    others: Counter[str] = field(default_factory=Counter)
    slowest: float = 0.0

    @property
    def per_second(self) -> float:
        return len(self.booked) / self.seconds

    def add(self, verdict: str, seconds: float) -> None:
        self.slowest = max(self.slowest, seconds)
        if verdict == BOOKED:
            self.booked.append(seconds * 1000)
        else:
            self.others[verdict] += 1


async def closed(callers: int, seconds: float, ask: Ask) -> Sample:
    """Each caller asks again as soon as it is answered."""
    sample = Sample()
    begin = perf_counter()

    async def call(caller: int) -> None:
        while (asked := perf_counter()) < begin + seconds:
            verdict = await ask(caller)
            sample.add(verdict, perf_counter() - asked)

    await asyncio.gather(*(call(caller) for caller in range(callers)))
    sample.seconds = perf_counter() - begin
    return sample


async def open_loop(rate: float, seconds: float, ask: Ask) -> Sample:
    """So many a second, whatever becomes of them; late is counted from when each was to be sent."""
    sample = Sample()
    begin = perf_counter()

    async def call(number: int, due: float) -> None:
        verdict = await ask(number)
        sample.add(verdict, perf_counter() - due)

    async with asyncio.TaskGroup() as calls:
        for number in range(int(rate * seconds)):
            due = begin + number / rate
            if (ahead := due - perf_counter()) > 0:
                await asyncio.sleep(ahead)
            calls.create_task(call(number, due))
    # Longer than it was offered, where answers were left to come.
    sample.seconds = max(seconds, perf_counter() - begin)
    return sample


class Client:
    """HTTP/1.1 on as many connections as are needed at once, each kept for the next request.

    Our own, since a client library costs more than the endpoint, on the same two cores.
    """

    def __init__(self, port: int) -> None:
        self._port = port
        self._idle: list[_Connection] = []

    async def post(self, request: bytes) -> str:
        """Send the raw request; what became of it."""
        try:
            async with asyncio.timeout(GIVE_UP_SECONDS):
                conn = await self._connection()
                status, body = await conn.ask(request)
        except (TimeoutError, OSError) as error:
            return type(error).__name__
        self._idle.append(conn)
        return _verdict(status, body)

    def close(self) -> None:
        for conn in self._idle:
            conn.close()

    async def _connection(self) -> _Connection:
        while self._idle:
            if (conn := self._idle.pop()).is_open:
                return conn
        loop = asyncio.get_running_loop()
        return (await loop.create_connection(_Connection, "127.0.0.1", self._port))[1]


def _verdict(status: int, body: bytes) -> str:
    if status == 200 and re.search(rb'"result": ?"Booked', body):
        return BOOKED
    if status == 503 or (status == 200 and re.search(rb'"error": ?"Not confirmed', body)):
        return UNCONFIRMED
    said = re.search(rb'"(?:result|error)": ?"([^":]*)', body)
    return f"{status} {said[1].decode() if said else ''}".strip()


class _Connection(asyncio.Protocol):
    def __init__(self) -> None:
        self.is_open = True
        self._read = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop has no base class of asyncio's.
        self._transport = cast(asyncio.Transport, transport)

    def ask(self, request: bytes) -> asyncio.Future[tuple[int, bytes]]:
        self._answer: asyncio.Future[tuple[int, bytes]] = asyncio.Future()
        self._transport.write(request)
        return self._answer

    def data_received(self, data: bytes) -> None:
        self._read += data
        head, found, body = self._read.partition(b"\r\n\r\n")
        length = re.search(rb"(?i)content-length: (\d+)", head)
        if found and length and len(body) == int(length[1]):
            self._read = b""
            if not self._answer.done():
                self._answer.set_result((int(head[9:12]), body))

    def connection_lost(self, exc: Exception | None) -> None:
        self.is_open = False
        if hasattr(self, "_answer") and not self._answer.done():
            self._answer.set_exception(exc or ConnectionResetError())

    def close(self) -> None:
        self._transport.close()
