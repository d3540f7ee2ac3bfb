"""What an adoption would change for whoever writes the tables today, before it is done."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import asyncpg

from booking_core._statements import Connection, check_connection
from booking_core.fitness import _statements as sql
from booking_core.fitness.adoption import read_adoption
from booking_core.fitness.briefly import STEP_SECONDS
from booking_core.fitness.findings import Finding
from booking_core.fitness.obstacles import find_obstacles, table_findings
from booking_core.fitness.statuses import STATUSES, named_statuses, parse_ended
from booking_core.resources import parse_resources

# The slowest of eight runs with 20,000 and 200,000 appointments: see docs/performance.md.
# A row that has a resource before the adoption is compared with the others under the lock.
WAIT_MS = 0.03
COMPARED_MS = 0.12
WHOLE_MS = 0.2
REFUSED = {
    "appointments_resource_excl": (
        "An INSERT or UPDATE by which two active appointments of one resource would overlap is"
        " refused (23P01). Active means pending or confirmed"
    ),
    "appointments_contact_start_key": (
        "A second active appointment of the same contact and start is refused (23505), unless their"
        " attendee_name differs"
    ),
    "appointments_call_key": (
        "A second active appointment of the same call_id, start and call_nth is refused (23505). An"
        " application that sets no call_id notices nothing"
    ),
    "appointments_idempotency_key": (
        "A second active appointment of the same idempotency_key is refused (23505). An application"
        " that sets none notices nothing"
    ),
    "appointments_resource_check": "An active appointment without a resource is refused (23514)",
    "appointments_scheduled_at_check": "An active appointment without a start is refused (23514)",
    "appointments_length_check": (
        "An active appointment whose length is zero or below is refused (23514). Any other length,"
        " such as 600 minutes, stays allowed"
    ),
}
EMAIL_INDEX = "contacts gets an index on the email (contacts_org_email_idx), and nothing else"
STATUS_CHECK = "appointments_status_check"
COLUMN = re.compile(r"^  \('(\w+)', '(?:text|integer|boolean)\b[^']*'\),?$", re.MULTILINE)
TABLE = re.compile(r"^ *create table (?:if not exists )?(\w+)", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class AdoptionPlan:
    """What `adopt` would do with the same arguments.

    `changes` has a sentence for each change, in the words of an operator. `obstacles` are the
    findings with which `adopt` would refuse: it runs where there are none. `appointments` counts
    the rows, `active` those that are pending or confirmed. `wait_seconds` estimates for how long a
    booking would wait, while a constraint is built over the active rows; `whole_seconds` estimates
    the adoption from its start to its end. `command` is what adopts.
    """

    changes: tuple[str, ...]
    obstacles: tuple[Finding, ...]
    appointments: int
    active: int
    wait_seconds: float
    whole_seconds: float
    command: str


async def plan_adoption(
    conn: Connection,
    *,
    resources: Sequence[str] = ("main",),
    ended: Sequence[str] = (),
    lock: bool = False,
) -> AdoptionPlan:
    """What `adopt` would change, what stands in its way, and how long it would take.

    Nothing is written. It reads all appointments, and takes no lock that a booking waits for.
    Raises what `adopt` raises for its arguments, and what asyncpg raises.
    """
    check_connection(conn)
    resources, ended = parse_resources(resources), parse_ended(ended)
    obstacles = await find_obstacles(conn, resources[0], ended, lock=lock)
    command = " ".join(
        [
            "booking-asgi schema --adopt",
            *(f"--resource {shlex.quote(name)}" for name in resources if [*resources] != ["main"]),
            *(f"--ended {shlex.quote(status)}" for status in ended),
            *(["--lock"] if lock or "--lock" in {found.what for found in obstacles} else []),
        ]
    )
    made = dict.fromkeys(TABLE.findall(read_adoption()))
    missing = await conn.fetch(*sql.FIND_MISSING_TABLES.bind({"tables": [*made]}))
    new = [row["name"] for row in missing]
    tables = f"New tables are made: {', '.join(new)}."
    tables += " Row-level security closes each to all but its owner"
    changes = (tables,) if new else ()
    if "appointments" in new:  # there is no row and nobody who writes one
        can_be_made = await table_findings(conn) == []
        return AdoptionPlan(
            changes=(EMAIL_INDEX, *changes) if can_be_made else (),
            obstacles=tuple(obstacles),
            appointments=0,
            active=0,
            wait_seconds=0,
            whole_seconds=0,
            command=command,
        )
    row = await conn.fetchrow(*sql.DESCRIBE_TABLES.bind({}), timeout=STEP_SECONDS)
    status = await conn.fetchrow(*sql.FIND_STATUS_TYPE.bind({}))
    assert row is not None
    named = await named_statuses(conn)
    if STATUS_CHECK in row["constraints"] and (later := sorted({*ended} - named)):
        changes = (f"The statuses {', '.join(later)} become allowed at any time", *changes)
    ended = sorted({*ended, *named})
    wait_ms = row["active"] * WAIT_MS + row["compared"] * COMPARED_MS
    stands = "appointments_resource_excl" in row["constraints"]
    return AdoptionPlan(
        changes=(*_changes(row, status, resources, ended, new), *changes),
        obstacles=tuple(obstacles),
        appointments=row["appointments"],
        active=row["active"],
        wait_seconds=0 if stands else wait_ms / 1000,
        whole_seconds=1 + row["without_resource"] * WHOLE_MS / 1000,
        command=command,
    )


def _changes(
    row: asyncpg.Record,
    status: asyncpg.Record | None,
    resources: Sequence[str],
    ended: Sequence[str],
    new: Sequence[str],
) -> Iterator[str]:
    columns = [
        name for name in ("resource", *COLUMN.findall(_columns())) if name not in row["columns"]
    ]
    if columns:
        yield (
            f"appointments gets the columns {', '.join(columns)}. An INSERT that names its columns"
            " goes on; SELECT * returns more of them"
        )
    if "resource" not in row["defaults"]:
        yield f"An appointment that is written without a resource gets {resources[0]!r}"
    if row["without_resource"]:
        triggers = ", ".join(row["update_triggers"])
        fired = f", and fires {triggers}" if triggers else ""
        yield f"{row['without_resource']} appointments get it too: each is updated once{fired}"
    if "id" not in row["defaults"]:
        yield "An appointment that is written without an id gets a random one"
    if status and status["labels"] is not None:
        lacking = [label for label in STATUSES if label not in status["labels"]]
        if lacking:
            labels = ", ".join(lacking)
            yield f"The type {status['enum']} gets the labels {labels}. They stay for good"
    present = {*row["constraints"], *row["indexes"]}
    yield from (f"{words} ({name})" for name, words in REFUSED.items() if name not in present)
    if STATUS_CHECK not in present:
        yield from _status_changes(row, status, ended)
    if "appointments_start_idx" not in present:
        yield "appointments gets an index on the start (appointments_start_idx)"
    if "contacts_org_email_idx" not in present and "contacts" not in new:
        yield EMAIL_INDEX
    if row["organization_columns"]:
        names = ("name", "timezone", "phone_region")
        lacking = [name for name in names if name not in row["organization_columns"]]
        if lacking:
            yield f"organizations gets the columns {', '.join(lacking)}, which are NULL"
        if "cancel_until_minutes" not in row["organization_columns"]:
            yield "organizations gets the column cancel_until_minutes, which is 0"
        if "resources" in new:
            yield (
                "Whoever deletes an organization deletes its resources, services, hours and tokens"
                " with it"
            )
    if row["lacks_functions"]:
        yield "The functions booking_fold and booking_span are made"
    if row["lacks_extension"]:
        yield "The extension btree_gist is made"


def _status_changes(
    row: asyncpg.Record, status: asyncpg.Record | None, ended: Sequence[str]
) -> Iterator[str]:
    allowed = [*STATUSES, *ended]
    used = {*row["statuses"], *(status["labels"] or () if status else ())}
    yield (
        f"A status that is none of {', '.join(allowed)} is refused (23514) until the appointment is"
        f" over, for it may mean that somebody comes ({STATUS_CHECK}). After that any is allowed"
    )
    if others := sorted(used - {*allowed}):
        yield (
            f"This concerns the statuses {', '.join(others)}. Name those that hold no time, and"
            " they stay allowed at any time: --ended STATUS"
        )


def _columns() -> str:
    """The step of `sql/adopt.sql` that adds the columns."""
    return read_adoption().partition("-- step: And the other columns.")[2].partition("-- step: ")[0]
