"""The rules that every appointment keeps, judged by the rows that a table lets in.

The exclusion constraint and the keys hold for rows that are `pending` or `confirmed` and have a
start and a resource. A row that means an appointment and is otherwise escapes them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import asyncpg

from booking_core._statements import Connection
from booking_core.fitness import _statements as sql
from booking_core.fitness.checks import UNTOLD, Row, passing
from booking_core.fitness.findings import Finding

ACTIVE = ("pending", "confirmed")
STATUSES = (*ACTIVE, "cancelled", "completed", "no_show")
APPOINTMENTS = {"tables": ["appointments"]}
SOUND: Row = {"status": "confirmed", "scheduled_at": "tomorrow", "resource": "main"}

# The words of other systems for a status. "another" stands for every word that is not here.
OFTEN = (
    *("scheduled", "another", "booked", "rescheduled", "requested", "approved", "tentative"),
    *("active", "open", "new", "hold", "draft", "arrived", "checked_in", "in_progress", "done"),
    *("canceled", "no-show", "noshow", "deleted", "archived", "x"),
)
LITERAL = re.compile(r"'((?:[^']|'')*)'")
WORD = re.compile(r"[\w -]*\w")


@dataclass(frozen=True, slots=True)
class Rule:
    """A CHECK of ours: `column` is what it guards, `loss` what happens without it."""

    name: str
    column: str
    condition: str
    loss: str


RULES = (
    Rule(
        "appointments_resource_check",
        "resource",
        "resource is not null",
        "an active appointment without a resource is kept apart from no other",
    ),
    Rule(
        "appointments_scheduled_at_check",
        "scheduled_at",
        "scheduled_at is not null or status not in ('pending', 'confirmed')",
        "an active appointment without a start is kept apart from no other",
    ),
    Rule(
        "appointments_status_check",
        "status",
        f"status is not null and status in {STATUSES}",
        "an appointment with a status that is none of ours holds no time, and two get one chair",
    ),
)


async def rule_findings(conn: Connection, names: Mapping[str, str]) -> list[Finding]:
    """The rules that the tables don't keep; `names` has the SQL that frees a name of ours."""
    checks, statuses = await _look(conn)
    # A row that its type refuses can't be asked for, and is none to fear.
    escaping: dict[str, list[Row]] = {
        "resource": [{**SOUND, "status": status, "resource": None} for status in ACTIVE],
        "scheduled_at": [{**SOUND, "status": status, "scheduled_at": None} for status in ACTIVE],
        "status": [{**SOUND, "status": status} for status in (*statuses, None)],
    }
    findings = []
    for rule in RULES:
        rows = escaping[rule.column]
        if not (let_in := await _let_in(conn, checks, rule.column, rows)):
            continue
        example = let_in[0][rule.column]
        problem = f"Nothing refuses the {rule.column} {'NULL' if example is None else example!r}: "
        mend = f"alter table appointments add constraint {rule.name} check ({rule.condition});"
        late = [check for check in checks if check["is_enforced"] and not check["is_valid"]]
        if late and not await _let_in(conn, checks, rule.column, rows, new_rows=True):
            problem = "Old rows were not looked at by " + ", ".join(c["name"] for c in late) + ": "
            mend = "\n".join(
                f"alter table appointments validate constraint {check['name']};"
                for check in late
                if check["kind"] == "check"
            )
        elif rule.name in names:
            mend = f"{names[rule.name]}\n{mend}"
        findings.append(Finding(rule.name, "warning", problem + rule.loss, mend))
    return findings


async def status_findings(conn: Connection) -> list[Finding]:
    """The CHECKs and the default by which the owner of the table means another status than ours:
    from the adoption on its rows would be refused."""
    findings = []
    checks, _ = await _look(conn)
    status = await conn.fetchrow(*sql.FIND_STATUS_TYPE.bind({}))
    if status is None:
        return []
    alone = [check for check in checks if check["columns"] == ["status"]]
    meant = {
        check["name"]: _foreign(status, literals(check["expression"]))
        for check in alone
        if check["kind"] != "not null" and check["is_enforced"]
    }
    rows: list[Row] = [{**SOUND, "status": each} for each in sorted(set().union(*meant.values()))]
    let_in = {row["status"] for row in await _let_in(conn, alone, "status", rows, new_rows=True)}
    for check in alone:
        if others := sorted(meant.get(check["name"], set()) & let_in):
            problem = f"The CHECK {check['name']} lets in the status " + ", ".join(others[:5])
            problem += ", which is none of ours and would be refused from now on"
            mend = f"{check['drop']};"
            if check["kind"] == "domain":  # which other tables may need as it is
                mend = "alter table appointments alter column status type text;"
            findings.append(Finding(check["name"], "error", problem, mend))
    fallback = await _fallback(conn, status)
    if fallback is not None and _foreign(status, [fallback]):
        takes = status["labels"] is None or "confirmed" in status["labels"]
        change = "set default 'confirmed'" if takes else "drop default"
        problem = f"An appointment that is written without a status has the status {fallback!r},"
        problem += " which is none of ours and would be refused from now on"
        mend = f"alter table appointments alter column status {change};"
        findings.append(Finding("appointments.status", "error", problem, mend))
    return findings


def literals(expression: str) -> set[str]:
    """The texts that an expression names, and the words within them, as in a pattern."""
    whole = {found.replace("''", "'") for found in LITERAL.findall(expression)}
    return whole.union(*(WORD.findall(text) for text in whole))


async def _look(conn: Connection) -> tuple[list[asyncpg.Record], list[str]]:
    """The CHECKs and NOT NULLs of appointments, and other statuses than ours that could come."""
    checks = await conn.fetch(*sql.FIND_CHECKS.bind(APPOINTMENTS))
    status = await conn.fetchrow(*sql.FIND_STATUS_TYPE.bind({}))
    if status is None:
        return checks, []
    named = {text for check in checks for text in literals(check["expression"])}
    cases = {case for text in STATUSES for case in (text.upper(), text.title(), f" {text}")}
    fallback = await _fallback(conn, status)
    often = [*([fallback] if fallback is not None else []), *sorted(named), *OFTEN, *sorted(cases)]
    texts = often if status["labels"] is None else status["labels"]
    foreign = _foreign(status, texts)
    return checks, [text for text in dict.fromkeys(texts) if text in foreign]


async def _fallback(conn: Connection, status: asyncpg.Record) -> str | None:
    try:
        async with conn.transaction():
            found: str | None = await conn.fetchval(status["fallback"])
    except UNTOLD:
        return None
    return found


def _foreign(status: asyncpg.Record, texts: Sequence[str] | set[str]) -> set[str]:
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


async def _let_in(
    conn: Connection,
    checks: Sequence[asyncpg.Record],
    column: str,
    rows: Sequence[Row],
    *,
    new_rows: bool = False,
) -> list[Row]:
    """The rows that none of the checks refuses; of `new_rows` also those that are NOT VALID.

    What a check makes of other columns proves nothing, nor does one that refuses a sound row too.
    """
    left = list(rows)
    for check in checks:
        if not check["is_enforced"] or not check["is_inherited"]:
            continue
        if not left or not (check["is_valid"] or new_rows):
            continue
        if column not in check["columns"] or not set(check["columns"]) <= SOUND.keys():
            continue
        sound, *passed = await passing(conn, check, [SOUND, *left])
        if sound:
            left = [row for row, passes in zip(left, passed, strict=True) if passes]
    return left
