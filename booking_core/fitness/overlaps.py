"""Appointments that hold one resource at the same time, or are one booking twice: they stand in
the way of the keys. Each finding has a query that lists all of them, and SQL that ends it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

import asyncpg

from booking_core._statements import Connection, read_sql
from booking_core.fitness import _statements as sql
from booking_core.fitness.briefly import STEP_SECONDS
from booking_core.fitness.findings import Finding

NEAREST = 3
# What folds a name, where there is none to fold.
FOLDED = re.compile(r"booking_fold\((.+)\) collate \"C\"")
EXCL = "appointments_resource_excl"
# A view of the session: the list is printed once, and holds for what follows.
MEND = """\
-- All of them, the nearest first:
create temporary view listed as
{listed};
select * from listed;
{change}
drop view listed;"""
COMPLETE = """\
-- This marks as completed those that are over. Nothing else of them changes.
update appointments set status = 'completed' where id in (select id from listed where is_over);"""
# A name of its own, which adopt.sql does not make a resource that callers can book.
SEPARATE = """\
-- This keeps both of each two: the later one gets a resource that nobody can book. Both people
-- still come at that time, so call one of them.
alter table appointments add column if not exists resource text;
update appointments set resource = 'double-booked ' || id
where id in (select id from listed where is_later and not is_over);"""
CANCEL = """\
-- This cancels those that are listed and to come. The one that is called kept stays. If the other
-- is for another person, tell the two apart by attendee_name instead.
update appointments set status = 'cancelled'
where id in (select id from listed where not is_over);"""
ALIKE = {
    "appointments_contact_start_key": "contact, start and attendee",
    "appointments_call_key": "call, start and number",
    "appointments_idempotency_key": "idempotency key",
}


async def overlap_findings(conn: Connection, resource: str) -> list[Finding]:
    """A finding for those that are over, and one for the others."""
    rows = await conn.fetch(*sql.LIST_OVERLAPS.bind({"resource": resource}), timeout=STEP_SECONDS)
    listed = _printed("list_overlaps").replace(":resource::text", f"'{_quoted(resource)}'")
    past = [row for row in rows if row["is_over"]]
    later = [row for row in rows if row["is_later"] and not row["is_over"]]
    findings = []
    if past:
        problem = f"{len(past)} active appointments are over and share their time with another one:"
        findings.append(_finding(EXCL, past, f"{problem} ", listed, COMPLETE))
    if later:
        problem = f"{len(later)} active appointments begin before an earlier one of the same"
        problem += " resource has ended: "
        findings.append(_finding(EXCL, later, problem, listed, SEPARATE))
    return findings


async def double_findings(conn: Connection) -> list[Finding]:
    """For each key a finding for those that are over, and one for the others. It needs the
    functions of `sql/migrations/0002_functions.sql`."""
    rows = await conn.fetch(*sql.LIST_DOUBLES.bind({}), timeout=STEP_SECONDS)
    listed = _printed("list_doubles")
    if not any(row["attendee"] for row in rows):  # so that it runs without the functions
        listed = FOLDED.sub(r"\1", listed)
    keys = sorted({row["what"] for row in rows})
    return [finding for key in keys for finding in _of(key, rows, listed)]


def _of(key: str, rows: Sequence[asyncpg.Record], listed: str) -> Iterator[Finding]:
    functions = read_sql("migrations/0002_functions") if "booking_fold" in listed else ""
    for is_over, mend in ((True, COMPLETE), (False, CANCEL)):
        found = [row for row in rows if row["what"] == key and row["is_over"] == is_over]
        if found:
            problem = f"{len(found)} active appointments {'are over and ' if is_over else ''}repeat"
            problem += f" another one of the same {ALIKE[key]}: "
            finding = _finding(key, found, problem, listed, mend)
            yield replace(finding, mend=f"{functions}{finding.mend}")


def _finding(
    what: str, rows: Sequence[asyncpg.Record], problem: str, listed: str, mend: str
) -> Finding:
    problem += ", ".join(
        f"{row['id']} at {row['starts_at']:%Y-%m-%d %H:%MZ}" for row in rows[:NEAREST]
    )
    if len(rows) > NEAREST:
        problem += " and others"
    return Finding(what, "error", problem, MEND.format(listed=listed, change=mend))


def _printed(name: str) -> str:
    """The statement as it runs by itself, without its first comment."""
    text = read_sql(f"fitness/{name}")
    return text[text.index("with ") :].rstrip(";\n")


def _quoted(text: str) -> str:
    return text.replace("'", "''")
