"""The intake: from the arguments of a call to a request of its tool. No database."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from typing import Any

import structlog

from booking_asgi import vapi
from booking_asgi.desk import Understood
from booking_asgi.logs import describe
from booking_asgi.speech import Answer, Failure, fail, refuse
from booking_asgi.tools import find_tool
from booking_asgi.tools.arguments import unread_arguments
from booking_asgi.tools.as_given import as_given
from booking_asgi.tools.tool import Asked, Call, Tool
from booking_core import InvalidRequest, Organization, is_absent

# Only what looks like a name goes to the log.
NAME = re.compile(r"[A-Za-z][A-Za-z_ .-]{0,39}")
MOST_NAMES = 8

log = structlog.get_logger("booking_asgi")


def understand_call(
    organization: Organization | Failure,
    message: vapi.Message,
    call: vapi.ToolCall,
    path: Tool[Any, Any] | None,
    horizon_days: int,
) -> Understood:
    """Read one call of a message. `path` is the tool whose own path it came to, if any: a call
    without a name is then of that tool."""
    tool = find_tool(call.name) if call.name else path
    if tool is None:
        return fail_call(Failure("UNKNOWN_TOOL"), None)
    if isinstance(organization, Failure):
        return fail_call(organization, tool)
    if call.arguments is None:
        problem = InvalidRequest("INVALID_ARGUMENTS", "arguments", "They are not a JSON object")
        return refuse(problem, tool.undone)
    if is_foreign(call.arguments, organization):
        problem = InvalidRequest("INVALID_ARGUMENTS", "orgId", "It is not this organization's")
        return refuse(problem, tool.undone)
    asked = Asked(
        arguments=call.arguments,
        organization=organization,
        caller_number=message.caller_number,
        # Without a call or chat to belong to, nothing says that a second one is a repeat.
        call_id=message.conversation or secrets.token_hex(),
        horizon_days=horizon_days,
    )
    return understand(tool, asked)


def understand(tool: Tool[Any, Any], asked: Asked) -> Understood:
    """Read the arguments with the tool's reader. Never raises."""
    if unread := [name for name in unread_arguments(asked.arguments) if NAME.fullmatch(name)]:
        log.warning("VapiTools: ⚠️ Arguments not read", names=unread[:MOST_NAMES])
    try:
        return Call(tool, asked.organization, tool.read(asked), asked.arguments)
    except InvalidRequest as refusal:
        if refusal.code == "MISSING_CONTACT_INFO":
            log.warning("VapiTools: ⚠️ Missing both email and phone")
        else:
            log.info("VapiTools: Request refused", code=refusal.code, field=refusal.field)
        return refuse(refusal, tool.undone, as_given(refusal, asked.arguments))
    except Exception as error:  # even a fault of ours must not leave the other calls unanswered
        log.error("VapiTools: ❌ Failed to read the request", **describe(error))
        return fail_call(Failure("BOOKING_FAILED"), tool)


def fail_call(failure: Failure, tool: Tool[Any, Any] | None) -> Answer:
    """The answer to a call if something is broken. `tool` is None if there is no such tool."""
    if tool is None:
        return fail(failure, "Not done", "doing that")
    return fail(failure, tool.undone, tool.doing, changes=tool.changes)


def is_foreign(arguments: Mapping[str, object], organization: Organization) -> bool:
    """Whether they name another organization than the token does."""
    given = arguments.get("orgId")
    if isinstance(given, str) and not is_absent(given):
        return given.strip().lower() != str(organization.id)
    return not is_absent(given)
