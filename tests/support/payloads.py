"""Messages as Vapi sends them: large, and full of what is none of our business, secrets too."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias
from uuid import uuid4

from booking_asgi.command import call as simulator
from booking_asgi.contract import vapi_tool
from booking_asgi.tools import find_tool
from booking_asgi.tools.book_appointment import BOOK_APPOINTMENT
from tests.support.factories import arguments, in_days

Message: TypeAlias = dict[str, Any]

SERVER = "https://desk.example.org/api/vapi/tools"
CALLER = "+15558675309"
SIP = "sip:5558675309@pbx.example.org"
TOOL_CALL = "call_Zr7Qm2LxV9tKd4Hs"
OTHER_CALL = "toolu_04HbWfNq8RyTz6Uk"


def a_message(
    given: Mapping[str, object], *, shape: str = "S1", number: str | None = CALLER, **ids: Any
) -> Message:
    """One call in one of the simulator's shapes, in the midst of what Vapi sends with it."""
    message: Message = simulator.tool_message(
        given, shape=shape, caller_number=number, **{"call_id": TOOL_CALL, **ids}
    )
    message["call"] |= a_phone_call()
    tool = find_tool(ids.get("tool", BOOK_APPOINTMENT.name))
    assert tool is not None
    for beside in message.get("toolWithToolCallList", []):
        if "function" in beside:
            beside |= vapi_tool(tool, SERVER)
            beside["server"] |= {"secret": "server-secret-6612", "headers": {"x-api-key": "k-77"}}
    return {**message, **surroundings()}


def a_phone_call() -> Message:
    return {
        "orgId": "77d1e1f3-54bc-4d6b-8c0e-3c2a8f7bb001",
        "createdAt": "2026-11-20T09:12:44.310Z",
        "status": "in-progress",
        "phoneCallProvider": "twilio",
        "phoneCallProviderId": "CAfd00000000000000000000000000004711",
        "phoneCallTransport": "pstn",
        "phoneNumberId": "5c6b1b0e-9a53-4c07-a4a0-2f5de0a90002",
        "assistantId": "d0b9d9f6-0f5e-44b1-b7c8-5a8c1f0e0003",
        "monitor": {
            "listenUrl": "wss://phone.example.org/0c3f/listen",
            "controlUrl": "https://phone.example.org/0c3f/control",
        },
        "metadata": {"orgId": "not-ours"},
    }


def surroundings() -> Message:
    """What grows with each turn, and what must never be logged or kept."""
    said = [
        ("system", "You are the receptionist of Harbor Clinic. The gate code is 9931."),
        ("bot", "Harbor Clinic, good morning."),
        ("user", "Hello, Noor Haddad here. My card ends in 4404."),
        ("bot", "What can I do for you, Noor?"),
    ]
    return {
        "artifact": {
            "messages": [
                {"role": role, "message": text, "time": 1795165964310 + turn, "secondsFromStart": 1}
                for turn, (role, text) in enumerate(said)
            ],
            "messagesOpenAIFormatted": [{"role": role, "content": text} for role, text in said],
            "transcript": "\n".join(f"{role}: {text}" for role, text in said),
            "variableValues": {"customer": {"number": "+15550009999"}, "now": "Nov 20, 2026"},
        },
        "assistant": {
            "id": "d0b9d9f6-0f5e-44b1-b7c8-5a8c1f0e0003",
            "name": "Harbor Clinic front desk",
            "firstMessage": "Harbor Clinic, good morning.",
            "model": {
                "provider": "openai",
                "model": "gpt-4.1",
                "temperature": 0.3,
                "messages": [{"role": "system", "content": said[0][1]}],
                "tools": [vapi_tool(BOOK_APPOINTMENT, SERVER)],
            },
            "voice": {"provider": "cartesia", "voiceId": "v-33"},
            "server": {"url": SERVER, "secret": "assistant-secret-2718"},
            "endCallPhrases": ["goodbye"],
        },
        "phoneNumber": {
            "id": "5c6b1b0e-9a53-4c07-a4a0-2f5de0a90002",
            "number": "+15550001234",
            "provider": "twilio",
            "twilioAccountSid": "ACfd00000000000000000000000000000815",
            "twilioAuthToken": "twilio-token-3141",
            "credentialId": None,
        },
        "assistantVersion": "v12",
        "inOurFuture": {"nested": [1, 2.5, None, True, {"deep": []}]},
    }


def from_a_phone(given: Mapping[str, object] | None = None, **ids: Any) -> Message:
    """Inbound by telephone, the arguments as an object; the tool's fixed ones are among them."""
    given = {**(arguments() if given is None else given), "callerNumber": CALLER}
    message = a_message(given, **ids)
    return {**message, "customer": {"number": CALLER, "name": "N. Haddad"}}


def from_the_web(given: Mapping[str, object] | None = None, **ids: Any) -> Message:
    """A web call, which has no number; the arguments as text, the email as it was spoken."""
    spoken = {"patientPhone": None, "patientEmail": "noor dot haddad at example dot org"}
    given = arguments(**spoken) if given is None else given
    message = a_message(given, shape="S2", number=None, **ids)
    message["call"] |= {"type": "webCall", "webCallUrl": "https://rooms.example.org/r-8820"}
    del message["call"]["customer"], message["toolCalls"]
    return message


def with_another_tool(given: Mapping[str, object] | None = None, **ids: Any) -> Message:
    """Outbound, a tool that we don't have before ours: a flat call and a nested one."""
    message = a_message(arguments() if given is None else given, shape="S2", **ids)
    asked = {"date": in_days(3), "service_type": "checkup"}
    other = {"id": OTHER_CALL, "name": "transferCall", "arguments": asked}
    function = {"name": "transferCall", "parameters": asked}
    beside = {
        "type": "function",
        "name": "transferCall",
        "parameters": {"type": "object", "properties": {"date": {"type": "string"}}},
        "toolCall": {"id": OTHER_CALL, "type": "function", "function": function},
    }
    message["toolCallList"].insert(0, other)
    message["toolWithToolCallList"].insert(0, beside)
    message["call"] |= {"type": "outboundPhoneCall"}
    del message["toolCalls"]
    return message


def from_nobody(given: Mapping[str, object] | None = None, **ids: Any) -> Message:
    """Inbound from a withheld number; flat, and with `parameters` in place of `arguments`."""
    given = arguments() if given is None else given
    message = a_message(given, shape="S4", number="anonymous", **ids)
    beside = simulator.mention(given, "S6", message["toolCallList"][0]["id"])
    return {**message, **beside, "squad": {"id": "0a7c2f4e-77aa-4c11-9d4e-000000000004"}}


def from_an_old_assistant(given: Mapping[str, object] | None = None, **ids: Any) -> Message:
    """The legacy function-call: one, without an id."""
    return a_message(arguments() if given is None else given, shape="S7", **ids)


def from_a_chat(
    given: Mapping[str, object] | None = None, conversation: str | None = None, **ids: Any
) -> Message:
    """No call and no customer; the time as text, and fields that nobody knows yet."""
    given = arguments() if given is None else given
    message = a_message(given, shape="S2", number=None, **ids)
    chat = {"id": conversation or str(uuid4()), "sessionId": "s-5150", "input": "is Friday free?"}
    nothing = dict.fromkeys(("call", "customer", "phoneNumber"))
    message |= {**nothing, "chat": chat, "timestamp": "2026-11-20T09:12:44.310Z"}
    for call in message["toolCallList"]:
        call |= {"index": 0, "x_future": True}
    return message


def from_a_switchboard(given: Mapping[str, object] | None = None, **ids: Any) -> Message:
    """A SIP address in the place of a number, and variables of the caller's own."""
    message = a_message(arguments() if given is None else given, number=None, **ids)
    variables = {"clinic-id": "42", "call-id": "pbx-3120"}
    message["call"] |= {
        "phoneCallTransport": "sip",
        "customer": {"sipUri": SIP, "number": SIP},
        "assistantOverrides": {"variableValues": variables},
    }
    return {**message, "customer": {"sipUri": SIP, "number": SIP}}


KINDS: Mapping[str, Callable[..., Message]] = {
    builder.__name__: builder
    for builder in (
        from_a_phone,
        from_the_web,
        with_another_tool,
        from_nobody,
        from_an_old_assistant,
        from_a_chat,
        from_a_switchboard,
    )
}


def renamed(message: Message, name: str) -> Message:
    """The same, with our tool's function called something else wherever it is mentioned."""
    text = json.dumps(message).replace(f'"{BOOK_APPOINTMENT.name}"', json.dumps(name))
    renamed: Message = json.loads(text)
    return renamed
