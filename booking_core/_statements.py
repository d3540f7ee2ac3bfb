"""The statements of `sql/`, one file each, as asyncpg takes them.

In the files a parameter is `:name`, so that psql, EXPLAIN and pgbench run them as they are.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

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


def sql_folder() -> Traversable:
    """`sql/`: inside the installed package, else in the checkout."""
    packaged = files("booking_core") / "sql"
    return packaged if packaged.is_dir() else Path(__file__).parent.parent / "sql"


def read_sql(name: str) -> str:
    """The text of `sql/{name}.sql`."""
    return sql_folder().joinpath(f"{name}.sql").read_text(encoding="utf-8")


def read_schema() -> str:
    """The SQL that makes the tables in a new database; safe to run again."""
    return read_sql("schema")


def load(name: str) -> Statement:
    source = read_sql(name)
    parameters = tuple(dict.fromkeys(PARAMETER.findall(source)))
    text = PARAMETER.sub(lambda match: f"${parameters.index(match[1]) + 1}", source)
    return Statement(name, text, parameters)


ADD_ORGANIZATION = load("add_organization")
ADD_RESOURCE = load("add_resource")
ADD_TOKEN = load("add_token")
BOOK = load("book")
COUNT_ZONES = load("count_zones")
FIND_BROKEN_INDEX = load("find_broken_index")
FIND_CHECKS = load("find_checks")
FIND_COLUMN_FAULTS = load("find_column_faults")
FIND_DOUBLE_FAULTS = load("find_double_faults")
FIND_GRANT_FAULTS = load("find_grant_faults")
FIND_KEYS = load("find_keys")
FIND_LINK_FAULTS = load("find_link_faults")
FIND_LOCK_DOWN_FAULTS = load("find_lock_down_faults")
FIND_LOCK_FAULTS = load("find_lock_faults")
FIND_MISSING_TABLES = load("find_missing_tables")
FIND_NAME_FAULTS = load("find_name_faults")
FIND_ORGANIZATION_BY_TOKEN = load("find_organization_by_token")
FIND_OVERLAP_FAULTS = load("find_overlap_faults")
FIND_OWNER_FAULTS = load("find_owner_faults")
FIND_PHONE_FAULTS = load("find_phone_faults")
FIND_POLICY_FAULTS = load("find_policy_faults")
FIND_REFUSALS = load("find_refusals")
FIND_RELEASE = load("find_release")
FIND_RELEASE_FAULTS = load("find_release_faults")
FIND_RESOURCE_FAULTS = load("find_resource_faults")
FIND_ROLE_FAULTS = load("find_role_faults")
FIND_SESSION_FAULTS = load("find_session_faults")
FIND_SOFT_DELETE_FAULTS = load("find_soft_delete_faults")
FIND_SPAN_FAULTS = load("find_span_faults")
FIND_STATUS_FAULTS = load("find_status_faults")
FIND_STATUS_TYPE = load("find_status_type")
FIND_TENANT_FAULTS = load("find_tenant_faults")
FIND_UPGRADE_LOCK_FAULTS = load("find_upgrade_lock_faults")
FIND_ZONE_OFFSETS = load("find_zone_offsets")
FORBID_WRITING = load("forbid_writing")
INSERT_CONTACT_BY_EMAIL = load("insert_contact_by_email")
IS_PARTITIONED = load("is_partitioned")
LIST_APPOINTMENTS = load("list_appointments")
LIST_LIVE_TOKENS = load("list_live_tokens")
LIST_MIGRATIONS = load("list_migrations")
LIST_OPEN_TABLES = load("list_open_tables")
LIST_RESOURCES = load("list_resources")
LIST_ROLE_GRANTS = load("list_role_grants")
LIST_TOKENS = load("list_tokens")
LIST_TRIGGERS = load("list_triggers")
LOCK_CONTACT_EMAIL = load("lock_contact_email")
NAME_RESOURCES = load("name_resources")
RECORD_MIGRATION = load("record_migration")
REMOVE_ORGANIZATION = load("remove_organization")
REVOKE_TOKEN = load("revoke_token")
TOUCH_CONTACT_BY_EMAIL = load("touch_contact_by_email")
TOUCH_TOKENS = load("touch_tokens")
TRY_MIGRATION_LOCK = load("try_migration_lock")
UPSERT_CONTACT = load("upsert_contact")
