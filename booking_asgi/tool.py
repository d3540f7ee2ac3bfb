"""The tool as Vapi registers it, from the arguments that the parser reads. Pure."""

from __future__ import annotations

from typing import Any

from booking_core import ARGUMENTS

NAME = "bookAppointment"
DESCRIPTION = (
    "Books one appointment at the clinic. Call it once the caller has said the date, the time and"
    " what it is for; ask for what is missing, and never make anything up. The answer says whether"
    " it is booked: say so only where it begins with Booked, else do what it says. If there is no"
    " answer, call again with the same details: nothing is booked twice."
)
REQUIRED = ("name", "date", "time")


def parameters() -> dict[str, Any]:
    """The JSON schema of the arguments that a model is offered."""
    properties = {
        argument.names[0]: {"type": argument.type, "description": argument.description}
        for argument in ARGUMENTS.values()
        if argument.description is not None
    }
    required = [ARGUMENTS[meaning].names[0] for meaning in REQUIRED]
    return {"type": "object", "properties": properties, "required": required}


def tool(url: str, credential_id: str | None = None) -> dict[str, Any]:
    """What `POST /tool` of Vapi's API takes, for an endpoint at `url`."""
    server: dict[str, object] = {"url": url, "timeoutSeconds": 20}
    if credential_id is not None:
        server["credentialId"] = credential_id
    return {
        "type": "function",
        "async": False,
        "function": {"name": NAME, "description": DESCRIPTION, "parameters": parameters()},
        "server": server,
        # Vapi fills it in, and the model does not see it.
        "parameters": [
            {"key": ARGUMENTS["caller"].names[0], "value": "{{ customer.number }}"},
        ],
        # None that ends the call: it would replace the words that our answer asks for.
        "messages": [{"type": "request-start", "content": "One moment, please."}],
    }


def prompt_line(timezone: str) -> str:
    """For the assistant's prompt: models do not know today's date, and plain `now` is UTC."""
    now = f'{{{{"now" | date: "%A, %B %d, %Y, %I:%M %p", "{timezone}"}}}}'
    return f"It is {now} at the clinic. Take dates such as tomorrow from it."
