"""The statuses that an application of somebody else gives to its appointments."""

from __future__ import annotations

import re
import shlex
from collections.abc import Collection, Sequence

import asyncpg

from booking_core._statements import Connection
from booking_core.errors import InvalidRequest
from booking_core.fitness import _statements as sql
from booking_core.fitness.checks import UNTOLD
from booking_core.fitness.guarantees import plain

ACTIVE = ("pending", "confirmed")
STATUSES = (*ACTIVE, "cancelled", "completed", "no_show")
APPOINTMENTS = {"tables": ["appointments"]}
# As adopt.sql makes it: the second list has the statuses of others that hold no time.
ADOPTED = re.compile(
    r"statusisnotnullandstatusin('\w+',?){5}orstatusin.*"
    r"orscheduled_at\+make_intervalmins=>coalesceduration_minutes,30\+buffer_after_minutes<=now"
)
# The words of other systems for a status. "another" stands for every word that is not here.
OFTEN = (
    *("scheduled", "another", "booked", "rescheduled", "requested", "approved", "tentative"),
    *("active", "open", "new", "hold", "draft", "arrived", "checked_in", "in_progress", "done"),
    *("canceled", "no-show", "noshow", "deleted", "archived", "x"),
)
ENDED = re.compile(
    r"cancel|declin|reject|refus|no.?show|missed|resched|moved|archiv|delet|remov|void|expir|withdr"
    r"|done|finish|complet|closed|invoiced|billed|paid",
    re.IGNORECASE,
)
LITERAL = re.compile(r"'((?:[^']|'')*)'")
WORD = re.compile(r"[\w -]*\w")


async def named_statuses(conn: Connection) -> set[str]:
    """The statuses that the operator of an adopted database has named: they hold no time."""
    checks = await conn.fetch(*sql.FIND_CHECKS.bind(APPOINTMENTS))
    return {status for check in checks for status in named_by(check)}


def sounds_ended(status: str) -> bool:
    """Whether a status of others is a word for what holds no time. Only a hint rests on it."""
    return ENDED.search(status) is not None


def parse_ended(statuses: object) -> list[str]:
    """The statuses of others that hold no time. Raises `InvalidRequest` for what is none. Pure."""
    if isinstance(statuses, str) or not isinstance(statuses, Sequence):
        raise InvalidRequest("INVALID_ARGUMENTS", "ended", "It must be a list of statuses")
    for status in statuses:
        if not isinstance(status, str) or not status.isprintable() or not status.strip():
            raise InvalidRequest("INVALID_ARGUMENTS", "ended", "Each must be printable text")
        if status in STATUSES:
            raise InvalidRequest("INVALID_ARGUMENTS", "ended", f"{status} is a status of ours")
    return list(dict.fromkeys(statuses))


def ended_command(statuses: Collection[str], known: Collection[str]) -> str:
    """A line of SQL that says how to keep the statuses; none where there are none."""
    if not statuses:
        return ""
    options = "".join(f" --ended {shlex.quote(each)}" for each in sorted({*statuses, *known}))
    return f"-- If they hold no time: booking-asgi schema --adopt --plan{options}\n-- Else:\n"


def is_adopted(check: asyncpg.Record) -> bool:
    return ADOPTED.fullmatch(plain(check["expression"])) is not None


def named_by(check: asyncpg.Record) -> set[str]:
    """Of the CHECK that adopt.sql makes: the statuses of others that it lets in."""
    if not is_adopted(check):
        return set()
    return {text.replace("''", "'") for text in LITERAL.findall(check["expression"])} - {*STATUSES}


def literals(expression: str) -> set[str]:
    """The texts that an expression names, and the words within them, as in a pattern."""
    whole = {found.replace("''", "'") for found in LITERAL.findall(expression)}
    return whole.union(*(WORD.findall(text) for text in whole))


async def look(conn: Connection) -> tuple[list[asyncpg.Record], list[str]]:
    """The CHECKs and NOT NULLs of appointments, and other statuses than ours that could come."""
    checks = await conn.fetch(*sql.FIND_CHECKS.bind(APPOINTMENTS))
    status = await conn.fetchrow(*sql.FIND_STATUS_TYPE.bind({}))
    if status is None:
        return checks, []
    named = {text for check in checks for text in literals(check["expression"])}
    cases = {case for text in STATUSES for case in (text.upper(), text.title(), f" {text}")}
    default = await fallback(conn, status)
    often = [*([default] if default is not None else []), *sorted(named), *OFTEN, *sorted(cases)]
    texts = often if status["labels"] is None else status["labels"]
    foreign = foreign_to(status, texts).difference(*map(named_by, checks))
    return checks, [text for text in dict.fromkeys(texts) if text in foreign]


async def fallback(conn: Connection, status: asyncpg.Record) -> str | None:
    try:
        async with conn.transaction():
            found: str | None = await conn.fetchval(status["fallback"])
    except UNTOLD:
        return None
    return found


def foreign_to(status: asyncpg.Record, texts: Sequence[str] | set[str]) -> set[str]:
    """The words that are not ours, and that the type of the column can hold."""
    return {
        text
        for text in texts
        if "\0" not in text
        and (status["labels"] is None or text in status["labels"])
        and (status["length"] is None or len(text) <= status["length"])
        and _as_compared(status["type"], text) not in STATUSES
    }


def _as_compared(type: str, text: str) -> str:
    """A citext has no case, and a char(n) no spaces at its end."""
    return text.lower() if type == "citext" else text.rstrip(" ") if type == "bpchar" else text
