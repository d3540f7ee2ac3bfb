"""The command `call`: sends what Vapi would send for a call of the tool, in each of its shapes, and
prints what comes back."""

from __future__ import annotations

import dataclasses
import json
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from uuid import uuid4

import click

from booking_asgi.command.demo import DEMO_TOKEN
from booking_asgi.config import Config
from booking_asgi.signatures import sign
from booking_asgi.tools import TOOLS
from booking_asgi.tools.book_appointment import BOOK_APPOINTMENT

SHAPES = ("S1", "S2", "S3", "S4", "S5", "S6", "S7")


def tool_message(
    arguments: Mapping[str, object],
    *,
    tool: str = BOOK_APPOINTMENT.name,
    shape: str = "S1",
    call_id: str | None = None,
    conversation: str | None = None,
    caller_number: str | None = None,
) -> dict[str, object]:
    """The `message` of one tool call: `mention` has the shapes S1 to S6, S7 is the legacy one."""
    customer = {"number": caller_number} if caller_number else {}
    call = {"id": conversation or str(uuid4()), "type": "inboundPhoneCall", "customer": customer}
    message: dict[str, object] = {"timestamp": int(time.time() * 1000), "call": call}
    if shape == "S7":
        function_call = {"name": tool, "parameters": dict(arguments)}
        return {**message, "type": "function-call", "functionCall": function_call}
    return {
        **message,
        "type": "tool-calls",
        **mention(arguments, shape, call_id or f"call_{uuid4().hex}", tool),
    }


def mention(
    arguments: Mapping[str, object], shape: str, call_id: str, name: str = BOOK_APPOINTMENT.name
) -> dict[str, object]:
    """The lists that a call stands in: nested with an object (S1) or text (S2), flat with arguments
    (S3) or parameters (S4), or only beside its tool, nested (S5) or flat (S6)."""
    given = dict(arguments)
    match shape:
        case "S1" | "S2":
            form = given if shape == "S1" else json.dumps(given)
            function = {"name": name, "arguments": form}
            call = {"id": call_id, "type": "function", "function": function}
            tool = {"type": "function", "function": {"name": name, "parameters": {}}}
            both = {"toolCallList": [call], "toolCalls": [call]}
            return {**both, "toolWithToolCallList": [{**tool, "toolCall": call}]}
        case "S3":
            return {"toolCallList": [{"id": call_id, "name": name, "arguments": given}]}
        case "S4":
            return {"toolCallList": [{"id": call_id, "name": name, "parameters": given}]}
        case "S5":
            function = {"name": name, "parameters": given}
            call = {"id": call_id, "type": "function", "function": function}
            return {"toolWithToolCallList": [{"type": "function", "toolCall": call}]}
        case "S6":
            call = {"id": call_id, "parameters": given}
            return {"toolWithToolCallList": [{"name": name, "toolCall": call}]}
    raise ValueError(f"the shapes are {', '.join(SHAPES)}")


def deliver(
    url: str, message: Mapping[str, object], config: Config, token: str
) -> tuple[bool, str]:
    """Send the message, signed if the settings have a secret. Returns whether it is done, and what
    the model is told."""
    body = json.dumps({"message": message}).encode()
    headers = {"Content-Type": "application/json", "X-Vapi-Secret": token}
    if config.hmac_secrets:
        timestamp = str(int(time.time()))
        headers[config.hmac_timestamp_header] = timestamp
        headers[config.hmac_signature_header] = sign(config, timestamp, body)
    request = urllib.request.Request(url, body, headers)
    try:
        with urllib.request.urlopen(request, timeout=20) as reply:
            answer = json.load(reply)
    except urllib.error.HTTPError as error:
        return False, f"Nothing: the endpoint answered {error.code}, which Vapi ignores."
    except (OSError, ValueError) as error:
        return False, f"Nothing: {error}"
    result = answer["results"][0] if "results" in answer else answer
    return "result" in result, result.get("result") or result["error"]


@click.command("call")
@click.option(
    "--tool",
    type=click.Choice([tool.name for tool in TOOLS]),
    default=BOOK_APPOINTMENT.name,
    show_default=True,
)
@click.option("--name", "patientName")
@click.option("--phone", "patientPhone")
@click.option("--email", "patientEmail")
@click.option("--date", "appointmentDate", help="YYYY-MM-DD")
@click.option("--time", "appointmentTime", help="14:00, or 2 PM")
@click.option("--new-date", "newDate", help="moveAppointment: YYYY-MM-DD")
@click.option("--new-time", "newTime", help="moveAppointment: 14:00, or 2 PM")
@click.option("--until", "untilDate", help="findTimes: the last day.")
@click.option("--part", "partOfDay", help="findTimes: morning, afternoon or evening.")
@click.option("--service", "serviceType")
@click.option("--resource", "resource")
@click.option("--caller", help="The number that the call comes from.")
@click.option("--conversation", help="The call's id; the same again is a repeat.")
@click.option("--shape", type=click.Choice(SHAPES), default="S1", show_default=True)
@click.option("--url", help="The endpoint's, if not the one of these settings.")
@click.option("--secret", default=DEMO_TOKEN, show_default=True, help="The organization's token.")
@click.option("--hmac", is_flag=True, help="Sign it, with the first of BOOKING_HMAC_SECRETS.")
@click.pass_obj
def simulate_call(
    config: Config,
    /,
    tool: str,
    caller: str | None,
    conversation: str | None,
    shape: str,
    url: str | None,
    secret: str,
    hmac: bool,
    **arguments: str | None,
) -> None:
    """Send what Vapi would send, and print what the model is told; exit 1 where nothing is done."""
    if hmac and not config.hmac_secrets:
        raise click.UsageError("--hmac needs BOOKING_HMAC_SECRETS")
    message = tool_message(
        {name: value for name, value in arguments.items() if value is not None},
        tool=tool,
        shape=shape,
        conversation=conversation,
        caller_number=caller,
    )
    signed = config if hmac else dataclasses.replace(config, hmac_secrets=())
    done, heard = deliver(
        url or f"http://{config.host}:{config.port}/api/vapi/tools", message, signed, secret
    )
    click.echo(heard)
    if not done:
        raise SystemExit(1)
