"""The connections: so many at most, each kept for whoever comes next.

asyncpg's own pool makes a task of each return, to reset the session: 85 µs of Python and more,
where this takes 3. Nothing outlives a transaction on ours.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from urllib.parse import unquote_plus
from uuid import UUID

import asyncpg

from booking_asgi.places import Places
from booking_core import Connection

# Behind a NAT or a proxy, one that was idle for longer may be dead, though nobody hung up.
IDLE_SECONDS = 300.0
CLEANUP_SECONDS = 1.0
# Every option of libpq 18 that asyncpg doesn't know, and would send to the server as a setting.
# asyncpg can't heed these options. Without them, a URL that works for psql works here too.
LIBPQ_ONLY = frozenset(
    {
        "channel_binding",
        "client_encoding",
        "connect_timeout",
        "fallback_application_name",
        "gssdelegation",
        "gssencmode",
        "hostaddr",
        "keepalives",
        "keepalives_count",
        "keepalives_idle",
        "keepalives_interval",
        "load_balance_hosts",
        "max_protocol_version",
        "min_protocol_version",
        "oauth_client_id",
        "oauth_client_secret",
        "oauth_issuer",
        "oauth_scope",
        "replication",
        "require_auth",
        "requirepeer",
        "scram_client_key",
        "scram_server_key",
        "sslcertmode",
        "sslcompression",
        "sslcrldir",
        "sslkeylogfile",
        "sslsni",
        "tcp_user_timeout",
    }
)


async def connect(
    url: str, *, connect_timeout: float, command_timeout: float | None, statement_cache_size: int
) -> Connection:
    """A new connection; the times are in seconds. Raises what asyncpg.connect raises."""
    return await asyncpg.connect(
        without_libpq_only(url),
        timeout=connect_timeout,
        command_timeout=command_timeout,
        statement_cache_size=statement_cache_size,
        server_settings={"application_name": "vapi-booking"},
    )


def without_libpq_only(url: str) -> str:
    """The URL without the options of LIBPQ_ONLY. The rest of it stays the same, byte for byte."""
    address, mark, query = url.partition("?")
    kept = [
        option
        for option in query.split("&")
        if unquote_plus(option.partition("=")[0]) not in LIBPQ_ONLY
    ]
    return f"{address}{mark}{'&'.join(kept)}"


class Connections:
    """At most `size` connections to the database of `url`, made when they are needed.

    Whoever acquires one gives it back, by `release` if it may serve others, else by `drop`. The
    times are asyncpg's, in seconds: to connect, and for any statement.
    """

    def __init__(
        self,
        url: str,
        *,
        size: int,
        timeout: float,
        command_timeout: float | None = None,
        statement_cache_size: int = 100,
    ) -> None:
        self.size = size
        self._url = url
        self._timeout = timeout
        self._command_timeout = command_timeout
        self._statement_cache_size = statement_cache_size
        self._places = Places(size)
        # And for which organization each is in use, or was last.
        self._open: dict[Connection, UUID | None] = {}
        self._idle: list[tuple[float, Connection]] = []

    async def open(self, count: int) -> None:
        """Make `count` connections. Raises what connecting raises."""
        for conn in [await self.acquire() for _ in range(count)]:
            self.release(conn)

    @property
    def has_idle(self) -> bool:
        """Whether a connection is idle and nobody waits. If the server hung up, it is made anew."""
        return bool(self._idle) and not self._places.locked()

    @property
    def idle(self) -> int:
        return len(self._idle)

    @property
    def busy(self) -> int:
        return max(0, len(self._open) - len(self._idle))

    @property
    def awaited(self) -> int:
        """The number of requests that wait for a connection."""
        return self._places.waiting

    async def acquire(self, org_id: UUID | None = None) -> Connection:
        """The connection that was in use last, or a new one. Raises what connecting raises.

        An organization has at most half of them while another one waits.
        """
        await self._places.acquire(org_id)
        try:
            while self._idle:
                since, conn = self._idle.pop()
                if not conn.is_closed() and time.monotonic() < since + IDLE_SECONDS:
                    self._open[conn] = org_id
                    return conn
                self._forget(conn)
            conn = await self._connect()
            self._open[conn] = org_id
            return conn
        except BaseException:
            self._places.release(org_id)
            raise

    def release(self, conn: Connection) -> None:
        now = time.monotonic()
        self._idle.append((now, conn))
        self._places.release(self._open.get(conn))
        # The first is the one that was not needed for longest.
        if now > self._idle[0][0] + IDLE_SECONDS:
            self._forget(self._idle.pop(0)[1])

    async def drop(self, conn: Connection) -> None:
        """Close the connection, and leave its place to another one."""
        org_id = self._open.get(conn)
        try:
            # Not terminated at once: that would keep the cancel request of a time-out from being
            # sent. Where it raises, of whatever kind, it has terminated it.
            with contextlib.suppress(Exception):
                await conn.close(timeout=CLEANUP_SECONDS)
        finally:
            self._forget(conn)
            self._places.release(org_id)

    async def close(self) -> None:
        """Close all connections: idle ones in good order, those in use by force."""
        idle, self._idle = self._idle, []
        await asyncio.gather(
            *(conn.close(timeout=CLEANUP_SECONDS) for _, conn in idle), return_exceptions=True
        )
        for conn in list(self._open):
            self._forget(conn)

    async def _connect(self) -> Connection:
        return await connect(
            self._url,
            connect_timeout=self._timeout,
            command_timeout=self._command_timeout,
            statement_cache_size=self._statement_cache_size,
        )

    def _forget(self, conn: Connection) -> None:
        self._open.pop(conn, None)
        conn.terminate()
