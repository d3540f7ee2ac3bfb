"""The type of a tool. Everything that is special to a tool stands in one file."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar
from zoneinfo import ZoneInfo

from booking_asgi.database import Lease
from booking_asgi.speech import Answer, FailureCode
from booking_core import Limits, Organization

Request = TypeVar("Request")
Outcome = TypeVar("Outcome")
WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
LONGEST_NAME = 128


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """The arguments of a call, and where the call comes from. With a `call_id` it is a phone call
    or a chat from `caller_number`. Without one it is a direct caller's, with an idempotency key
    and the id of its token."""

    arguments: Mapping[str, object]
    organization: Organization
    caller_number: object = None
    call_id: str | None = None
    idempotency_key: str | None = None
    token_id: str | None = None
    horizon_days: int

    @property
    def actor(self) -> str:
        """Who asks, as events name it."""
        return f"api:{self.token_id or 'unknown'}" if self.call_id is None else "caller"


@dataclass(frozen=True, kw_only=True)
class Tool(Generic[Request, Outcome]):
    """A function that a model may call.

    `offered` are the meanings of the arguments that a model is told of, each with a description of
    this tool's own, or None for the usual one; `required` those that it must give. `changes` is
    whether it changes anything. `undone` begins an answer where nothing was done, `doing` names it
    to a person.
    `codes` are the words for its own outcomes that are not done, and `returns` the JSON schema of
    what a direct caller gets beside the message where it is done.
    `spoken_of` is a regular expression: Vapi refuses a call of the tool unless one of the caller's
    last turns matches it.
    `is_called` is whether the words of a name, in lower case, are this tool's.
    """

    name: str
    path: str
    description: str
    offered: Mapping[str, str | None]
    required: tuple[str, ...]
    undone: str
    doing: str
    changes: bool = True
    codes: tuple[str, ...]
    returns: Mapping[str, Any]
    spoken_of: str | None = None
    is_called: Callable[[str], bool]
    read: Callable[[Asked], Request]
    """Raises `InvalidRequest`."""
    run: Callable[[Lease, Request, Limits], Awaitable[Outcome]]
    """Raises `InvalidRequest`, and whatever the database raises."""
    why: Callable[[Exception, Request], FailureCode]
    """The failure to report for an error of the database."""
    who: Callable[[Request], Mapping[str, str]]
    """For the log, masked."""
    answer: Callable[[Outcome, Request, ZoneInfo], Answer]


@dataclass(frozen=True, slots=True)
class Call:
    """A call that was understood: the tool, and the request for it."""

    tool: Tool[Any, Any]
    organization: Organization
    request: Any
    arguments: Mapping[str, object]


def words_of(name: str) -> str:
    """The words of a name: `acme_book-appointmentV2` gives `acme book appointment v 2`. A name that
    is too long has none."""
    return " ".join(WORD.findall(name)).lower() if len(name) <= LONGEST_NAME else ""
