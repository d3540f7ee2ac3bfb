"""The application: routes, who may ask, and the way from a request's bytes to its reply."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import time
from collections.abc import AsyncIterator, Mapping
from typing import TypedDict
from zoneinfo import ZoneInfo

import structlog
from starlette.middleware import Middleware
from starlette.middleware.body_limit import RequestBodyLimitMiddleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route, Router

from booking_asgi import codec, direct, openapi, vapi
from booking_asgi.config import Config
from booking_asgi.connections import Connections
from booking_asgi.database import Database
from booking_asgi.desk import book_all
from booking_asgi.door import Door
from booking_asgi.intake import Understood, is_foreign, understand, understand_call
from booking_asgi.logs import describe
from booking_asgi.signatures import is_signed
from booking_asgi.speech import Failure, instruct
from booking_asgi.tenants import Tenants, token_of
from booking_core import (
    Booked,
    BookingRequest,
    Limits,
    Organization,
    OrganizationNotReady,
)

MOST_BYTES = 2_000_000
BODY_SECONDS = 5.0
NOWHERE = ZoneInfo("UTC")

log = structlog.get_logger("booking_asgi")


class State(TypedDict):
    """What the lifespan hands to each request."""

    config: Config
    database: Database
    tenants: Tenants


def create_app(config: Config) -> Router:
    """The application on the database of `config.database_url`, which has the tables of `sql/`.

    It connects with the lifespan, and fails to start where the database does not answer.
    """
    database_url = config.database_url
    if database_url is None:
        raise ValueError(
            "create_app needs a database_url: only the command runs the embedded server"
        )

    @contextlib.asynccontextmanager
    async def lifespan(_app: object) -> AsyncIterator[State]:
        connections = Connections(
            database_url,
            size=config.pool_size,
            statement_cache_size=config.statement_cache_size,
            timeout=config.deadline_seconds / 2,
            # A silent server costs two of them, the second for the ROLLBACK: the last third is for
            # another connection.
            command_timeout=config.deadline_seconds / 3,
        )
        database = Database(connections, wait_seconds=config.deadline_seconds * 3 / 4)
        try:
            await connections.open(1)
            yield State(config=config, database=database, tenants=Tenants(database))
        finally:
            await database.close()

    routes = [
        *(
            Route(f"/api/vapi/tools{path}", answer_tools, methods=["POST"])
            # Vapi follows no redirect to a path without its slash.
            for path in ("", "/", "/{tool}", "/{tool}/")
        ),
        Route("/api/health", answer_health, methods=["GET"]),
        Route("/openapi.json", answer_openapi, methods=["GET"]),
    ]
    refusal = _json(*direct.render(Failure("TEMPORARILY_UNAVAILABLE"), NOWHERE))
    # A Router, not a Starlette: its handling of errors has nothing to do here, and costs time.
    return Router(
        routes,
        redirect_slashes=False,
        lifespan=lifespan,
        middleware=[
            Middleware(Door, refusal),
            Middleware(RequestBodyLimitMiddleware, MOST_BYTES),
        ],
    )


async def answer_tools(request: Request[State]) -> Response:
    """Vapi's message, or on a tool's own path the arguments themselves."""
    state, tool = request.state, request.path_params.get("tool")
    config = state["config"]
    token = token_of(request.headers)
    if token is None:
        return _refuse(401, "UNAUTHORIZED", "A token is needed")
    if tool is not None and not vapi.is_booking(tool):
        return _refuse(404, "UNKNOWN_TOOL", "There is no such tool")
    try:
        async with asyncio.timeout(BODY_SECONDS):
            body = await request.body()
    except (TimeoutError, ClientDisconnect):
        return _refuse(408, "INVALID_ARGUMENTS", "The body did not arrive in time")
    # The last tenth is for the way back, where the event loop owes others as well.
    give_up_at = time.monotonic() + config.deadline_seconds * 0.9
    if config.hmac_secrets and not is_signed(config, request.headers, body, time.time()):
        return _refuse(401, "UNAUTHORIZED", "The signature is missing, stale or wrong")
    tenant = await _identify(state["tenants"], token, give_up_at)
    if tenant is None:
        return _refuse(401, "UNAUTHORIZED", "The token is not known")
    try:
        payload = vapi.decode_body(body)
    except (ValueError, RecursionError):
        return _refuse(400, "INVALID_ARGUMENTS", "The body is not JSON")
    if isinstance(payload, dict) and isinstance(payload.get("message"), dict):
        return await _answer_message(state, tenant, payload["message"], tool, give_up_at)
    if isinstance(payload, dict) and tool is not None:
        key = request.headers.get("idempotency-key")
        return await _answer_direct(state, tenant, payload, key, give_up_at)
    return _refuse(400, "INVALID_ARGUMENTS", "The body is not a message of Vapi's")


async def answer_health(request: Request[State]) -> Response:
    state = request.state
    give_up_at = time.monotonic() + state["config"].deadline_seconds
    try:
        await state["tenants"].find("", give_up_at)
    except Exception as error:  # whatever it is, there is no answer
        log.error("VapiTools: ❌ Database does not answer", **describe(error))
        return _json(503, {"status": "unavailable"})
    return _json(200, {"status": "ok"})


async def answer_openapi(request: Request[State]) -> Response:
    return _json(200, openapi.document())


async def _answer_message(
    state: State,
    tenant: Organization | Failure,
    body: Mapping[str, object],
    tool: str | None,
    give_up_at: float,
) -> Response:
    message = vapi.parse_message(body)
    if message is None:
        return _json(200, {})
    if message.is_too_long:
        problem = f"The message holds more than {vapi.MOST_READ} calls"
        return _refuse(400, "TOO_MANY_CALLS", problem)
    if not message.calls:
        return _refuse(400, "INVALID_ARGUMENTS", "The message holds no tool call")
    understood: list[Understood] = []
    for place, call in enumerate(message.calls):
        if isinstance(tenant, Failure):
            understood.append(tenant)
        elif place >= vapi.MOST_CALLS:
            understood.append(Failure("TOO_MANY_CALLS"))
        else:
            understood.append(understand_call(state["config"], tenant, message, call, tool))
    zone = NOWHERE if isinstance(tenant, Failure) else tenant.zone
    outcomes = await book_all(state["database"], understood, give_up_at, _limits(state["config"]))
    answers = [
        (isinstance(outcome, Booked), instruct(outcome, zone, _request(asked)))
        for asked, outcome in zip(understood, outcomes, strict=True)
    ]
    return _json(200, vapi.render(message, answers))


async def _answer_direct(
    state: State,
    tenant: Organization | Failure,
    arguments: Mapping[str, object],
    key: str | None,
    give_up_at: float,
) -> Response:
    if isinstance(tenant, Failure):
        return _json(*direct.render(tenant, NOWHERE))
    if is_foreign(arguments, tenant):
        return _refuse(403, "FORBIDDEN", "The token is not that organization's")
    key = key or secrets.token_hex()
    asked = understand(state["config"], tenant, arguments, idempotency_key=key)
    [outcome] = await book_all(state["database"], [asked], give_up_at, _limits(state["config"]))
    return _json(*direct.render(outcome, tenant.zone, _request(asked)))


async def _identify(
    tenants: Tenants, token: str, give_up_at: float
) -> Organization | Failure | None:
    """The token's organization, None where nobody's, or why it can't be told."""
    try:
        return await tenants.find(token, give_up_at)
    except OrganizationNotReady as error:
        log.error("VapiTools: ❌ Organization is not ready", problem=str(error))
        return Failure("BOOKING_FAILED")
    except Exception as error:  # neither valid nor invalid, whatever it is that stands in the way
        log.error("VapiTools: ❌ Token could not be verified", **describe(error))
        return Failure("TEMPORARILY_UNAVAILABLE")


def _limits(config: Config) -> Limits:
    return Limits(most_per_call=config.most_per_call, most_per_contact=config.most_per_contact)


def _request(asked: Understood) -> BookingRequest | None:
    return asked if isinstance(asked, BookingRequest) else None


def _refuse(status: int, code: str, message: str) -> Response:
    return _json(*direct.failure(status, code, message, "I can't do that right now."))


def _json(status: int, content: Mapping[str, object]) -> Response:
    return Response(codec.encode(content), status, media_type="application/json")
