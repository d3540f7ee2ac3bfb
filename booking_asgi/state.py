"""The state that the lifespan hands to each request."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypedDict, cast

from starlette.requests import Request

from booking_asgi.config import Config
from booking_asgi.database import Database
from booking_asgi.door import Door
from booking_asgi.refusals import Refusals
from booking_asgi.replays import Replays
from booking_asgi.tenants import Tenants
from booking_core import Limits

if TYPE_CHECKING:
    from booking_asgi.metrics import Metrics


class State(TypedDict):
    """`metrics` is None where BOOKING_METRICS_PORT is not set."""

    config: Config
    limits: Limits
    database: Database
    door: Door
    tenants: Tenants
    refusals: Refusals
    replays: Replays
    metrics: Metrics | None


def state_of(request: Request[State]) -> State:
    """Older versions of Starlette have no `request.state[...]`."""
    return cast(State, request.scope["state"])
