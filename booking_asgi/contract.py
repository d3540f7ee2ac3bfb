"""The tools as Vapi registers them, made from `TOOLS`, and the line for the assistant. Pure."""

from __future__ import annotations

from typing import Any

from booking_asgi.tools.arguments import ARGUMENTS
from booking_asgi.tools.tool import Tool


def parameters(tool: Tool[Any, Any]) -> dict[str, Any]:
    """The JSON schema of the arguments that a model is offered."""
    offered = {meaning: ARGUMENTS[meaning] for meaning in tool.offered}
    properties = {
        argument.names[0]: {"type": argument.type, "description": argument.description}
        for argument in offered.values()
    }
    required = [offered[meaning].names[0] for meaning in tool.required]
    return {"type": "object", "properties": properties, "required": required}


def vapi_tool(tool: Tool[Any, Any], url: str, credential_id: str | None = None) -> dict[str, Any]:
    """The tool as `POST /tool` of Vapi's API takes it, for an endpoint at `url`."""
    server: dict[str, object] = {"url": url, "timeoutSeconds": 20}
    if credential_id is not None:
        server["credentialId"] = credential_id
    return {
        "type": "function",
        "async": False,
        "function": {
            "name": tool.name,
            "description": tool.description,
            "parameters": parameters(tool),
        },
        "server": server,
        # Vapi fills it in, and the model does not see it.
        "parameters": [
            {"key": ARGUMENTS["caller"].names[0], "value": "{{ customer.number }}"},
        ],
        # None that ends the call: it would replace the words that our answer asks for.
        "messages": [{"type": "request-start", "content": "One moment, please."}],
    }


def prompt_line(timezone: str) -> str:
    """The line for the assistant's prompt, since models do not know today's date. Plain `now` is
    UTC."""
    now = f'{{{{"now" | date: "%A, %B %d, %Y, %I:%M %p", "{timezone}"}}}}'
    return f"It is {now} at the clinic. Take dates such as tomorrow from it."
