"""What a tool is: everything that is special to it stands in one file, and it is one of these."""

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
    """What comes with a call of a tool. With a `call_id` it comes from a phone call or chat, whose
    own number is `caller_number`; without one a direct caller speaks, with a key of its own."""

    arguments: Mapping[str, object]
    organization: Organization
    caller_number: object = None
    call_id: str | None = None
    idempotency_key: str | None = None
    horizon_days: int


@dataclass(frozen=True, kw_only=True)
class Tool(Generic[Request, Outcome]):
    """One thing that a model may call for.

    `offered` are the meanings of the arguments that a model is told of, `required` those that it
    must give. `undone` begins an answer where nothing was done, `doing` names it to a person.
    `codes` are the words for its own outcomes that are not done.
    `is_called` is whether the words of a name, in lower case, are this tool's.
    """

    name: str
    path: str
    description: str
    offered: tuple[str, ...]
    required: tuple[str, ...]
    undone: str
    doing: str
    codes: tuple[str, ...]
    is_called: Callable[[str], bool]
    read: Callable[[Asked], Request]
    """Raises `InvalidRequest`."""
    run: Callable[[Lease, Request, Limits], Awaitable[Outcome]]
    """Raises `InvalidRequest`, and whatever the database raises."""
    why: Callable[[Exception, Request], FailureCode]
    """What to say of an error, where the database was there."""
    who: Callable[[Request], Mapping[str, str]]
    """For the log, masked."""
    answer: Callable[[Outcome, Request, ZoneInfo], Answer]


@dataclass(frozen=True, slots=True)
class Call:
    """One call that was understood: the tool, and the request that it makes of it."""

    tool: Tool[Any, Any]
    organization: Organization
    request: Any


def words_of(name: str) -> str:
    """Of `acme_book-appointmentV2` it is `acme book appointment v 2`; nothing of a long one."""
    return " ".join(WORD.findall(name)).lower() if len(name) <= LONGEST_NAME else ""
