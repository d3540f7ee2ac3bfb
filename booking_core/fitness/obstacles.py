"""What stands in the way of an adoption: the rows, CHECKs, names and columns as they are."""

from __future__ import annotations

import contextlib
import re
from collections.abc import AsyncIterator, Collection, Sequence
from dataclasses import replace

import asyncpg

from booking_core._statements import Connection, read_sql
from booking_core.fitness import _statements as sql
from booking_core.fitness.briefly import STEP_SECONDS
from booking_core.fitness.checks import Row
from booking_core.fitness.findings import Finding
from booking_core.fitness.overlaps import double_findings, overlap_findings
from booking_core.fitness.rules import RULES, SOUND, let_in, rule_findings
from booking_core.fitness.statuses import (
    ended_command,
    fallback,
    foreign_to,
    literals,
    look,
    named_statuses,
    sounds_ended,
)

TABLES = {"tables": ("contacts", "appointments")}
WRITES = re.compile(r"status = '(\w+)'")
# The faults of find_column_faults that the steps mend. They do not alter contacts at all.
MENDED = re.compile(
    r"alter table \S+ (add column (resource|attendee_name|idempotency_key|timezone|phone_region"
    r"|call_id|call_nth|attendee_given|by_own_number|buffer_before_minutes|buffer_after_minutes"
    r"|found_by_email|cancel_until_minutes|active) .*"
    r"|alter column id set default .*);|alter table (\S+\.)?contacts (?!.*\b(id|org_id)\b).*"
)


@contextlib.asynccontextmanager
async def looking(conn: Connection) -> AsyncIterator[None]:
    """See the database with our two functions in it, and write nothing.

    The functions are made where they are missing, and rolled back with the transaction around it.
    """
    transaction = conn.transaction()
    await transaction.start()
    try:
        await conn.execute(read_sql("migrations/0002_functions"))
        await conn.execute(*sql.FORBID_WRITING.bind({}))
        yield
    finally:
        await transaction.rollback()


async def find_obstacles(
    conn: Connection, first: str, ended: Collection[str], *, lock: bool
) -> list[Finding]:
    """The findings with which `adopt` refuses; none where nothing stands in the way."""
    if placed := await table_findings(conn):
        return placed
    async with looking(conn):
        if older := [Finding(**row) for row in await conn.fetch(*sql.FIND_RELEASE_FAULTS.bind({}))]:
            return older
        if foreign := await foreign_tables(conn):
            return foreign
        columns = [
            finding
            for row in await conn.fetch(*sql.FIND_COLUMN_FAULTS.bind({}))
            if (finding := Finding(**row)).severity == "error"
            and not MENDED.fullmatch(finding.mend or "")
        ]
        absent = await conn.fetch(*sql.FIND_MISSING_TABLES.bind({"tables": ["appointments"]}))
        if columns or absent:  # the rows can't be read then, or there are none
            return columns
        ended = {*ended, *await named_statuses(conn)}
        values = {"ended": [*ended]}
        rows = await conn.fetch(*sql.COUNT_STATUSES.bind(values), timeout=STEP_SECONDS)
        found = [*await _rule_obstacles(conn, ended), *status_row_findings(rows, ended)]
        for statement in (sql.FIND_SPAN_FAULTS, sql.FIND_SOFT_DELETE_FAULTS):
            rows = await conn.fetch(*statement.bind({}), timeout=STEP_SECONDS)
            found += [Finding(**row) for row in rows if row["severity"] == "error"]
        found += [*await overlap_findings(conn, first), *await double_findings(conn)]
        if not lock:
            rows = await conn.fetch(*sql.FIND_LOCK_FAULTS.bind({}), timeout=STEP_SECONDS)
            found += [Finding(**row) for row in rows]
        status = await conn.fetchrow(*sql.FIND_STATUS_TYPE.bind({}))
    return [with_label(finding, status) for finding in found]


async def foreign_tables(conn: Connection) -> list[Finding]:
    """The tables in whose place ours would be made, and that are none of ours."""
    return [Finding(**row) for row in await conn.fetch(*sql.FIND_FOREIGN_TABLES.bind({}))]


async def table_findings(conn: Connection) -> list[Finding]:
    """A finding where there is nothing to adopt, or where it stands somewhere else."""
    elsewhere = await conn.fetch(*sql.LIST_ELSEWHERE.bind(TABLES))
    if kinds := [row for row in elsewhere if row["kind"]]:
        problem = " and ".join(f"{row['relation']} is {row['kind']}" for row in kinds)
        problem += ": the constraints have to stand on the table itself. Where it is in another"
        problem += " schema, the search_path has to find it first"
        return [Finding("tables", "error", problem)]
    missing = [row["name"] for row in await conn.fetch(*sql.FIND_MISSING_TABLES.bind(TABLES))]
    if elsewhere and missing:
        problem = "The search_path does not find " + ", ".join(row["relation"] for row in elsewhere)
        problem += ": connect again after its change, and then booking-asgi schema --adopt --plan."
        problem += " If they are of something else: booking-asgi schema --apply"
        return [Finding("tables", "error", problem, elsewhere[0]["mend"])]
    if len(missing) == len(TABLES["tables"]):
        problem = f"There is no {' and no '.join(missing)} to adopt: booking-asgi schema --apply"
        return [Finding("tables", "error", problem)]
    return []


async def adoption_finding(conn: Connection, missing: Collection[str]) -> Finding | None:
    """A finding where somebody else made the tables, and ours are `missing`."""
    mark = {"tables": ["vapi_credentials", "booking_migrations"]}
    if len(await conn.fetch(*sql.FIND_MISSING_TABLES.bind(mark))) < len(mark["tables"]):
        return None  # a table of ours was lost
    places = await table_findings(conn)
    if places and places[0].mend is None and {*TABLES["tables"]} <= {*missing}:
        return None  # there is nothing of others
    if places:
        return places[0]
    problem = "The tables were made by another application, and those of ours are not there"
    problem += ": booking-asgi schema --adopt --plan says what would change"
    return Finding("tables", "error", problem)


def status_row_findings(rows: Sequence[asyncpg.Record], ended: Collection[str]) -> list[Finding]:
    """Of the rows of count_statuses: the statuses of appointments that are not over."""
    coming = [row for row in rows if not row["is_over"]]
    quiet = [row["status"] for row in coming if sounds_ended(row["status"] or "")]
    findings = []
    for row in coming:
        status = "NULL" if row["status"] is None else "'" + row["status"].replace("'", "''") + "'"
        problem = f"{row['appointments']} appointments to come have the status {status}, the next"
        problem += f" at {row['starts_at']:%Y-%m-%d %H:%MZ}, and nobody but you knows whether it"
        problem += " holds their time: pending and confirmed do"
        mend = (
            "update appointments set status = 'confirmed'\nwhere status::text is not distinct from"
        )
        mend += f" {status} and scheduled_at + coalesce(duration_minutes, 30) * interval '1 minute'"
        mend += " > now();"
        if row["status"] in quiet:
            mend = ended_command(quiet, ended) + mend
        findings.append(Finding("appointments.status", "error", problem, mend))
    return findings


async def status_findings(conn: Connection, ended: Collection[str]) -> list[Finding]:
    """The CHECKs and the default by which the owner of the table means another status than ours,
    and than those that `ended` names: its rows would be refused until they are over."""
    findings = []
    checks, _ = await look(conn)
    status = await conn.fetchrow(*sql.FIND_STATUS_TYPE.bind({}))
    if status is None:
        return []
    alone = [check for check in checks if check["columns"] == ["status"]]
    meant = {
        check["name"]: foreign_to(status, literals(check["expression"])) - {*ended}
        for check in alone
        if check["kind"] != "not null" and check["is_enforced"]
    }
    rows: list[Row] = [{**SOUND, "status": each} for each in sorted(set().union(*meant.values()))]
    passing = {row["status"] for row in await let_in(conn, alone, "status", rows, new_rows=True)}
    for check in alone:
        if others := sorted(meant.get(check["name"], set()) & passing):
            problem = f"The CHECK {check['name']} lets in the status " + ", ".join(others[:5])
            problem += ", which is none of ours and would be refused for what is not over"
            mend = f"{check['drop']};"
            if check["kind"] == "domain":  # which other tables may need as it is
                mend = "alter table appointments alter column status type text;"
            mend = ended_command([*filter(sounds_ended, others)], ended) + mend
            findings.append(Finding(check["name"], "error", problem, mend))
    default = await fallback(conn, status)
    if default is not None and foreign_to(status, [default]) - {*ended}:
        takes = status["labels"] is None or "confirmed" in status["labels"]
        change = "set default 'confirmed'" if takes else "drop default"
        problem = f"An appointment that is written without a status has the status {default!r},"
        problem += " which is none of ours and would be refused"
        mend = f"alter table appointments alter column status {change};"
        findings.append(Finding("appointments.status", "error", problem, mend))
    return findings


async def _rule_obstacles(conn: Connection, ended: Collection[str]) -> list[Finding]:
    """The CHECKs and names of others in the place of ours. A CHECK of theirs that has the name of
    one of ours, and does the same, is taken for it."""
    found = await status_findings(conn, ended)
    missing = {finding.what for finding in await rule_findings(conn, {})}
    names = [Finding(**row) for row in await conn.fetch(*sql.FIND_NAME_FAULTS.bind({}))]
    kept = {rule.name for rule in RULES} - missing
    return [*found, *(name for name in names if name.what not in {*kept, *(f.what for f in found)})]


def with_label(finding: Finding, status: asyncpg.Record | None) -> Finding:
    """With the label that its mend writes and that an enum may lack. A new label can be written
    once it is committed, which some editors do for the whole text only."""
    if status is None or status["labels"] is None or not finding.mend:
        return finding
    lacking = {*WRITES.findall(finding.mend)} - {*status["labels"]}
    added = "".join(
        f"alter type {status['enum']} add value if not exists '{label}';\ncommit;\n"
        for label in sorted(lacking)
    )
    return replace(finding, mend=added + finding.mend)
