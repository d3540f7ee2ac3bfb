"""`booking-asgi race`: a sound database passes, a broken promise is named, and no row is left."""

from __future__ import annotations

import asyncio
import signal
from datetime import timedelta
from uuid import UUID

import pytest

from booking_asgi.command.mixes import MIXES, START, Answer, broken_promises, make_mix
from booking_core import Appointment, SlotTaken
from tests.conftest import SCHEMA, connected, psql, until
from tests.support.commands import COMMAND, IN_BACKGROUND, STOPS, complaint, environ, run

NOBODY = UUID(int=0)
TABLES = ("organizations", "contacts", "resources", "appointments", "vapi_credentials")
COUNTS = f"select {', '.join(f'(select count(*) from {table})' for table in TABLES)}"

NO_EXCL = "alter table appointments drop constraint appointments_resource_excl;"
NO_KEYS = "drop index appointments_contact_start_key; drop index appointments_idempotency_key;"
NO_PHONE_KEY = "alter table contacts drop constraint uq_contacts_org_phone;"


def on(table: str, moment: str, body: str) -> str:
    """A trigger."""
    return f"""
        create function sabotage() returns trigger language plpgsql as $$ begin {body} end $$;
        create trigger sabotage {moment} on {table} for each row execute function sabotage();
        """


# So that they all have looked before the first one commits.
SLOWLY = on("appointments", "before insert", "perform pg_sleep(0.2); return new;")


@pytest.fixture
def populated(url: str) -> str:
    """A database with an organization that is none of the race's business."""
    psql(
        url,
        "-c",
        "insert into organizations (name, timezone, phone_region) values ('o', 'UTC', 'US')",
    )
    psql(url, "-c", "insert into resources select id, 'main' from organizations")
    psql(
        url,
        "-c",
        "insert into contacts (org_id, phone) select org_id, '+15552000000' from resources",
    )
    return url


def table(printed: str) -> dict[str, dict[str, int]]:
    """Each mix's line by the names of its columns."""
    _, head, *lines = [line.split() for line in printed.splitlines()]
    return {line[0]: dict(zip(head[1:], map(int, line[1:]), strict=True)) for line in lines}


def test_a_sound_database(populated: str) -> None:
    """Each mix has its exact counts, nothing is said on standard error, and all is as before."""
    before = psql(populated, "-c", COUNTS)
    done = run("race", "--callers", "60", "--slots", "3", database_url=populated)
    assert (done.returncode, complaint(done)) == (0, "")
    counts = table(done.stdout)
    assert list(MIXES) == list(counts)
    for mix, booked, taken, repeated in (
        ("slot", 3, 57, 0),
        ("phone", 60, 0, 0),
        ("email", 60, 0, 0),
        ("repeat", 10, 0, 50),
    ):
        found = counts[mix]
        assert (booked, taken, repeated) == (found["booked"], found["taken"], found["repeated"])
    overlap = counts["overlap"]
    assert overlap["booked"] + overlap["taken"] == 60
    assert 3 <= overlap["booked"] < 60
    for found in counts.values():
        assert (found["callers"], found["errors"], found["overlaps"]) == (60, 0, 0)
        assert 0 <= found["p50_ms"] <= found["p99_ms"]
    assert before == psql(populated, "-c", COUNTS)


@pytest.mark.parametrize(
    ("sabotage", "mix", "promise"),
    [
        (NO_EXCL + SLOWLY, "slot", "appointments begin before an earlier one"),
        (NO_EXCL + SLOWLY, "overlap", "appointments begin before an earlier one"),
        (NO_KEYS + SLOWLY, "repeat", "repeats of a request were told of another appointment"),
        (NO_PHONE_KEY, "phone", "got no answer but an error: InvalidColumnReferenceError 42P10"),
        (
            on("contacts", "before insert", "new.email := gen_random_uuid(); return new;"),
            "email",
            "40 contacts stand, and not 1",
        ),
        (
            on("appointments", "before insert", "new.duration_minutes := 10; return new;"),
            "slot",
            "told of an appointment that does not stand so",
        ),
    ],
)
def test_a_broken_promise_is_named(populated: str, sabotage: str, mix: str, promise: str) -> None:
    """The command names a broken promise on standard error and exits with 1; it removes its rows
    all the same."""
    psql(populated, "-c", sabotage)
    before = psql(populated, "-c", COUNTS)
    done = run("race", "--with-triggers", "--callers", "40", "--mix", mix, database_url=populated)
    assert done.returncode == 1
    assert promise in done.stderr
    assert all(line.startswith(f"{mix}: ") for line in complaint(done).splitlines())
    assert before == psql(populated, "-c", COUNTS)


@pytest.mark.parametrize("start", [(), IN_BACKGROUND], ids=["foreground", "background"])
@pytest.mark.parametrize("stop", STOPS, ids=lambda s: s.name)
async def test_a_stop_in_the_midst_leaves_nothing(
    populated: str, start: tuple[str, ...], stop: signal.Signals
) -> None:
    """While ten callers hang in the database and the others stand in line."""
    psql(
        populated,
        "-c",
        on("appointments", "before insert", "perform pg_advisory_xact_lock(7); return new;"),
    )
    before = psql(populated, "-c", COUNTS)
    async with connected(populated) as conn:
        await conn.execute("select pg_advisory_lock(7)")
        race = await asyncio.create_subprocess_exec(
            *(*start, str(COMMAND), "race", "--with-triggers", "--callers", "40"),
            env=environ(database_url=populated),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        await until(
            conn, "select count(*) = 10 from pg_locks where not granted and locktype = 'advisory'"
        )
        race.send_signal(stop)
        said, heard = await asyncio.wait_for(race.communicate(), 30)
    assert (race.returncode, heard.partition(b"\n")[2]) == (1, b"\nAborted!\n")
    assert said.startswith(b"organization ")
    assert before == psql(populated, "-c", COUNTS)


def test_organizations_of_ones_own_that_can_not_be_made(populated: str) -> None:
    """One line says why, behind the id."""
    psql(populated, "-c", "alter table organizations drop column phone_region")
    done = run("race", database_url=populated)
    assert (done.returncode, complaint(done).count("\n")) == (1, 1)
    assert 'column "phone_region"' in done.stderr


@pytest.mark.parametrize("arguments", [("--callers", "0"), ("--slots", "101"), ("--mix", "x")])
def test_an_argument_out_of_range(arguments: tuple[str, str]) -> None:
    assert run("race", *arguments).returncode == 2


def test_what_is_removed_is_one_organization(populated: str) -> None:
    """With whatever is its own, and no other's row: sql/remove_organization.sql by hand."""
    before = psql(populated, "-c", COUNTS)
    psql(
        populated,
        "-c",
        f"""
        insert into organizations (id, name, timezone, phone_region)
        values ('{NOBODY}', 'o', 'UTC', 'US');
        insert into resources values ('{NOBODY}', 'main');
        insert into contacts (org_id, phone) values ('{NOBODY}', '+15552000000');
        insert into appointments (org_id, contact_id, resource, service_type, scheduled_at)
        select org_id, id, 'main', 's', now() from contacts where org_id = '{NOBODY}';
        insert into vapi_credentials (token_sha256, org_id) values ('a', '{NOBODY}')
        """,
    )
    file = str(SCHEMA.with_name("remove_organization.sql"))
    assert psql(populated, "-v", f"org_id='{NOBODY}'", "-f", file) == "1"
    assert before == psql(populated, "-c", COUNTS)


def test_taken_is_not_said_of_a_free_start() -> None:
    """Who hears that it is taken is believed only where each resource holds something then."""
    mix = make_mix("slot", NOBODY, 2, 1)
    told = SlotTaken(contact_id=NOBODY, scheduled_at=START, contact_match="phone", email_kept=True)
    answers = [Answer(asked, told, 0) for asked in mix.requests]
    free, held = [
        [
            Appointment(
                id=NOBODY,
                contact_id=NOBODY,
                resource="race 1",
                scheduled_at=start,
                duration_minutes=30,
                overlaps=False,
            )
        ]
        for start in (START + timedelta(minutes=5), START - timedelta(minutes=25))
    ]
    line = "2 callers heard that it is taken, and it is free"
    assert line in broken_promises(mix, answers, free, 2)
    assert line not in broken_promises(mix, answers, held, 2)


def test_triggers_of_ones_own_are_named_first(populated: str) -> None:
    """They may send messages: nothing is written until somebody has looked."""
    psql(
        populated,
        "-c",
        on("appointments", "after insert", "perform pg_notify('a', ''); return new;"),
    )
    done = run("race", "--callers", "4", "--mix", "slot", database_url=populated)
    assert (done.returncode, done.stdout) == (1, "")
    assert "sabotage on appointments" in done.stderr and "--with-triggers" in done.stderr
