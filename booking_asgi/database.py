"""The database with a deadline: an answer comes back in time, whatever the database does."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Coroutine
from types import TracebackType
from typing import Any, Concatenate, ParamSpec, Self, TypeVar
from uuid import UUID

import asyncpg
import stamina
import structlog

from booking_asgi.connections import CLEANUP_SECONDS, Connections
from booking_core import BookingError, BookingNotSettled, Connection

P = ParamSpec("P")
T = TypeVar("T")

TRANSIENT_CLASSES = ("08", "40", "53", "57")
# A server that became a standby, whose successor another connection may reach; a lock.
TRANSIENT_STATES = ("25006", "55P03")
TRANSIENT = (
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    OSError,
    TimeoutError,
    BookingNotSettled,
)

log = structlog.get_logger("booking_asgi")


class Unavailable(Exception):
    """The database did not answer in time, or no connection to it came free."""


class Interrupted(Unavailable):
    """The work failed, and may succeed on another connection. The message is the type and the
    SQLSTATE of the failure."""


def is_transient(error: Exception) -> bool:
    """Whether the same request may succeed on another connection."""
    if isinstance(error, asyncpg.InvalidCachedStatementError):  # a column's type was altered
        return True
    sqlstate = getattr(error, "sqlstate", None)
    if sqlstate:
        return sqlstate[:2] in TRANSIENT_CLASSES or sqlstate in TRANSIENT_STATES
    # A setting of ours that is wrong is an InterfaceError too, and a ValueError.
    return isinstance(error, TRANSIENT) and not isinstance(error, ValueError)


class Database:
    """`wait_seconds` is how long a request may stand in line for one of the `connections`."""

    def __init__(self, connections: Connections, *, wait_seconds: float) -> None:
        self.connections = connections
        self.wait_seconds = wait_seconds
        # How often a piece of work was tried again, since the start.
        self.retries = 0
        self._tasks: set[asyncio.Task[Any]] = set()

    async def within(
        self,
        give_up_at: float,
        work: Callable[[Lease], Awaitable[T]],
        org_id: UUID | None = None,
    ) -> T:
        """The result of `work`, by `give_up_at` (`time.monotonic`) at the latest.

        Raises `Unavailable` then, and where no connection comes free; else what `work` raises.
        """

        async def run() -> T:
            async with Lease(self, give_up_at, org_id) as lease:
                return await work(lease)

        # Not asyncio.timeout: the ROLLBACK on a connection that went silent would outlast it. What
        # is not done in time is cancelled, and left to clean up behind our back.
        task = self.in_background(run())
        try:
            await asyncio.wait({task}, timeout=give_up_at - time.monotonic())
            if task.done():
                return task.result()
            raise Unavailable("past the deadline")
        finally:
            task.cancel()  # where we are cancelled, too; what is done stays done

    def in_background(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._forget)
        return task

    def _forget(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            task.exception()  # or asyncio logs it as never retrieved, in its own words

    async def close(self) -> None:
        """Wait for what is still cleaning up, and close the connections, by force if it must be."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self.wait_seconds + CLEANUP_SECONDS):
                while self._tasks:
                    await asyncio.wait(self._tasks)
        await self.connections.close()


class Lease:
    """A connection for several pieces of work. A connection that fails is replaced."""

    def __init__(self, database: Database, give_up_at: float, org_id: UUID | None = None) -> None:
        self._database = database
        self._give_up_at = give_up_at
        self._org_id = org_id
        self._conn: Connection | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if (conn := self._conn) is None:
            return
        # Cancelled in the midst of a statement or of a transaction, it is of no use to others.
        is_cut = kind is asyncio.CancelledError or conn.is_closed() or conn.is_in_transaction()
        if is_cut:
            await self._database.connections.drop(conn)
        else:
            self._database.connections.release(conn)

    async def run(
        self,
        verb: Callable[Concatenate[Connection, P], Awaitable[T]],
        *given: P.args,
        **named: P.kwargs,
    ) -> T:
        """Run it until it succeeds or fails for good. Raises `Unavailable`, or the failure."""

        def work(conn: Connection) -> Awaitable[T]:
            return verb(conn, *given, **named)

        # The first try for itself: to prepare for more costs a tenth of a booking.
        try:
            return await self._run_once(work)
        except Interrupted as error:
            left = self._give_up_at - time.monotonic()
            if left <= 0:  # stamina warns of a timeout of 0
                raise
            log.warning("VapiTools: Interrupted, trying again", reason=str(error))
        retrying = stamina.retry_context(
            Interrupted,
            attempts=None,
            # Being cancelled is not enough: a ROLLBACK that fails hides it.
            timeout=left,
            wait_initial=0.02,
            wait_max=0.5,
            wait_jitter=0.05,
        )
        async for attempt in retrying:
            with attempt:
                self._database.retries += 1
                return await self._run_once(work)
        raise AssertionError("it ends with a result or an error")

    async def _run_once(self, work: Callable[[Connection], Awaitable[T]]) -> T:
        if time.monotonic() >= self._give_up_at:
            raise Unavailable("past the deadline")
        try:
            if self._conn is None:
                self._conn = await self._acquire()
            return await work(self._conn)
        except Exception as error:  # of any kind: it goes on to the caller
            # After an error of the server's asyncpg may take it to be in a transaction for ever.
            if self._conn is not None and not isinstance(error, BookingError):
                self._database.in_background(self._database.connections.drop(self._conn))
                self._conn = None
            if not is_transient(error):
                raise
            # Not itself: stamina logs what it retries, and its words may repeat a row.
            sqlstate = getattr(error, "sqlstate", None) or ""
            raise Interrupted(f"{type(error).__name__} {sqlstate}".strip()) from error

    async def _acquire(self) -> Connection:
        connections = self._database.connections
        try:
            if connections.has_idle:  # a deadline costs a hundredth of a request
                return await connections.acquire(self._org_id)
            async with asyncio.timeout(self._database.wait_seconds):
                return await connections.acquire(self._org_id)
        except TimeoutError as error:
            raise Unavailable("no connection came free") from error
        except asyncpg.PostgresError as error:
            if is_transient(error):
                raise
            raise Unavailable("it lets nobody in") from error
