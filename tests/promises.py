"""Breaks each promise of docs/explanation/promises.md in a copy, and watches its test fail.

Run it with `make promises`; `test_promises.py` keeps this table and the page together.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent


@dataclass(frozen=True)
class Break:
    """`test` must fail where `path` has `new` in place of `old`."""

    test: str
    path: str
    old: str
    new: str


BOOK, FIND, SCHEMA = "sql/book.sql", "sql/find_times.sql", "sql/schema.sql"
CANCEL, MOVE = "sql/cancel_appointment.sql", "sql/move_appointment.sql"
BREAKS = [
    Break(
        "test_the_constraint_alone_forbids_an_overlap",
        SCHEMA,
        "booking_span(scheduled_at, duration_minutes, buffer_before_minutes, buffer_after_minutes)"
        " with &&",
        "booking_span(scheduled_at, 1, buffer_before_minutes, buffer_after_minutes) with &&",
    ),
    Break("test_500_callers_for_one_slot", SCHEMA, "    resource with =\n", "    id with =\n"),
    Break(
        "test_the_same_caller_200_times_at_once",
        SCHEMA,
        "create unique index if not exists appointments_contact_start_key",
        "create index if not exists appointments_contact_start_key",
    ),
    Break(
        "test_a_hundred_deliveries_at_once",
        "booking_asgi/tools/booking_words.py",
        'f"Booked: {',
        'f"Booked: {booked.created} {',
    ),
    Break(
        "test_what_is_offered_is_what_is_bookable",
        FIND,
        "a.buffer_after_minutes) + asked.before",
        "a.buffer_after_minutes)",
    ),
    Break(
        "test_an_appointment_lies_within_one_window",
        BOOK,
        "o.timezone >= at.ends\n            ) then 'open' else 'hours' end",
        "o.timezone >= :scheduled_at\n            ) then 'open' else 'hours' end",
    ),
    Break(
        "test_a_closure_for_all_and_one_for_one",
        FIND,
        "where not e.opens and coalesce(e.resource, asked.resource) = asked.resource",
        "where not e.opens and e.resource = asked.resource",
    ),
    Break(
        "test_an_afternoon_that_another_caller_takes_a_part_of",
        "booking_asgi/tools/book_appointment.py",
        "Refused(outcome=outcome, free=free)",
        "Refused(outcome=outcome)",
    ),
    Break(
        "test_what_is_near_a_time_that_cant_be_had",
        "booking_asgi/tools/free_times.py",
        "return lambda one: (abs(one - at), one)",
        "return lambda one: (one - at, one)",
    ),
    Break(
        "test_callers_for_one_time",
        FIND,
        "open.times - busy.times",
        "open.times - busy.times * '{}'::tstzmultirange",
    ),
    Break(
        "test_a_week_without_a_free_time",
        "booking_asgi/tools/find_times.py",
        "offered = chosen or starts[:1]",
        "offered = chosen",
    ),
    Break(
        "test_the_times_of_several_days",
        "booking_asgi/tools/find_times.py",
        "search.last is None or _day(one, zone) <= search.last",
        "search.last is None or _day(one, zone) < search.last",
    ),
    Break(
        "test_a_search_is_one_round_trip",
        "booking_core/availability.py",
        "    if not rows:\n",
        "    if True:\n",
    ),
    Break(
        "test_a_search_reads_few_pages",
        FIND,
        "       && tsrange((midnight - asked.before) at time zone 'UTC',",
        "       && tsrange((midnight - interval '1 year') at time zone 'UTC',",
    ),
    Break(
        "test_the_tools_name_what_a_clinic_offers",
        "booking_asgi/command/tool.py",
        "if each.active]",
        "]",
    ),
    Break(
        "test_6_a_phone_500_times_at_once",
        BOOK,
        "on conflict (org_id, phone) do update set",
        "on conflict (org_id, id) do update set",
    ),
    Break(
        "test_wrong_tokens_whose_bodies_never_come",
        "booking_asgi/webhook.py",
        "    token = token_of(request.headers)\n",
        "    await request.body()\n    token = token_of(request.headers)\n",
    ),
    Break(
        "test_no_metric_holds_what_is_private",
        "booking_asgi/webhook.py",
        """(one.name if one else "unknown", answer.code)
        for one, answer in zip(tools, answers, strict=True)""",
        """(str(call.name), answer.code)
        for call, answer in zip(message.calls, answers, strict=True)""",
    ),
    Break(
        "test_silent_connections",
        "booking_asgi/protocol.py",
        "OTHER_FILES = 96",
        "OTHER_FILES = -1000",
    ),
    Break(
        "test_more_than_half_is_given_only_where_no_other_waits",
        "booking_asgi/places.py",
        "self._share = max(1, size // 2)",
        "self._share = size",
    ),
    Break(
        "test_a_new_database_is_closed_to_other_roles",
        SCHEMA,
        "select format('alter table %s enable row level security', \"table\") from made",
        "select 'select' from made",
    ),
    Break(
        "test_no_request_fails_while_row_security_comes",
        "sql/migrations/0009_row_security.sql",
        "    where logs_in and oid in (select oid from closing)\n      and",
        "    where false and",
    ),
    Break(
        "test_4_an_email_alone_at_once",
        "booking_core/contacts.py",
        "    await conn.execute(*LOCK_CONTACT_EMAIL.bind(values))\n",
        "",
    ),
    Break(
        "test_what_is_missing_never_erases",
        BOOK,
        "then coalesce(:email::text, c.email::text)",
        "then :email::text",
    ),
    Break(
        "test_the_second_waits_for_the_first",
        BOOK,
        "  (select * from free)\n  limit 1",
        "  (select * from free where false)\n  limit 1",
    ),
    Break(
        "test_a_row_that_a_key_of_ones_own_refuses_is_an_error",
        "booking_core/booking.py",
        'if row["resource_is_free"]:',
        "if False:",
    ),
    Break(
        "test_a_held_resource_delays_nobody",
        BOOK,
        "where pg_try_advisory_xact_lock(hashtextextended(:org_id::text || resource, 0))",
        "",
    ),
    Break(
        "test_the_same_person_gets_the_same_appointment",
        BOOK,
        "or starts_with(folded, given || ' ') or starts_with(given, folded || ' '))",
        ")",
    ),
    Break(
        "test_two_spellings_at_the_same_instant",
        SCHEMA,
        "create unique index if not exists appointments_call_key",
        "create index if not exists appointments_call_key",
    ),
    Break(
        "test_a_stranger_replaces_nothing_and_learns_nothing",
        BOOK,
        "when :by_own_number and resource_is_free",
        "when resource_is_free",
    ),
    Break(
        "test_a_call_books_four",
        "booking_core/booking.py",
        '"most_per_call": limits.most_per_call',
        '"most_per_call": None',
    ),
    Break(
        "test_a_stranger_does_not_lock_the_owner_out",
        BOOK,
        "and (a.by_own_number or not :by_own_number)\n",
        "",
    ),
    Break(
        "test_every_cell",
        BOOK,
        "case when :by_own_number and resource_is_free then coalesce(:name",
        "case when resource_is_free then coalesce(:name",
    ),
    Break(
        "test_only_what_is_called_as_our_tool_books",
        "booking_asgi/intake.py",
        "find_tool(call.name) if call.name else path",
        "path or find_tool(call.name)",
    ),
    Break(
        "test_a_moment_is_read_in_any_form",
        "booking_core/spoken/text.py",
        "str(unicodedata.decimal(sign)) if sign.isdecimal() else sign",
        "sign",
    ),
    Break("test_dates", "booking_core/spoken/dates.py", "if len(fitting) == 1:", "if fitting:"),
    Break(
        "test_what_another_person_may_have_said_is_not_spoken",
        "booking_asgi/tools/booking_words.py",
        'if booked.recognised_by == "contact":',
        "if False:",
    ),
    Break(
        "test_an_upgraded_database_is_a_new_one",
        "sql/migrations/0004_call_key.sql",
        "scheduled_at, call_nth)",
        "call_nth, scheduled_at)",
    ),
    Break(
        "test_a_booking_by_phone_is_one_round_trip",
        "booking_core/booking.py",
        "    if request.phone is not None:\n",
        '    await conn.execute("select 1")\n    if request.phone is not None:\n',
    ),
    Break(
        "test_a_rollback_of_the_callers_transaction_leaves_nothing",
        "booking_core/booking.py",
        "    if request.phone is not None:\n",
        '    if conn.is_in_transaction():\n        await conn.execute("commit")\n'
        "    if request.phone is not None:\n",
    ),
    Break(
        "test_a_repeat_writes_the_contact",
        BOOK,
        "    last_contact_at = excluded.last_contact_at\n  returning",
        "    last_contact_at = excluded.last_contact_at\n  where false\n  returning",
    ),
    Break(
        "test_random_bookings",
        SCHEMA,
        "    resource with =\n",
        "    id with =\n",
    ),
    Break("test_the_rules", BOOK, "then coalesce(:name::text, c.name::text)", "then :name::text"),
    Break(
        "test_resets",
        "booking_asgi/database.py",
        "            if not is_transient(error):\n",
        "            if not isinstance(error, BookingNotSettled):\n",
    ),
    Break(
        "test_backends_that_are_terminated",
        "booking_asgi/database.py",
        "            if not is_transient(error):\n",
        "            if not isinstance(error, BookingNotSettled):\n",
    ),
    Break(
        "test_a_commit_that_is_cancelled",
        "booking_core/contacts.py",
        "*TOUCH_CONTACT_BY_EMAIL.bind(values)",
        "\"select id, 1 as matches, '{}'::text[] as changes from contacts"
        ' where org_id = $1 and lower(email) = lower($2)", org_id, email',
    ),
    Break(
        "test_both_roads_reach_the_same",
        "sql/adopt.sql",
        "on appointments (org_id, idempotency_key)\n",
        "on appointments (org_id, id, idempotency_key)\n",
    ),
    Break(
        "test_a_transaction_that_stays_open_delays_only_the_adoption",
        "sql/adopt.sql",
        "perform set_config('lock_timeout', '100ms', true);\n  for attempt",
        "perform set_config('lock_timeout', '100s', true);\n  for attempt",
    ),
    Break(
        "test_the_plan_names_all_that_changes",
        "booking_core/fitness/plan.py",
        'if "contacts_org_email_idx" not in present and',
        "if False and",
    ),
    Break(
        "test_from_check_to_a_booking",
        "sql/adopt.sql",
        "buffer_after_minutes) <= now()',",
        "buffer_after_minutes) <= ''-infinity''',",
    ),
    Break(
        "test_a_bad_argument_is_asked_for",
        "booking_core/spoken/durations.py",
        " or int(minutes) not in MINUTES",
        "",
    ),
    Break(
        "test_an_unknown_resource_writes_nothing",
        BOOK,
        "where :phone::text is not null and resource_is_known and",
        "where :phone::text is not null and",
    ),
    Break(
        "test_without_a_known_token_nothing_is_answered",
        "booking_asgi/tenants.py",
        "if (found := self._live.get(key)) is not None:",
        "if (found := next(iter(self._live.values()), None)) is not None:",
    ),
    Break(
        "test_a_token_sees_nothing_of_another_tenant",
        BOOK,
        "where a.org_id = :org_id and a.idempotency_key = :idempotency_key::text",
        "where a.idempotency_key = :idempotency_key::text",
    ),
    Break(
        "test_a_server_that_falls_silent",
        "booking_asgi/desk.py",
        "is_away = isinstance(error, Unavailable)",
        "is_away = False",
    ),
    Break(
        "test_more_than_it_can_do",
        "booking_asgi/desk.py",
        'code = "TEMPORARILY_UNAVAILABLE"',
        'code = "BOOKING_FAILED"',
    ),
    Break(
        "test_each_kind_of_message_is_booked",
        "booking_asgi/vapi.py",
        "if isinstance(arguments, str) and arguments.strip():",
        "if False:",
    ),
    Break(
        "test_mutated_messages",
        "booking_asgi/vapi.py",
        "if isinstance(call_id, str) and call_id and",
        "if isinstance(call_id, str) and call_id.isalnum() and",
    ),
    Break(
        "test_neither_lines_nor_replies_hold_what_is_private",
        "booking_asgi/logs.py",
        'return f"•••{phone[-4 if len(phone) >= 12 else -2 :]}"',
        "return phone",
    ),
    Break(
        "test_nothing_of_the_person_is_in_a_dump",
        "sql/erase_contact.sql",
        "idempotency_key = null, call_id = null",
        "idempotency_key = null, call_id = a.call_id",
    ),
    Break(
        "test_the_books_stay",
        "sql/erase_contact.sql",
        ") then a.service_type::text else 'Appointment' end",
        ") then 'Appointment' else 'Appointment' end",
    ),
    Break(
        "test_what_happened_is_found",
        "sql/find_events.sql",
        "order by e.at,\n",
        "order by e.at desc,\n",
    ),
    Break(
        "test_a_history_in_words",
        BOOK,
        "jsonb_build_object('name', fuller_name is not null,",
        "jsonb_build_object('name', fuller_name,",
    ),
    Break(
        "test_all_lines_of_a_request_have_its_id",
        "booking_asgi/request_ids.py",
        "        request_id.set(used.decode())\n",
        "",
    ),
    Break(
        "test_what_the_database_refuses",
        "booking_asgi/speech.py",
        "message=message, said=said, told",
        'message=message, said=said + "constraint", told',
    ),
    Break("test_who_may_change_what", CANCEL, "    not a.attendee_given\n", "    true\n"),
    Break("test_what_an_email_found_is_not_a_numbers", MOVE, "not a.found_by_email and (", "("),
    Break(
        "test_another_email_gives_no_appointment_to_a_number",
        BOOK,
        "a.found_by_email and not (changes_contact and :phone::text is not null)",
        "a.found_by_email and not changes_contact",
    ),
    Break(
        "test_a_cancel_that_comes_again_does_not_take_the_next",
        CANCEL,
        "    and not (select may_be from repeat)\n",
        "",
    ),
    Break(
        "test_a_cancel_that_comes_again",
        CANCEL,
        "where e.org_id = :org_id and e.type = 'cancelled'",
        "where e.org_id = :org_id and e.type = 'moved'",
    ),
    Break(
        "test_a_move_to_a_taken_time",
        MOVE,
        "&& booking_span(:scheduled_at::timestamptz, meant.duration_minutes,",
        "&& booking_span(:scheduled_at::timestamptz, 1,",
    ),
    Break(
        "test_a_move_to_the_contacts_other_appointment",
        MOVE,
        "b.contact_id = meant.contact_id and b.scheduled_at = :scheduled_at",
        "b.contact_id = meant.contact_id and false",
    ),
    Break(
        "test_a_move_that_comes_again",
        "booking_core/changing.py",
        'await _spelled(conn, org_id, values["resource"])',
        "None",
    ),
    Break("test_24_at_once", SCHEMA, "    resource with =\n", "    id with =\n"),
    Break(
        "test_who_holds_a_resource_for_long_is_not_waited_for",
        MOVE,
        "and pg_try_advisory_xact_lock(hashtextextended(:org_id::text || asked.new_resource, 0))",
        "",
    ),
    Break(
        "test_a_move_waits_for_who_takes_no_lock",
        "booking_core/changing.py",
        "            async with _savepoint(conn):\n",
        "            if True:\n",
    ),
    Break(
        "test_a_cancel_waits_for_a_move",
        CANCEL,
        "and a.scheduled_at = meant.scheduled_at",
        "",
    ),
    Break(
        "test_each_change_is_one_event",
        "sql/set_status.sql",
        "    and a.status <> :status\n",
        "",
    ),
    Break(
        "test_a_change_that_is_cut",
        MOVE,
        "  select :org_id, 'moved', moved.id",
        "  select :org_id, 'mended', moved.id",
    ),
    Break(
        "test_no_event_names_a_person",
        BOOK,
        "jsonb_build_object('name', fuller_name is not null,",
        "jsonb_build_object('name', fuller_name,",
    ),
    Break(
        "test_the_least_role_writes_each_change_down",
        "sql/fitness/list_role_grants.sql",
        "('events', array['select', 'insert'])",
        "('events', array['select', 'insert', 'delete'])",
    ),
    Break(
        "test_a_change_is_one_round_trip",
        "booking_core/changing.py",
        '    check_aware(to, "to")\n',
        '    check_aware(to, "to")\n    await conn.execute("select 1")\n',
    ),
    Break(
        "test_a_plan_uses_its_indexes",
        CANCEL,
        "where e.org_id = :org_id and e.type = 'cancelled' and e.call_id = :call_id::text",
        "where e.type = 'cancelled' and e.call_id || '' = :call_id::text",
    ),
    Break(
        "test_a_page_does_what_it_says",
        "docs/tutorial.md",
        "--phone '555 222 3333' --time '14:15'",
        "--phone '555 222 3333' --time '16:15'",
    ),
]


def fails(broken: Break) -> bool:
    """Whether the test fails in a copy of the project that is broken so."""
    with tempfile.TemporaryDirectory(prefix="booking-broken-") as folder:
        copy = Path(folder) / "copy"
        shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns(".*", "__pycache__"))
        path = copy / broken.path
        path.write_text(path.read_text().replace(broken.old, broken.new))
        files = (ROOT / "tests").rglob("test_*.py")
        [file] = [path for path in files if f"def {broken.test}(" in path.read_text()]
        run = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider"]
        run += [str(file.relative_to(ROOT)), "-k", broken.test]
        # What a test starts as a process is the copy too.
        environ = {**os.environ, "PYTHONPATH": str(copy)}
        done = subprocess.run(run, cwd=copy, env=environ, capture_output=True, text=True)
        # 1: tests failed. Anything else is no verdict: none collected, or a usage error.
        assert done.returncode in (0, 1), done.stdout + done.stderr
        return done.returncode == 1


def main(names: Sequence[str]) -> int:
    chosen = [broken for broken in BREAKS if not names or broken.test in names]
    noticed = 0
    for broken in chosen:
        verdict = "fails" if fails(broken) else "PASSES, THOUGH BROKEN"
        noticed += verdict == "fails"
        print(f"{broken.test}: {verdict} ({broken.path})", flush=True)
    print(f"{noticed} of {len(chosen)} broken promises were noticed")
    return 0 if noticed == len(chosen) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
