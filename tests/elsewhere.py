"""The whole suite once on each other set-up that docs/ names: `make elsewhere`.

What can't hold there is left out by name, with its reason.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping

import pytest

BOUNCER, PARTITIONS = "BOOKING_TEST_BOUNCER", "BOOKING_TEST_PARTITIONS"
SET_UPS: Mapping[str, Mapping[str, str]] = {
    "PgBouncer in transaction mode": {BOUNCER: "1", "BOOKING_STATEMENT_CACHE_SIZE": "0"},
    "PostgreSQL 15": {"BOOKING_PG_BIN": "/usr/lib/postgresql/15/bin"},
    "16 hash partitions by org_id": {PARTITIONS: "16"},
}
TRIPS = "without a cache, each statement is prepared anew: one round trip more"
PIDS = "a pooled connection has no backend of its own to name"
SESSION = "a lock or a prepared statement of a session needs one that lasts"
REFUSAL = "PgBouncer refuses a user with an SQLSTATE of its own, 08P01"
SETTING = "a setting of the database reaches new backends alone, and those of the pool are older"
CANCEL = "PgBouncer drops a cancel request whose client is gone: statement_timeout is to end it"
KEY = "a unique key of partitions has org_id in it, whose type stays"
NAME = "a refusal names the partition's own constraint: see test_partitions.py"
INDEX = "each partition's index has a name of its own"
HOT = "what is written in a partition is counted as the partition's"
PLAN = "a plan for all partitions is reckoned to cost more than to plan for one of them each time"
LEFT_OUT: Mapping[str, Mapping[str, str]] = {
    BOUNCER: {
        "test_booking.py::test_a_booking_by_phone_is_one_round_trip": TRIPS,
        "test_change_races.py::": PIDS,
        "test_changing.py::test_a_change_is_one_round_trip": TRIPS,
        "test_deadline.py::test_a_request_that_is_cancelled": CANCEL,
        "test_deadline.py::test_a_table_locked_for_longer": CANCEL,
        "test_deadline.py::test_backends_that_were_terminated": PIDS,
        "test_hours.py::test_two_changes_at_once_leave_hours": PIDS,
        "test_preflight.py::test_a_database_that_is_read_only": SETTING,
        "test_preflight.py::test_check_as_json": SETTING,
        "test_preflight.py::test_check_of_a_clean_database": SETTING,
        "test_preflight.py::test_check_of_a_missing_guarantee": SETTING,
        "test_preflight.py::test_a_timeout_of_the_role_ends_the_note": SETTING,
        "test_races.py::test_a_repeat_waits_for_the_first": PIDS,
        "test_race.py::test_a_stop_in_the_midst_leaves_nothing": SESSION,
        "test_races.py::test_a_named_resource_is_waited_for": PIDS,
        "test_races.py::test_an_email_": PIDS,
        "test_races.py::test_the_second_waits_for_the_first": PIDS,
        "test_statements.py::test_a_plan_is_kept": SESSION,
        "test_tenants.py::test_a_lookup_that_is_refused_is_not_repeated_at_once": REFUSAL,
    },
    PARTITIONS: {
        "test_booking.py::test_a_row_that_a_key_of_ones_own_refuses_is_an_error": KEY,
        "test_booking.py::test_the_constraint_alone_forbids_an_overlap": NAME,
        "test_booking.py::test_who_calls_again_is_written_in_no_index": HOT,
        "test_contacts.py::test_a_key_on_email_and_nobody_to_find": KEY,
        "test_contacts.py::test_another_key_is_an_error": KEY,
        "test_direct.py::test_what_the_database_refuses[sabotage2-None-CONTACT_RESOLUTION": KEY,
        "test_logs.py::test_the_line_of_a_failure[json-None-sabotage2": KEY,
        "test_logs.py::test_the_line_of_a_failure[text-None-sabotage2": KEY,
        "test_messages.py::test_every_outcome_is_short[BOOKED, the email not kept]": KEY,
        "test_messages.py::test_every_outcome_is_short[CONTACT_RESOLUTION_FAILED]": KEY,
        "test_preflight.py::test_a_key_on_email_is_a_note[(email)]": KEY,
        "test_preflight.py::test_a_mistake_is_found[alter table appointments add "
        "constraint theirs": KEY,
        "test_preflight.py::test_a_mistake_is_found[alter table contacts add constraint "
        "theirs": KEY,
        "test_preflight.py::test_a_mistake_is_found[alter table contacts drop constraint "
        "contacts_org_fkey": KEY,
        "test_preflight.py::test_all_mends_together_leave_a_clean_database[alter table "
        "appointments add constraint theirs": KEY,
        "test_preflight.py::test_all_mends_together_leave_a_clean_database[alter table "
        "contacts add constraint theirs": KEY,
        "test_preflight.py::test_all_mends_together_leave_a_clean_database[alter table "
        "contacts drop constraint contacts_org_fkey": KEY,
        "test_privacy.py::test_neither_lines_nor_replies_hold_what_is_private[json-a key": KEY,
        "test_privacy.py::test_neither_lines_nor_replies_hold_what_is_private[text-a key": KEY,
        "test_statements.py::test_a_plan_is_kept": PLAN,
        "test_statements.py::test_a_plan_uses_its_indexes": INDEX,
    },
}


def leave_out(items: list[pytest.Item]) -> None:
    """Skip what can't hold in the set-up of this run, and print why."""
    here = [
        (f"tests/{name}", reason)
        for variable, names in LEFT_OUT.items()
        if os.environ.get(variable)
        for name, reason in names.items()
    ]
    for item in items:
        for name, reason in here:
            if item.nodeid.startswith(name):
                item.add_marker(pytest.mark.skip(reason=reason))


def run(arguments: list[str]) -> Iterator[bool]:
    """Whether the suite passed, of each set-up; without the faults, which have servers of theirs.

    A traceback in pytest's own style can end pytest itself on Python 3.11, for an error deep down.
    """
    for name, environ in SET_UPS.items():
        print(f"== {name}", flush=True)
        command = ["-m", "pytest", "-n2", "--ignore=tests/faults", "--tb=native", "-q", *arguments]
        environ = {**os.environ, "BOOKING_TEST_DATABASE": "embedded", **environ}
        yield subprocess.run([sys.executable, *command], env=environ).returncode == 0


if __name__ == "__main__":
    sys.exit(0 if all(list(run(sys.argv[1:]))) else 1)
