"""Signed requests that come again: the first reply again, and nothing runs twice.

Vapi's backoff sends the same request with the same signature, and so can whoever has captured one.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable

from starlette.responses import Response

# A signature is good until five minutes after its time, which may be five minutes ahead.
KEPT_SECONDS = 600
MOST_KEPT = 10_000


class Replays:
    """The replies to signed requests of the last ten minutes, of this process alone."""

    def __init__(self) -> None:
        self._replies: OrderedDict[str, tuple[float, asyncio.Future[Response]]] = OrderedDict()

    async def once(
        self, key: str, answer: Callable[[], Awaitable[Response]], *, now: float | None = None
    ) -> Response:
        """The reply that the first request of that key got, or is getting. `answer` makes it.

        An answer that fails, or that does not know whether it is booked (503), is no reply: the
        next request of the key runs.
        """
        now = time.monotonic() if now is None else now
        self._forget(now)
        if (kept := self._replies.get(key)) is not None:
            return _copy(await asyncio.shield(kept[1]))
        first: asyncio.Future[Response] = asyncio.get_running_loop().create_future()
        self._replies[key] = (now, first)
        try:
            reply = await answer()
        except BaseException as error:
            self._replies.pop(key, None)
            if isinstance(error, Exception):
                first.set_exception(error)
                first.exception()  # it may be that nobody else waits for it
            else:
                first.cancel()
            raise
        first.set_result(reply)
        if reply.status_code >= 500:
            self._replies.pop(key, None)
        return reply

    def _forget(self, now: float) -> None:
        while self._replies:
            oldest = next(iter(self._replies.values()))
            if oldest[0] > now - KEPT_SECONDS and len(self._replies) < MOST_KEPT:
                return
            self._replies.popitem(last=False)


def _copy(reply: Response) -> Response:
    # The id of the first request is not that of this one.
    headers = {name: value for name, value in reply.headers.items() if name != "x-request-id"}
    return Response(bytes(reply.body), reply.status_code, headers)
