"""The webhook: from a request's bytes to its reply, and the one line that says what happened."""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, TypedDict

import structlog
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from booking_asgi import codec, direct, vapi
from booking_asgi.bodies import BodyTooLarge, read_body
from booking_asgi.desk import Understood, answer_all
from booking_asgi.intake import fail_call, is_foreign, understand, understand_call
from booking_asgi.signatures import is_signed
from booking_asgi.speech import Answer, Failure
from booking_asgi.state import State, state_of
from booking_asgi.tenants import token_id, token_of
from booking_asgi.tools import find_tool
from booking_asgi.tools.tool import Asked, Tool
from booking_core import Organization

SAFE = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
# Only text that looks like an id of Vapi's is logged: a caller can choose it.
ID = re.compile(r"[A-Za-z0-9_-]{1,64}")

log = structlog.get_logger("booking_asgi")


class Told(TypedDict, total=False):
    """The fields of a request's log line. `refused` says why its calls were not read, and `calls`
    is for the metrics: each call's tool and the code of its answer."""

    refused: str
    calls: list[tuple[str, str]]
    orgId: str
    tokenId: str
    callId: str
    toolCallIds: list[str]
    outcomes: list[str]


async def answer_tools(request: Request[State]) -> Response:
    """Vapi's message, or on a tool's own path the arguments themselves."""
    started = time.monotonic()
    told: Told = {}
    reply = await _answer(request, told)
    state, seconds = state_of(request), time.monotonic() - started
    calls = told.pop("calls", [])
    if state["metrics"] is not None:
        state["metrics"].count(calls, seconds)
    if refused := told.get("refused"):
        state["refusals"].note(refused, status=reply.status_code)
    else:
        ms = round(1000 * seconds)
        log.info("VapiTools: Request answered", status=reply.status_code, ms=ms, **told)
    return reply


async def _answer(request: Request[State], told: Told) -> Response:
    state, path = state_of(request), request.path_params.get("tool")
    config = state["config"]
    token = token_of(request.headers)
    if token is None:
        return _refuse(told, "no token", 401, "UNAUTHORIZED", "A token is needed")
    if path is not None and find_tool(path) is None:
        return _refuse(told, "no such tool", 404, "UNKNOWN_TOOL", "There is no such tool")
    # The last tenth is for the way back, where the event loop owes others as well.
    give_up_at = time.monotonic() + config.deadline_seconds * 0.9
    tenant = await state["tenants"].identify(token, give_up_at)
    patience = give_up_at - time.monotonic()  # without the time that the body takes
    if tenant is None:
        return _refuse(told, "unknown token", 401, "UNAUTHORIZED", "The token is not known")
    told["tokenId"] = token_id(token)
    org_id = tenant.id if isinstance(tenant, Organization) else None
    if org_id is not None:
        told["orgId"] = str(org_id)
    if state["door"].enter(org_id):
        try:
            return await _answer_inside(request, tenant, token, patience, told)
        finally:
            state["door"].leave(org_id)
    told["refused"] = "no place"
    answer = fail_call(Failure("TEMPORARILY_UNAVAILABLE"), find_tool(path or ""))
    if path is None:
        return json_reply(*direct.render(answer))
    problem = "More requests are under way than can be answered in time"
    refusal = direct.failure(429, "TOO_MANY_REQUESTS", problem, answer.said)
    return json_reply(*refusal, {"Retry-After": "1"})


async def _answer_inside(
    request: Request[State],
    tenant: Organization | Failure,
    token: str,
    patience: float,
    told: Told,
) -> Response:
    config = state_of(request)["config"]
    try:
        body = await read_body(request)
    except BodyTooLarge:
        told["refused"] = "body too large"
        return Response("Content Too Large", 413, SAFE, media_type="text/plain")
    except (TimeoutError, ClientDisconnect):
        problem = "The body did not arrive in time"
        return _refuse(told, "slow body", 408, "INVALID_ARGUMENTS", problem)
    if config.hmac_secrets and not is_signed(config, request.headers, body, time.time()):
        problem = "The signature is missing, stale or wrong"
        return _refuse(told, "signature", 401, "UNAUTHORIZED", problem)
    give_up_at = time.monotonic() + patience
    if not config.hmac_secrets:
        return await _answer_body(request, tenant, body, give_up_at, told)
    answer = partial(_answer_body, request, tenant, body, give_up_at, told)
    # The token is part of the key: no token gets the reply of another one.
    signature = request.headers[config.hmac_signature_header]
    key = f"{token} {request.url.path} {signature}"
    return await state_of(request)["replays"].once(key, answer)


async def _answer_body(
    request: Request[State],
    tenant: Organization | Failure,
    body: bytes,
    give_up_at: float,
    told: Told,
) -> Response:
    state, path = state_of(request), request.path_params.get("tool")
    tool = None if path is None else find_tool(path)
    try:
        payload = vapi.decode_body(body)
    except (ValueError, RecursionError):
        return _refuse(told, "no JSON", 400, "INVALID_ARGUMENTS", "The body is not JSON")
    if isinstance(payload, dict) and isinstance(payload.get("message"), dict):
        return await _answer_message(state, tenant, payload["message"], tool, give_up_at, told)
    if isinstance(payload, dict) and tool is not None:
        key = request.headers.get("idempotency-key")
        return await _answer_direct(state, tenant, tool, payload, key, give_up_at, told)
    problem = "The body is not a message of Vapi's"
    return _refuse(told, "no message", 400, "INVALID_ARGUMENTS", problem)


async def _answer_message(
    state: State,
    tenant: Organization | Failure,
    body: Mapping[str, object],
    tool: Tool[Any, Any] | None,
    give_up_at: float,
    told: Told,
) -> Response:
    message = vapi.parse_message(body)
    if message is None:
        return json_reply(200, {})
    if message.is_too_long:
        problem = f"The message holds more than {vapi.MOST_READ} calls"
        return _refuse(told, "too many calls", 400, "TOO_MANY_CALLS", problem)
    if not message.calls:
        problem = "The message holds no tool call"
        return _refuse(told, "no call", 400, "INVALID_ARGUMENTS", problem)
    understood = [
        understand_call(tenant, message, call, tool, state["config"].horizon_days)
        for call in message.calls[: vapi.MOST_CALLS]
    ]
    answers = await _answer_all(state, understood, give_up_at, told)
    too_many = Failure("TOO_MANY_CALLS")
    answers += [
        fail_call(too_many, find_tool(call.name) if call.name else tool)
        for call in message.calls[vapi.MOST_CALLS :]
    ]
    tools = [find_tool(call.name) if call.name else tool for call in message.calls]
    told["calls"] = [
        (one.name if one else "unknown", answer.code)
        for one, answer in zip(tools, answers, strict=True)
    ]
    if message.conversation and ID.fullmatch(message.conversation):
        told["callId"] = message.conversation
    read = message.calls[: vapi.MOST_CALLS]
    told["toolCallIds"] = [call.id if ID.fullmatch(call.id) else "-" for call in read]
    return json_reply(200, vapi.render(message, [(one.done, one.told) for one in answers]))


async def _answer_direct(
    state: State,
    tenant: Organization | Failure,
    tool: Tool[Any, Any],
    arguments: Mapping[str, object],
    key: str | None,
    give_up_at: float,
    told: Told,
) -> Response:
    if isinstance(tenant, Failure):
        told["calls"] = [(tool.name, tenant.code)]
        return json_reply(*direct.render(fail_call(tenant, tool)))
    if is_foreign(arguments, tenant):
        problem = "The token is not that organization's"
        return _refuse(told, "another organization", 403, "FORBIDDEN", problem)
    asked = Asked(
        arguments=arguments,
        organization=tenant,
        idempotency_key=key or secrets.token_hex(),
        token_id=told.get("tokenId"),
        horizon_days=state["config"].horizon_days,
    )
    [answer] = await _answer_all(state, [understand(tool, asked)], give_up_at, told)
    told["calls"] = [(tool.name, answer.code)]
    return json_reply(*direct.render(answer))


async def _answer_all(
    state: State,
    understood: Sequence[Understood],
    give_up_at: float,
    told: Told,
) -> list[Answer]:
    answers = await answer_all(
        state["database"],
        understood,
        limits=state["limits"],
        give_up_at=give_up_at,
    )
    told["outcomes"] = [answer.code for answer in answers]
    if "UNKNOWN_TOOL" in told["outcomes"]:
        state["refusals"].note("no such tool", orgId=told.get("orgId"))
    return answers


def _refuse(told: Told, why: str, status: int, code: str, message: str) -> Response:
    told["refused"] = why
    return json_reply(*direct.failure(status, code, message, "I can't do that right now."))


def json_reply(
    status: int, content: Mapping[str, Any], headers: Mapping[str, str] | None = None
) -> Response:
    sent = {**SAFE, **headers} if headers else SAFE
    return Response(codec.encode(content), status, sent, media_type="application/json")
