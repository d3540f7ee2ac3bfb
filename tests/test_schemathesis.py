"""`/openapi.json` against what is answered, to requests that are made from the document."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import given
from hypothesis import strategies as st
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from booking_asgi import Config, openapi
from tests.conftest import connected, serving
from tests.support.factories import TOKEN, a_call, a_clinic, arguments, tool_calls
from tests.test_fuzz import examples

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
DOCUMENT = schemathesis.openapi.from_dict(openapi.document())


@dataclass(frozen=True)
class Endpoint:
    """One application for all requests of a test, on a loop that outlives each."""

    runner: asyncio.Runner
    client: httpx.AsyncClient

    def answer(self, case: Case[Any]) -> httpx.Response:
        """With the clinic's token in the place of whatever credential was made up."""
        made = case.as_transport_kwargs("http://booking")
        body = json.dumps(made["json"]) if "json" in made else made.get("data")
        headers = {**made["headers"], "X-Vapi-Secret": TOKEN}
        return self.runner.run(
            self.client.request(
                made["method"],
                made["url"],
                params=made.get("params"),
                headers=[(name, value.encode("latin-1")) for name, value in headers.items()],
                content=body,
            )
        )


@pytest.fixture
def endpoint(url: str) -> Iterator[Endpoint]:
    async def start(stack: contextlib.AsyncExitStack) -> httpx.AsyncClient:
        conn = await stack.enter_async_context(connected(url))
        await a_clinic(conn, token=TOKEN)
        config = Config(database_url=url, deadline_seconds=60, pool_size=2)
        return await stack.enter_async_context(serving(config))

    with asyncio.Runner() as runner:
        stack = contextlib.AsyncExitStack()
        yield Endpoint(runner, runner.run(start(stack)))
        runner.run(stack.aclose())


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
@pytest.mark.parametrize("path", ["/api/vapi/tools", "/api/vapi/tools/{tool}"])
def test_the_tools_answer_as_described(endpoint: Endpoint, path: str, mode: GenerationMode) -> None:
    """To requests that the document allows and to others, bare and around what can be booked."""
    statuses = set()

    @examples(50)
    @given(DOCUMENT[path]["POST"].as_strategy(generation_mode=mode), st.booleans())
    def run(case: Case[Any], is_filled: bool) -> None:
        if is_filled and isinstance(case.body, dict):
            case.body = filled(case.body)
            case.path_parameters = {"tool": "book-appointment"}
        reply = endpoint.answer(case)
        statuses.add(reply.status_code)
        case.validate_response(reply, checks=CHECKS)

    run()
    assert {200, 400} <= statuses


def test_health_answers_as_described(endpoint: Endpoint) -> None:
    case = DOCUMENT["/api/health"]["GET"].Case()
    case.validate_response(endpoint.answer(case), checks=CHECKS)


def filled(body: dict[str, Any]) -> dict[str, Any]:
    """Beside what was made up, all that a booking needs."""
    if isinstance(body.get("message"), dict):
        return {**body, "message": {**tool_calls(a_call(arguments())), **body["message"]}}
    return {**arguments(), **body}
