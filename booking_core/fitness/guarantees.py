"""The keys that the promises rest on, as a live database has them, held against the schema's."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

import asyncpg

from booking_core._statements import read_schema
from booking_core.fitness.findings import Finding

WRITTEN = ("contacts", "appointments")
# Bare of comments, to be compared with what PostgreSQL has, and printed as a mend.
SCHEMA = re.sub(r" *--.*\n| if not exists", "", read_schema())
# The table of each guarantee, and what happens without it.
GUARANTEES = {
    "uq_contacts_org_phone": ("contacts", "every booking by phone fails"),
    "appointments_resource_excl": ("appointments", "two bookings can overlap"),
    "appointments_contact_start_key": ("appointments", "who asks twice can get two appointments"),
    "appointments_call_key": (
        "appointments",
        "two spellings of one request in a call can get two appointments",
    ),
    "appointments_idempotency_key": ("appointments", "a repeated request can book twice"),
}
DEFERRABLE = "is deferrable, which ON CONFLICT does not take"
ONE_NULL = "takes NULL once only"
OTHER_ROWS = "holds for other rows"
NAME = r"(?:\"[^\"]+\"|\w+)"
TYPE = rf"(?:character varying|timestamp with(?:out)? time zone|(?:{NAME}\.)?{NAME})(?:\(\d+\))?"
CAST = re.compile(rf"::{TYPE}(?:\[\])?")
# All collations that a name may be indexed by tell the same names apart.
COLLATION = re.compile(rf" collate {NAME}")


def guarantee_findings(
    rows: Sequence[asyncpg.Record], names: Mapping[str, str]
) -> Iterator[Finding]:
    """A finding for each guarantee that the rows of find_keys lack, and for each other key.

    `names` has the SQL that frees a name of ours which something else has.
    """
    theirs = {row["name"]: row for row in rows if row["table"] in WRITTEN and row["is_unique"]}
    for name, (table, loss) in GUARANTEES.items():
        create, key, predicate = _definition(table, name)
        flaws = {}
        for row in rows:
            alike = row["is_unique"] and _key(row["columns"]) == key
            if row["table"] == table and (row["name"] == name or alike):
                flaws[row["name"]] = flaw = _flaw(row, key, predicate)
                # A partial one beside a whole one does no harm; what holds for more rows does.
                if row["name"] == name or flaw != OTHER_ROWS:
                    theirs.pop(row["name"], None)
        deferrable = [found for found, flaw in flaws.items() if flaw == DEFERRABLE]
        stands = None in flaws.values()
        if stands and not deferrable:
            continue
        at_fault = next(iter([*deferrable, *(n for n in flaws if n == name), *flaws]), None)
        if deferrable:
            loss = "every booking by phone fails" if table == "contacts" else "every booking fails"
        fails = (table == "contacts" and flaws.get(str(at_fault)) != ONE_NULL) or deferrable
        drops = [
            row["drop"]
            for row in rows
            if row["name"] in {name, *deferrable} and flaws.get(row["name"])
        ]
        if name in names and name not in flaws:
            drops.append(names[name])
        yield Finding(
            name,
            "error" if fails else "warning",
            (f"{at_fault} {flaws[at_fault]}: " if at_fault else f"There is no {name}: ") + loss,
            "\n".join(drops if stands else [*drops, create]),
        )
    for name, row in theirs.items():
        if not row["is_immediate"] and row["table"] == "appointments":
            yield Finding(name, "error", f"{name} {DEFERRABLE}: every booking fails", row["drop"])
        elif "email" in row["columns"]:
            problem = f"{name} gives an email to one contact: who calls by phone with the email of"
            problem += " another is booked without it"
            if "org_id" not in row["columns"]:
                problem += ", and who has one of another organization can't book by email alone"
            yield Finding(name, "note", problem)
        elif "id" not in row["columns"].split(", "):
            problem = f"{name} is a key of your own: a booking that it refuses is an error"
            yield Finding(name, "warning", problem, row["drop"])


def _flaw(row: asyncpg.Record, key: Sequence[str], predicate: str) -> str | None:
    """The reason why this index does not guarantee that key."""
    if not row["is_unique"]:
        return "is not unique"
    if _key(row["columns"]) != key:
        return "is on other columns"
    if not row["is_valid"]:
        return "is not valid"
    if not row["is_immediate"]:
        return DEFERRABLE
    if plain(row["predicate"] or "") != predicate:
        return OTHER_ROWS if predicate else "is partial, which ON CONFLICT can't use"
    return ONE_NULL if row["takes_one_null"] else None


def _definition(table: str, name: str) -> tuple[str, Sequence[str], str]:
    """By the schema: the statement that makes it, its key, and the rows that it holds for."""
    index = re.search(rf"create unique index {name}\s+on {table} (.*?);", SCHEMA, re.S)
    inside = re.search(rf"constraint {name} [a-z ]+(\(.*?)(?=\n\))", SCHEMA, re.S)
    found = index or inside
    assert found is not None
    key, _, predicate = " ".join(found[1].split()).partition(" where ")
    create = found[0] if index else f"alter table {table} add {found[0]};"
    return create, _key(key), plain(predicate)


def _key(columns: str) -> Sequence[str]:
    """Comparable, in whatever order and spelling."""
    return sorted(plain(columns).split(","))


def plain(expression: str) -> str:
    """As PostgreSQL writes it and as people do: without case, casts, collations,
    brackets and spaces."""
    bare = re.sub(r"[()\[\]\s]", "", COLLATION.sub("", CAST.sub("", expression.lower())))
    return bare.replace("=anyarray", "in")
