"""HTTP with limits that hold before anything is known of a client: uvicorn's own has none here."""

from __future__ import annotations

import asyncio
import resource
from typing import Any, ClassVar
from weakref import WeakKeyDictionary

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from booking_asgi.refusals import Refusals

MOST_HEAD_BYTES = 65_536
MOST_HEADERS = 128
HEAD_SECONDS = 10.0
UNREAD_SECONDS = 10.0
MOST_CONNECTIONS = 1024
# For the database, the listener, and what Python opens meanwhile.
OTHER_FILES = 96

TOO_LARGE = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\n"
    b"content-length: 0\r\nconnection: close\r\n\r\n"
)


class HeadTooLarge(Exception):
    """The parser wraps it, and uvicorn answers."""


class BoundedProtocol(HttpToolsProtocol):
    """One connection. A head has a size, a number of headers and a time; a reply that its client
    does not read is cut; of too many connections the one that waited longest is closed."""

    # By server: those that have no request under way, the one that waits longest first.
    _waiting_of: ClassVar[WeakKeyDictionary[ServerState, dict[BoundedProtocol, None]]] = (
        WeakKeyDictionary()
    )
    _refusals: ClassVar = Refusals()

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self._waiting = self._waiting_of.setdefault(self.server_state, {})
        self._head_bytes = 0
        # Since when its head is awaited; None while a request is under way, and between two.
        self._head_since: float | None = None
        self._head_timer: asyncio.TimerHandle | None = None
        self._unread_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's
        super().connection_made(transport)
        self._waiting[self] = None
        self._head_since = self.loop.time()
        self._look_at_head()
        if len(self.connections) > most_connections():
            self._cut(next(iter(self._waiting)), "too many connections")

    def connection_lost(self, exc: Exception | None) -> None:
        self._waiting.pop(self, None)
        self._cancel_timers()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self._head_since is not None and not self.transport.is_closing():
            self._head_bytes += len(data)
            if self._head_bytes > MOST_HEAD_BYTES:
                self._refuse_head()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._head_bytes = 0
        if self._head_since is None:
            self._head_since = self.loop.time()

    def on_header(self, name: bytes, value: bytes) -> None:
        super().on_header(name, value)
        if len(self.headers) > MOST_HEADERS:
            raise HeadTooLarge

    def on_headers_complete(self) -> None:
        self._head_since = None
        self._waiting.pop(self, None)
        size = len(self.url) + sum(len(name) + len(value) for name, value in self.headers)
        if size > MOST_HEAD_BYTES:
            raise HeadTooLarge
        super().on_headers_complete()

    def on_response_complete(self) -> None:
        if not self.transport.is_closing() and not self.pipeline:
            self._waiting[self] = None
        super().on_response_complete()

    def send_400_response(self, msg: str) -> None:
        if len(self.headers or ()) > MOST_HEADERS or self._is_over():
            self._refuse_head()
        else:
            super().send_400_response(msg)

    def pause_writing(self) -> None:
        super().pause_writing()
        self._unread_timer = self.loop.call_later(UNREAD_SECONDS, self._cut, self, "unread reply")

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._unread_timer is not None:
            self._unread_timer.cancel()

    def _is_over(self) -> bool:
        size = sum(len(name) + len(value) for name, value in self.headers or ())
        return size > MOST_HEAD_BYTES

    def _look_at_head(self) -> None:
        """Now and then: a timer for each request would cost more than all else here."""
        if self._head_since is not None and self.loop.time() - self._head_since >= HEAD_SECONDS:
            self._cut(self, "slow head")
        else:
            self._head_timer = self.loop.call_later(HEAD_SECONDS / 2, self._look_at_head)

    def _refuse_head(self) -> None:
        self._refusals.note("head too large", status=431)
        if not self.transport.is_closing():
            self.transport.write(TOO_LARGE)
            self.transport.close()

    def _cut(self, other: BoundedProtocol, why: str) -> None:
        if other.transport is not None and not other.transport.is_closing():
            self._refusals.note(why)
            other.transport.abort()
        self._waiting.pop(other, None)

    def _cancel_timers(self) -> None:
        for timer in (self._head_timer, self._unread_timer):
            if timer is not None:
                timer.cancel()


def most_connections() -> int:
    """As many as the process may open beside its other files."""
    files = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return max(16, min(MOST_CONNECTIONS, files - OTHER_FILES))
