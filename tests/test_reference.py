"""docs/reference: each page lists what the code has, all of it and nothing else."""

from __future__ import annotations

import ast
import dataclasses
import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest
from starlette.routing import Route

import booking_core
from booking_asgi import Config, create_app, protocol
from booking_asgi.desk import _failed
from booking_asgi.openapi import ERRORS, STATUSES
from booking_asgi.speech import FailureCode
from booking_core import BookingError, Connection
from booking_core.outcomes import Outcome
from tests import reference

CODE = Path(inspect.getfile(create_app)).parent
TIMESTAMPTZ = ("timestamp with time zone", "timestamptz")
NOT_SET = (None, (), "")


def table(page: str, *head: str) -> list[list[str]]:
    """The rows of each table on the page that has this head."""
    rows: list[list[str]] = []
    for found in re.findall(r"(?:^\|.*\|\n)+", read(page), re.MULTILINE):
        first, _, *rest = [
            [cell.strip() for cell in line.strip("|").split("|")] for line in found.splitlines()
        ]
        if tuple(first[: len(head)]) == head:
            rows += rest
    assert rows
    return rows


def read(page: str) -> str:
    return (reference.FOLDER / page).read_text()


def words(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


@pytest.mark.parametrize("page", reference.PAGES)
def test_a_page_that_is_made_from_the_code_is_up_to_date(page: str) -> None:
    """Else `make reference` writes it anew."""
    assert read(page) == reference.PAGES[page]()


def test_each_setting_is_listed() -> None:
    """With its default."""
    defaults = {
        f"BOOKING_{field.name.upper()}": "" if field.default in NOT_SET else str(field.default)
        for field in dataclasses.fields(Config)
    }
    listed = {row[0]: row[1].strip("`") for row in table("settings.md", "variable", "default")}
    assert listed == defaults


async def test_each_column_is_listed(conn: Connection) -> None:
    """With its type, below the name of its table."""
    found = await conn.fetch(
        """
        select c.relname, a.attname, format_type(a.atttypid, null)
        from pg_class c join pg_attribute a on a.attrelid = c.oid
        where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p')
          and not c.relispartition and a.attnum > 0 and not a.attisdropped
        """
    )
    columns = {
        (name, column, kind.replace(*TIMESTAMPTZ).removesuffix(" without time zone"))
        for name, column, kind in found
    }
    sections = re.findall(r"^## (.+)\n((?:(?!## ).*\n)*)", read("tables.md"), re.MULTILINE)
    listed = {
        (name, column, kind)
        for name, text in sections
        for column, kind in re.findall(r"^\| (\w+) \| (\w+) \|", text, re.MULTILINE)
        if kind != "type"
    }
    assert listed == columns


async def test_each_constraint_is_listed(conn: Connection) -> None:
    """Each index as well, and each function of ours."""
    found = await conn.fetch(
        """
        select conname from pg_constraint
        where connamespace = 'public'::regnamespace and contype in ('c', 'f', 'p', 'u', 'x')
          and conparentid = 0 and conrelid not in (select inhrelid from pg_inherits)
        union
        select relname from pg_class
        where relnamespace = 'public'::regnamespace and relkind in ('i', 'I') and not relispartition
        """
    )
    listed = {row[0] for row in table("tables.md", "name", "what it guarantees")}
    assert listed == {row["conname"] for row in found}
    functions = await conn.fetch(
        """
        select proname from pg_proc
        where proname like 'booking%' and pronamespace = 'public'::regnamespace
        """
    )
    listed = {row[0] for row in table("tables.md", "name", "what it returns")}
    assert listed == {row["proname"] for row in functions}


def test_each_route_is_listed() -> None:
    routes = create_app(Config(database_url="postgresql://localhost/x")).routes
    there = {
        f"{method} {route.path.rstrip('/')}"
        for route in routes
        if isinstance(route, Route)
        for method in (route.methods or set()) - {"HEAD"}
    }
    assert {words(row[0])[0] for row in table("routes.md", "route")} == there


def test_each_status_is_listed() -> None:
    listed = {int(status) for row in table("routes.md", "status") for status in row[0].split(",")}
    assert listed == {200, 413, *STATUSES}


def test_each_code_is_listed() -> None:
    """With a status that the endpoint has."""
    rows = table("outcomes-and-errors.md", "code", "status")
    assert [words(row[0])[0] for row in rows] == ERRORS
    assert {int(row[1]) for row in rows} <= set(STATUSES)


def test_each_outcome_and_error_of_the_library_is_listed() -> None:
    outcomes = {name.partition("(")[0] for name in _firsts("outcome")}
    assert outcomes == {one.__name__ for one in get_args(Outcome)}
    exported = [getattr(booking_core, name) for name in booking_core.__all__]
    errors = {
        one.__name__
        for one in exported
        if isinstance(one, type) and issubclass(one, BookingError) and one is not BookingError
    }
    assert {name.partition("(")[0] for name in _firsts("error")} == errors


def _firsts(head: str) -> list[str]:
    rows = table("outcomes-and-errors.md", head, "means")
    return [words(row[0])[0] for row in rows if words(row[0])]


def test_each_log_line_is_listed() -> None:
    """Each line of the code is on the page, and each line of the page is in the code."""
    listed = {words(row[0])[0] for row in table("log-lines.md", "line")}
    texts, beginnings = set(_texts()), _beginnings()
    failed = {
        f"VapiTools: ❌ {_failed(code)}"
        for code in get_args(FailureCode)
        if code not in ("TOO_MANY_CALLS", "UNKNOWN_TOOL")
    }
    whole = {text for text in texts if text.startswith("VapiTools: ")}
    assert whole | failed <= listed
    # A line that is made of two texts: each text may stand behind each beginning.
    made = {f"{begin}{text}" for begin in beginnings for text in {*texts, "..."}}
    assert listed - whole <= made
    for begin in beginnings:
        assert any(line.startswith(begin) for line in listed), begin


def test_each_reason_of_a_refusal_is_listed() -> None:
    """As the code writes it; of a reason that names its bound, only the beginning."""
    listed = {words(row[0])[0] for row in table("log-lines.md", "reason")}
    texts = set(_texts())
    assert {reason for reason in listed if not any(t.startswith(reason) for t in texts)} == set()
    assert {reason for reason in _reasons() if not reason.startswith(tuple(listed))} == set()


def _trees() -> Iterator[ast.Module]:
    return (ast.parse(path.read_text()) for path in sorted(CODE.rglob("*.py")))


def _texts() -> Iterator[str]:
    """Every text of the code, but for the beginnings of lines."""
    for tree in _trees():
        beginnings = {id(node) for node in _beginnings_of(tree)}
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and id(node) not in beginnings:
                yield str(node.value)


def _beginnings() -> list[str]:
    """Of lines with a text that is put in."""
    return [str(node.value) for tree in _trees() for node in _beginnings_of(tree)]


def _beginnings_of(tree: ast.Module) -> Iterator[ast.Constant]:
    for node in ast.walk(tree):
        match node:
            case ast.JoinedStr(values=[ast.Constant(value=str(text)) as begin, *_]):
                if text.startswith("VapiTools: "):
                    yield begin


def _reasons() -> Iterator[str]:
    """What the functions that refuse are given, and what is put down as `refused`."""
    for tree in _trees():
        for node in ast.walk(tree):
            match node:
                case ast.Call(func=ast.Attribute(attr=called) | ast.Name(id=called), args=given):
                    place = {"note": 0, "_cut": 0, "_refuse": 1, "Refused": 1}.get(called, 99)
                    for one in given[place : place + 1]:
                        yield from _texts_of(one)
                case ast.Assign(targets=[ast.Subscript(slice=ast.Constant(value="refused"))]):
                    yield from _texts_of(node.value)


def _texts_of(node: ast.expr) -> Iterator[str]:
    match node:
        case ast.Constant(value=str(text)):
            yield text
        case ast.IfExp(body=body, orelse=other):
            yield from (*_texts_of(body), *_texts_of(other))
        case ast.Name(id=name) if name.isupper():
            yield getattr(protocol, name)
