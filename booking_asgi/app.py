"""The application: its routes, and the objects that live as long as it does."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import structlog
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, Router

from booking_asgi import codec, openapi
from booking_asgi.config import Config, ConfigError, refuse_unsafe
from booking_asgi.connections import Connections
from booking_asgi.database import Database
from booking_asgi.door import Door
from booking_asgi.logs import describe
from booking_asgi.refusals import Refusals
from booking_asgi.replays import Replays
from booking_asgi.request_ids import identified
from booking_asgi.state import State, state_of
from booking_asgi.tenants import Tenants
from booking_asgi.webhook import SAFE, answer_tools, json_reply
from booking_core import Connection, Limits

if TYPE_CHECKING:
    from booking_asgi.metrics import Metrics

READY_SECONDS = 1.0
OPENAPI = codec.encode(openapi.document())

log = structlog.get_logger("booking_asgi")


def create_app(config: Config | None = None) -> Router:
    """The application on the database of `config.database_url`, which has the tables of `sql/`.

    Without a `config` the settings are the BOOKING_ variables of the environment. The application
    connects with its lifespan, and fails to start if the database does not answer. To mount it in
    an application of your own, run its `lifespan_context` with yours. Raises `ConfigError` where
    the password could cross a network in clear text, or where metrics need a package.
    """
    if config is None:
        config = Config.from_environ(os.environ)
    database_url = config.database_url
    if database_url is None:
        raise ConfigError("BOOKING_DATABASE_URL is needed")
    refuse_unsafe(database_url, os.environ)
    metrics_of = None if config.metrics_port is None else _load_metrics()

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
        door, refusals = Door(), Refusals()
        metrics = None if metrics_of is None else metrics_of(database, door, refusals)
        try:
            await connections.open(1)
            with _served(metrics, config):
                yield State(
                    config=config,
                    limits=Limits(
                        most_per_call=config.most_per_call, most_per_contact=config.most_per_contact
                    ),
                    database=database,
                    door=door,
                    tenants=Tenants(database),
                    refusals=refusals,
                    replays=Replays(),
                    metrics=metrics,
                )
        finally:
            await database.close()

    routes = [
        *(
            Route(f"/api/vapi/tools{path}", identified(answer_tools), methods=["POST"])
            # Vapi follows no redirect to a path without its slash.
            for path in ("", "/", "/{tool}", "/{tool}/")
        ),
        Route("/api/health", identified(answer_health), methods=["GET"]),
        Route("/api/ready", identified(answer_ready), methods=["GET"]),
        Route("/openapi.json", identified(answer_openapi), methods=["GET"]),
    ]
    # A Router, not a Starlette: its handling of errors has nothing to do here, and costs time.
    return Router(routes, redirect_slashes=False, lifespan=lifespan)


def _load_metrics() -> type[Metrics]:
    try:
        from booking_asgi.metrics import Metrics
    except ModuleNotFoundError as error:
        if error.name != "prometheus_client":
            raise
        problem = "BOOKING_METRICS_PORT needs prometheus-client: install the extra, as '.[metrics]'"
        raise ConfigError(problem) from None
    return Metrics


def _served(metrics: Metrics | None, config: Config) -> contextlib.AbstractContextManager[None]:
    if metrics is None or config.metrics_port is None:
        return contextlib.nullcontext()
    return metrics.served(config.metrics_host, config.metrics_port)


async def answer_health(request: Request[State]) -> Response:
    """The process lives. The database is not asked."""
    return json_reply(200, {"status": "ok"})


async def answer_ready(request: Request[State]) -> Response:
    """Whether the database answers within a second."""
    try:
        await state_of(request)["database"].within(
            time.monotonic() + READY_SECONDS, lambda lease: lease.run(_select_1)
        )
    except Exception as error:  # whatever it is, there is no answer
        log.error("VapiTools: ❌ Database does not answer", **describe(error))
        return json_reply(503, {"status": "unavailable"})
    return json_reply(200, {"status": "ok"})


async def _select_1(conn: Connection) -> None:
    await conn.execute("select 1")


async def answer_openapi(request: Request[State]) -> Response:
    return Response(OPENAPI, headers=SAFE, media_type="application/json")
