"""The tools as Vapi registers them, made from `TOOLS`, and the line for the assistant. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from booking_asgi.tools import TOOLS
from booking_asgi.tools.arguments import ARGUMENTS
from booking_asgi.tools.tool import Tool

LAST_TURNS = 5
Names: TypeAlias = Mapping[str, Sequence[str]]


def parameters(tool: Tool[Any, Any], names: Names | None = None) -> dict[str, Any]:
    """The JSON schema of the arguments that a model is offered. `names` are the clinic's own names
    that an argument is chosen from, by the argument's meaning."""
    properties: dict[str, dict[str, object]] = {}
    for meaning, description in tool.offered.items():
        argument = ARGUMENTS[meaning]
        described: dict[str, object] = {"type": argument.type}
        described["description"] = description or argument.description
        if choices := (names or {}).get(meaning, argument.choices):
            described["enum"] = list(choices)
        properties[argument.names[0]] = described
    required = [ARGUMENTS[meaning].names[0] for meaning in tool.required]
    return {"type": "object", "properties": properties, "required": required}


def vapi_tool(
    tool: Tool[Any, Any], url: str, credential_id: str | None = None, names: Names | None = None
) -> dict[str, Any]:
    """The tool as `POST /tool` of Vapi's API takes it, for an endpoint at `url`."""
    server: dict[str, object] = {"url": url, "timeoutSeconds": 20}
    if credential_id is not None:
        server["credentialId"] = credential_id
    beside = {} if tool.spoken_of is None else {"rejectionPlan": rejection_plan(tool.spoken_of)}
    return {
        "type": "function",
        "async": False,
        "function": {
            "name": tool.name,
            "description": tool.description,
            "parameters": parameters(tool, names),
        },
        "server": server,
        # Vapi fills it in, and the model does not see it.
        "parameters": [
            {"key": ARGUMENTS["caller"].names[0], "value": "{{ customer.number }}"},
        ],
        # None that ends the call: it would replace the words that our answer asks for.
        "messages": [
            {"type": "request-start", "content": "One moment, please."},
            {
                "type": "request-response-delayed",
                "content": "I am still looking, one moment.",
                "timingMilliseconds": 4000,
            },
        ],
        **beside,
    }


def rejection_plan(spoken_of: str) -> dict[str, Any]:
    """Refuse the call where none of the caller's last turns speaks of it: a model's word is not the
    caller's. All conditions must hold."""
    conditions = [
        {
            "type": "regex",
            "regex": spoken_of,
            "target": {"role": "user", "position": -turn},
            "negate": True,
        }
        for turn in range(1, LAST_TURNS + 1)
    ]
    return {"conditions": conditions}


def prompt_block(timezone: str) -> str:
    """The lines for the assistant's prompt. Models do not know today's date, and plain `now` is
    UTC."""
    now = f'{{{{"now" | date: "%A, %B %d, %Y, %I:%M %p", "{timezone}"}}}}'
    return "\n".join(
        (
            f"It is {now} at the clinic. Take dates such as tomorrow from it.",
            f"Call {TOOLS[0].name} as soon as the caller has said a day and a time; do not look for"
            " free times first.",
            "Never say that a time is free, taken or booked unless the last answer says so, and"
            " offer no time that an answer did not name.",
            "Say that it is done only where the answer begins with Booked, Moved, Cancelled or"
            " Already cancelled.",
            "Say back the date and time before you move or cancel an appointment.",
            "Where an answer says to offer that somebody calls back, offer it, and do not try"
            " again.",
        )
    )
