"""HTTP with limits that hold before anything is known of a client: uvicorn's own has none here."""

from __future__ import annotations

import asyncio
import resource
from typing import Any, ClassVar
from weakref import WeakKeyDictionary

import httptools
from uvicorn.protocols.http.httptools_impl import (
    STATUS_LINE,
    HttpToolsProtocol,
    RequestResponseCycle,
)
from uvicorn.server import ServerState

from booking_asgi.refusals import Refusals

MOST_HEAD_BYTES = 65_536
# With those behind a chunked body.
MOST_HEADERS = 128
HEAD_SECONDS = 10.0
# A body of 2 MB with its head, and a tenth for the framing of its chunks.
MOST_MESSAGE_BYTES = 2_200_000
# After a reply, this much of the rest of the body is read, so that the client gets the reply.
MOST_LEFT_BYTES = 262_144
LEFT_SECONDS = 10.0
MOST_PIPELINED = 16
UNREAD_SECONDS = 10.0
LOOK_SECONDS = 2.5
MOST_CONNECTIONS = 1024
# For the database, the listener, and what Python opens meanwhile.
OTHER_FILES = 96

HEAD = f"head too large: more than {MOST_HEAD_BYTES} bytes or {MOST_HEADERS} headers"
MESSAGE = f"message too large: more than {MOST_MESSAGE_BYTES} bytes with its framing"
PIPELINED = f"too many requests before a reply: more than {MOST_PIPELINED}"
LEFT = f"body goes on after its refusal: for more than {MOST_LEFT_BYTES} bytes"


class Refused(Exception):
    """The request is answered with `status`, and the connection closed."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status
        self.why = why


class BoundedProtocol(HttpToolsProtocol):
    """One connection. A head, a message, what is left of it after its reply, and the requests that
    come before a reply have a size or a number, and what a client owes has a time. Of too many
    connections the one that waited longest is closed."""

    # By server: those that have no request under way, the one that waits longest first.
    _waiting_of: ClassVar[WeakKeyDictionary[ServerState, dict[BoundedProtocol, None]]] = (
        WeakKeyDictionary()
    )
    refusals: ClassVar = Refusals()

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self._waiting = self._waiting_of.setdefault(self.server_state, {})
        self._running: RequestResponseCycle | None = None
        self._is_in_head = True
        # Of the message that arrives, and of that what came after its reply.
        self._received = self._left = 0
        # Since when the client owes the rest of a head, or of a body that has its reply.
        self._owing_since: float | None = None
        self._unread_since: float | None = None
        self._look: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's
        super().connection_made(transport)
        self._waiting[self] = None
        self._owing_since = self.loop.time()
        self._look = self.loop.call_later(LOOK_SECONDS, self._look_again)
        if len(self.connections) > most_connections():
            next(iter(self._waiting))._cut("too many connections")

    def connection_lost(self, exc: Exception | None) -> None:
        self._waiting.pop(self, None)
        if self._look is not None:
            self._look.cancel()
        self._unset_keepalive_if_required()
        self._give_up()  # uvicorn tells only the request that came last
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        # Piece by piece, so that nothing is parsed far beyond its bound.
        for start in range(0, len(data), MOST_HEAD_BYTES):
            if self.transport.is_closing():
                return
            try:
                self._feed(data[start : start + MOST_HEAD_BYTES])
            except Refused as refused:
                self._refuse(refused)
            except httptools.HttpParserUpgrade:
                pass  # answered as it is, over HTTP/1.1
            except httptools.HttpParserError as error:
                cause = error.__context__
                self._refuse(
                    cause if isinstance(cause, Refused) else Refused(400, "not valid HTTP")
                )

    def _feed(self, data: bytes) -> None:
        self._unset_keepalive_if_required()
        if self._is_in_head and self._owing_since is None:
            self._owing_since = self.loop.time()
        self._received += len(data)
        self.parser.feed_data(data)
        if self._is_in_head:
            if self._received > MOST_HEAD_BYTES:
                raise Refused(431, HEAD)
        elif len(self.headers) > MOST_HEADERS:
            raise Refused(431, HEAD)
        elif self._received > MOST_MESSAGE_BYTES:
            raise Refused(413, MESSAGE)
        elif self.cycle.response_complete:
            self._left += len(data)
            if self._left > MOST_LEFT_BYTES:
                raise Refused(413, LEFT)

    def on_headers_complete(self) -> None:
        if len(self.headers) > MOST_HEADERS:
            raise Refused(431, HEAD)
        # Most of the time not even with its body.
        if self._received > MOST_HEAD_BYTES and self._head_bytes() > MOST_HEAD_BYTES:
            raise Refused(431, HEAD)
        if len(self.pipeline) >= MOST_PIPELINED:
            raise Refused(400, PIPELINED)
        self._is_in_head = False
        self._owing_since = None
        self._waiting.pop(self, None)
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        if len(self.headers) > MOST_HEADERS:
            raise Refused(431, HEAD)
        super().on_message_complete()
        self._is_in_head = True
        self._received = self._left = 0
        self._owing_since = None

    def on_response_complete(self) -> None:
        if not self.transport.is_closing() and not self.pipeline:
            self._waiting[self] = None
        if not self._is_in_head and not self.pipeline:
            self._owing_since = self.loop.time()
        super().on_response_complete()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        self._running = cycle
        super()._start_asgi_task(cycle, app)

    def _head_bytes(self) -> int:
        return len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)

    def _look_again(self) -> None:
        """Look at the times again. A timer for each request would cost more."""
        now = self.loop.time()
        self._look = self.loop.call_later(LOOK_SECONDS, self._look_again)
        if not self.transport.get_write_buffer_size():
            self._unread_since = None
        elif self._unread_since is None:
            self._unread_since = now
        elif now - self._unread_since >= UNREAD_SECONDS:
            self._cut("unread reply")
        if self._owing_since is None or self.flow.read_paused:
            return
        if now - self._owing_since >= (HEAD_SECONDS if self._is_in_head else LEFT_SECONDS):
            self._cut("slow head" if self._is_in_head else "slow rest of a refused body")

    def _refuse(self, refused: Refused) -> None:
        running = self._running
        if running is not None and running.response_complete:
            running = None
        # In another reply, or before one that is due first, ours would be taken for that one.
        if running and (self._is_in_head or self.pipeline or running.response_started):
            self._cut(refused.why)
            return
        self.refusals.note(refused.why, status=refused.status)
        if self._is_in_head or running:
            self.transport.write(
                STATUS_LINE[refused.status]
                + b"content-type: text/plain\r\nconnection: close\r\n"
                + b"content-length: %d\r\n\r\n%b" % (len(refused.why), refused.why.encode())
            )
        self._give_up()
        self.transport.close()

    def _cut(self, why: str) -> None:
        self._waiting.pop(self, None)
        self.refusals.note(why)
        self._give_up()
        self.transport.abort()

    def _give_up(self) -> None:
        """Tell the application that the client is gone, so that it says nothing more."""
        if self._running is not None:
            self._running.disconnected = True
            self._running.message_event.set()


def most_connections() -> int:
    """The number of connections that the process may open beside its other files."""
    files = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return max(16, min(MOST_CONNECTIONS, files - OTHER_FILES))
