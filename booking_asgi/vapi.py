"""Vapi's tool webhook: the calls in a body, and the reply to them. Pure.

Vapi sends a call in more than one shape, and the same call more than once in one message; the reply
answers each id once, and its status is 200 whatever happened, or nobody would hear it.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypedDict

import msgspec

from booking_asgi import codec

MOST_CALLS = 16
MOST_READ = 256
CONVERSATION = re.compile(r"[!-~]{1,254}")


class _Message(TypedDict, total=False):
    """The parts of a message that are read. Most of what Vapi sends is skipped undecoded."""

    type: object
    toolCallList: object
    toolCalls: object
    toolWithToolCallList: object
    functionCall: object
    call: object
    chat: object
    customer: object


class _Body(TypedDict, total=False):
    message: _Message


BODY = msgspec.json.Decoder(_Body, float_hook=float)


@dataclass(frozen=True, slots=True)
class ToolCall:
    """One call. `id` is Vapi's own, opaque; `arguments` is None where they could not be read."""

    id: str
    name: str
    arguments: Mapping[str, object] | None


@dataclass(frozen=True, slots=True)
class Message:
    """The calls of one message, in order. `conversation` is the id of the phone call or chat, and
    `caller_number` what Vapi knows of the caller's own number, which may be no number at all.
    `legacy` is the older shape: one call without an id.
    `is_too_long`: it holds more than 256 calls, and none of them was read."""

    calls: tuple[ToolCall, ...]
    conversation: str | None
    caller_number: object
    legacy: bool = False
    is_too_long: bool = False


def decode_body(body: bytes) -> object:
    """The JSON of a request, of a message only what is read below. Raises as `codec.decode`."""
    try:
        if "message" in (envelope := BODY.decode(body)):
            return envelope
    except ValueError:  # it may be JSON all the same
        pass
    return codec.decode(body)


def parse_message(message: Mapping[str, object]) -> Message | None:
    """The calls of a body's `message`, or None where it is about something else. Never raises."""
    kind = message.get("type")
    legacy = kind == "function-call"
    if isinstance(kind, str) and kind != "tool-calls" and not legacy:
        return None
    calls: dict[str, ToolCall] = {}
    if legacy:
        calls[""] = _read(_mapping(message, "functionCall"), {}, "")
    else:
        for call, tool in _every_mention(message):
            call_id = call.get("id")
            if isinstance(call_id, str) and call_id and call_id not in calls:
                if len(calls) == MOST_READ:
                    return Message((), None, None, is_too_long=True)
                calls[call_id] = _read(call, tool, call_id)
    return Message(tuple(calls.values()), _conversation(message), _caller_number(message), legacy)


def render(message: Message, answers: Sequence[tuple[bool, str]]) -> dict[str, object]:
    """The reply: for each call whether it was done, and what the model is told, in their order."""
    if message.legacy:
        return {"result": " ".join(answers[0][1].split())}
    results = [
        {
            "toolCallId": call.id,
            "name": call.name or "unknown",
            # Vapi reads nothing but a single line of text.
            "result" if done else "error": " ".join(text.split()),
        }
        for call, (done, text) in zip(message.calls, answers, strict=True)
    ]
    return {"results": results}


def _every_mention(
    message: Mapping[str, object],
) -> Iterator[tuple[Mapping[str, object], Mapping[str, object]]]:
    """Each mention of a call, and the tool that it stands in. One call may have three mentions."""
    for key in ("toolCallList", "toolCalls"):
        for call in _mappings(message.get(key)):
            yield call, {}
    for tool in _mappings(message.get("toolWithToolCallList")):
        yield _mapping(tool, "toolCall"), tool


def _read(call: Mapping[str, object], tool: Mapping[str, object], call_id: str) -> ToolCall:
    function = _mapping(call, "function")
    # The tool's own `parameters` are the schema, or fixed values: never the arguments.
    names = (function, call, _mapping(tool, "function"), tool)
    name = next(
        (name for source in names if isinstance(name := source.get("name"), str) and name), ""
    )
    raw = (source.get(key) for key in ("arguments", "parameters") for source in (function, call))
    return ToolCall(
        call_id, name, _decode(next((value for value in raw if value is not None), None))
    )


def _decode(arguments: object) -> Mapping[str, object] | None:
    """An object, or the text of one, or the text of that text. Nothing at all is no argument."""
    for _ in range(2):
        if isinstance(arguments, str) and arguments.strip():
            try:
                arguments = codec.decode(arguments)
            except (ValueError, RecursionError):
                return None
    if arguments is None or (isinstance(arguments, str) and not arguments.strip()):
        return {}
    return arguments if isinstance(arguments, dict) else None


def _conversation(message: Mapping[str, object]) -> str | None:
    ids = (_mapping(message, key).get("id") for key in ("call", "chat"))
    found = next((found for found in ids if isinstance(found, str) and found), None)
    # The id is opaque, so it may contain characters that no column takes.
    if found is None or CONVERSATION.fullmatch(found):
        return found
    return hashlib.sha256(found.encode(errors="surrogatepass")).hexdigest()


def _caller_number(message: Mapping[str, object]) -> object:
    customers = (_mapping(message, "customer"), _mapping(_mapping(message, "call"), "customer"))
    return next((number for customer in customers if (number := customer.get("number"))), None)


def _mapping(parent: Mapping[str, object], key: str) -> Mapping[str, object]:
    child = parent.get(key)
    return child if isinstance(child, dict) else {}


def _mappings(items: object) -> Iterator[Mapping[str, object]]:
    return (
        (item for item in items if isinstance(item, dict)) if isinstance(items, list) else iter(())
    )
