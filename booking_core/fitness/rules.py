"""The rules that every appointment keeps, judged by the rows that a table lets in.

The exclusion constraint and the keys hold for rows that are `pending` or `confirmed` and have a
start and a resource. A row that means an appointment and is otherwise escapes them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import asyncpg

from booking_core._statements import Connection
from booking_core.fitness.checks import Row, passing
from booking_core.fitness.findings import Finding
from booking_core.fitness.statuses import ACTIVE, STATUSES, is_adopted, look, named_by

SOUND: Row = {"status": "confirmed", "scheduled_at": "tomorrow", "resource": "main"}


@dataclass(frozen=True, slots=True)
class Rule:
    """A CHECK of ours: `column` is what it guards, `loss` what happens without it."""

    name: str
    column: str
    condition: str
    loss: str


STRICT = f"status is not null and status in {STATUSES}"
RULES = (
    Rule(
        "appointments_resource_check",
        "resource",
        "resource is not null or status not in ('pending', 'confirmed')",
        "an active appointment without a resource is kept apart from no other",
    ),
    Rule(
        "appointments_scheduled_at_check",
        "scheduled_at",
        "scheduled_at is not null or status not in ('pending', 'confirmed')",
        "an active appointment without a start is kept apart from no other",
    ),
    Rule(
        "appointments_length_check",
        "duration_minutes",
        "duration_minutes > 0 or status not in ('pending', 'confirmed')",
        "an active appointment of no length holds no time",
    ),
    Rule(
        "appointments_status_check",
        "status",
        STRICT,
        "an appointment with a status that is none of ours holds no time, and two get one chair",
    ),
)


# What adopt.sql lets in beside: what is over.
ADOPTED_STATUSES = (
    f"(status is not null and (status in {STATUSES} or status::text = any (array[]::text[])))"
    " or scheduled_at + make_interval(mins => coalesce(duration_minutes, 30)"
    " + buffer_after_minutes) <= now()"
)


async def rule_findings(conn: Connection, names: Mapping[str, str]) -> list[Finding]:
    """The rules that the tables don't keep; `names` has the SQL that frees a name of ours."""
    checks, statuses = await look(conn)
    # A row that its type refuses can't be asked for, and is none to fear.
    escaping: dict[str, list[Row]] = {
        "resource": [{**SOUND, "status": status, "resource": None} for status in ACTIVE],
        "scheduled_at": [{**SOUND, "status": status, "scheduled_at": None} for status in ACTIVE],
        "duration_minutes": [{**SOUND, "status": s, "duration_minutes": "0"} for s in ACTIVE],
        "status": [{**SOUND, "status": status} for status in (*statuses, None)],
    }
    findings = []
    for rule in RULES:
        rows = escaping[rule.column]
        if not (escaped := await let_in(conn, checks, rule.column, rows)):
            continue
        example = escaped[0][rule.column]
        problem = f"Nothing refuses the {rule.column} {'NULL' if example is None else example!r}: "
        mend = f"alter table appointments add constraint {rule.name} check ({rule.condition});"
        late = [check for check in checks if check["is_enforced"] and not check["is_valid"]]
        if late and not await let_in(conn, checks, rule.column, rows, new_rows=True):
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


async def let_in(
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
        if column == "status" and is_adopted(check):
            left = [row for row in left if row["status"] in named_by(check)]
            continue
        if column not in check["columns"] or not set(check["columns"]) <= {*SOUND, column}:
            continue
        sound, *passed = await passing(conn, check, [SOUND, *left])
        if sound:
            left = [row for row, passes in zip(left, passed, strict=True) if passes]
    return left
