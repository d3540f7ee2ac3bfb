"""The statements of `sql/`, one file each, as asyncpg takes them, and the connection for them.

In the files a parameter is `:name`, so that psql, EXPLAIN and pgbench run them as they are.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, TypeAlias

import asyncpg
from asyncpg.pool import PoolConnectionProxy

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record] | PoolConnectionProxy[asyncpg.Record]"
# Below the first line.
COMMENT = re.compile(r"(?<=\n) *--.*\n")
PARAMETER = re.compile(r"(?<!:):([a-z][a-z0-9_]*)\b")


@dataclass(frozen=True, slots=True)
class Statement:
    """`text` has `$1`, `$2`, ... for the `parameters`, in that order."""

    name: str
    text: str
    parameters: tuple[str, ...]

    def bind(self, values: Mapping[str, object]) -> tuple[Any, ...]:
        """What asyncpg's query methods take: the text, then the values of its parameters."""
        return (self.text, *(values[name] for name in self.parameters))


def check_connection(conn: object) -> None:
    """Raises TypeError for what is no connection of asyncpg: a pool too would run each statement of
    a transaction on a connection of its own."""
    if not isinstance(conn, asyncpg.Connection | PoolConnectionProxy):
        if isinstance(conn, asyncpg.Pool):
            remedy = "async with pool.acquire() as conn"
        elif type(conn).__module__.startswith("sqlalchemy."):
            remedy = (
                "(await connection.get_raw_connection()).driver_connection is one, with asyncpg"
            )
        else:
            remedy = "await asyncpg.connect(...) makes one"
        raise TypeError(f"conn must be an asyncpg connection, not {type(conn).__name__}: {remedy}")


def sql_folder() -> Traversable:
    """`sql/`: inside the installed package, else in the checkout."""
    packaged = files("booking_core") / "sql"
    return packaged if packaged.is_dir() else Path(__file__).parent.parent / "sql"


def read_sql(path: str) -> str:
    """The text of `sql/{path}.sql`."""
    return sql_folder().joinpath(f"{path}.sql").read_text(encoding="utf-8")


def read_schema() -> str:
    """The SQL that makes the tables in a new database; safe to run again."""
    return read_sql("schema")


def load(path: str) -> Statement:
    """The statement of `sql/{path}.sql`, of whose comments only the first line stays: asyncpg keeps
    no statement prepared that is longer than 15 KiB."""
    source = COMMENT.sub("", read_sql(path))
    parameters = tuple(dict.fromkeys(PARAMETER.findall(source)))
    text = PARAMETER.sub(lambda match: f"${parameters.index(match[1]) + 1}", source)
    return Statement(path.rpartition("/")[2], text, parameters)


ADD_CLOSURE = load("add_closure")
ADD_ORGANIZATION = load("add_organization")
ADD_RESOURCE = load("add_resource")
ADD_TOKEN = load("add_token")
BOOK = load("book")
CANCEL_APPOINTMENT = load("cancel_appointment")
COUNT_APPOINTMENTS = load("count_appointments")
COUNT_PRUNABLE = load("count_prunable")
ERASE_CONTACT = load("erase_contact")
EXPORT_CONTACT = load("export_contact")
FIND_APPOINTMENTS = load("find_appointments")
FIND_CALL = load("find_call")
FIND_CONTACTS = load("find_contacts")
FIND_EVENTS = load("find_events")
FIND_ORGANIZATION = load("find_organization")
FIND_ORGANIZATION_BY_TOKEN = load("find_organization_by_token")
FIND_REFUSALS = load("find_refusals")
FIND_TIMES = load("find_times")
INSERT_CONTACT_BY_EMAIL = load("insert_contact_by_email")
LIST_APPOINTMENTS = load("list_appointments")
LIST_BOOKABLE = load("list_bookable")
LIST_CLOSURES = load("list_closures")
LIST_DAY = load("list_day")
LIST_HOURS = load("list_hours")
LIST_LIVE_TOKENS = load("list_live_tokens")
LIST_ORGANIZATIONS = load("list_organizations")
LIST_OUTSIDE = load("list_outside")
LIST_OWN_COLUMNS = load("list_own_columns")
LIST_REFERRERS = load("list_referrers")
LIST_RESOURCES = load("list_resources")
LIST_SERVICES = load("list_services")
LIST_TOKENS = load("list_tokens")
LIST_TRIGGERS = load("list_triggers")
LOCK_CONTACT = load("lock_contact")
LOCK_CONTACT_EMAIL = load("lock_contact_email")
LOCK_RESOURCES = load("lock_resources")
MOVE_APPOINTMENT = load("move_appointment")
PRUNE_APPOINTMENTS = load("prune_appointments")
PRUNE_CONTACTS = load("prune_contacts")
PRUNE_EVENTS = load("prune_events")
PUT_SERVICE = load("put_service")
REMOVE_CLOSURE = load("remove_closure")
REMOVE_ORGANIZATION = load("remove_organization")
REMOVE_SERVICE = load("remove_service")
RENAME_RESOURCE = load("rename_resource")
RETIRE_RESOURCE = load("retire_resource")
REVOKE_TOKEN = load("revoke_token")
SET_HOURS = load("set_hours")
SET_SERVICE_RESOURCES = load("set_service_resources")
SET_STATUS = load("set_status")
TOUCH_CONTACT_BY_EMAIL = load("touch_contact_by_email")
TOUCH_TOKENS = load("touch_tokens")
UPSERT_CONTACT = load("upsert_contact")
