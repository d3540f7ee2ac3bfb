"""Request ids: one id for a request, in each of its log lines and in its reply."""

from __future__ import annotations

import random
import re
from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias

from starlette.requests import Request
from starlette.responses import Response

from booking_asgi.logs import request_id

HEADER = b"x-request-id"
FORM = re.compile(rb"[A-Za-z0-9_-]{1,64}")

Endpoint: TypeAlias = Callable[[Request[Any]], Awaitable[Response]]


def identified(answer: Endpoint) -> Endpoint:
    """The endpoint, with an id for each request: the client's own `X-Request-Id` if it has the form
    of one, else a new one."""

    # Inside the endpoint, since a middleware that sees each message costs more.
    async def answer_identified(request: Request[Any]) -> Response:
        own = next((value for name, value in request.scope["headers"] if name == HEADER), b"")
        # The id is no secret. It only has to be another one each time, also after a fork.
        used = own if FORM.fullmatch(own) else b"%016x" % random.getrandbits(64)
        # The server gives each request a context of its own, so this need not be undone.
        request_id.set(used.decode())
        reply = await answer(request)
        reply.raw_headers.append((HEADER, used))
        return reply

    return answer_identified
