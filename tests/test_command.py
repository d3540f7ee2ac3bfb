from __future__ import annotations

import asyncio
import hashlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit
from uuid import UUID, uuid4

import httpx
import pytest

from booking_asgi import Config
from booking_asgi.command.postgres import find_programs
from tests.conftest import SCHEMA, a_database, connected, psql, serving, until
from tests.support.commands import (
    BOOK,
    COMMAND,
    IN_BACKGROUND,
    STOPS,
    Serving,
    answers,
    complaint,
    environ,
    free_port,
    refused,
    run,
    served,
    without_key,
)
from tests.support.factories import arguments
from tests.support.processes import a_folder, is_running, processes_of, wait_until

DEMO_HEADERS = {"X-Vapi-Secret": "demo-token"}
ADD = ("org", "add", "--name", "Clinic")

only_linux = pytest.mark.skipif(sys.platform != "linux", reason="Linux: needs /proc")
needs_curl = pytest.mark.skipif(shutil.which("curl") is None, reason="no curl here")


@pytest.fixture(scope="module")
def demo() -> Iterator[Serving]:
    """A server of the tests that leave it as it is."""
    with a_folder() as folder, served(folder) as serving:
        yield serving


@needs_curl
def test_the_printed_curl_books(demo: Serving) -> None:
    """What `serve` prints can be pasted into a shell as it is, and books."""
    status, content = demo.run_curl()
    assert status == "200"
    booked = psql(demo.database_url, "-c", "select id, attendee_name from appointments")
    assert f"{content['appointmentId']}|Sam Wilson" == booked


@needs_curl
def test_the_printed_curl_can_be_repeated(demo: Serving) -> None:
    """Pasted twice, it is one appointment."""
    (status, first), (again, second) = demo.run_curl(), demo.run_curl()
    assert (status, again) == ("200", "200")
    assert first["appointmentId"] == second["appointmentId"]


def test_a_folder_in_use_is_refused(demo: Serving) -> None:
    """A second server on the folder is one line; the first one goes on."""
    done = run("serve", "--demo", port=free_port(), data_dir=demo.data_dir)
    assert f"{demo.data_dir} is in use by another server" in refused(done)
    assert demo.is_healthy()


def test_a_port_in_use_starts_nothing(demo: Serving, folder: Path) -> None:
    """If the port is taken, no database is even made."""
    done = run("serve", "--demo", port=demo.port, data_dir=folder / "data")
    assert f"127.0.0.1:{demo.port}: Address already in use" in refused(done)
    assert list(folder.iterdir()) == []


@dataclass(frozen=True)
class Stopped:
    """The result of a signal that arrived while a booking waited for the database."""

    data_dir: Path
    reply: httpx.Response
    exit_code: int
    left: list[int]
    output: str


@pytest.fixture(scope="module", params=STOPS, ids=lambda s: s.name)
def stopped(request: pytest.FixtureRequest) -> Iterator[Stopped]:
    with a_folder() as folder, served(folder, log_format="json") as serving:
        reply = asyncio.run(stop_while_booking(serving, request.param))
        exit_code = serving.process.wait(60)
        left = processes_of(serving.data_dir) if sys.platform == "linux" else []
        yield Stopped(serving.data_dir, reply, exit_code, left, serving.output())


async def stop_while_booking(serving: Serving, stop_signal: signal.Signals) -> httpx.Response:
    async with connected(serving.database_url) as conn, httpx.AsyncClient() as client:
        async with conn.transaction():
            await conn.execute("lock table appointments in access exclusive mode")
            booking = asyncio.create_task(
                client.post(serving.base + BOOK, json=arguments(), headers=DEMO_HEADERS)
            )
            await until(conn, "select exists (select from pg_locks where not granted)")
            os.killpg(serving.process.pid, stop_signal)
            await asyncio.to_thread(wait_until, lambda: not answers(serving.port))
        return await booking


def test_a_signal_lets_bookings_finish(stopped: Stopped) -> None:
    """A caller who was being answered gets the answer: the database stops after the last
    request."""
    assert stopped.reply.status_code == 200


def test_a_signal_is_success(stopped: Stopped) -> None:
    """Ctrl-C and SIGTERM are the way to stop it: the exit code is 0, and there is no traceback."""
    assert stopped.exit_code == 0
    assert "Traceback" not in stopped.output


@only_linux
def test_a_signal_stops_the_database_too(stopped: Stopped) -> None:
    """When the command has ended, no PostgreSQL of its folder is left."""
    assert stopped.left == []


def test_json_logs_are_all_that_follows_the_demo(stopped: Stopped) -> None:
    """With BOOKING_LOG_FORMAT=json each line after the printed command is an object."""
    _, _, logged = stopped.output.partition("Dr. Lee\"}'\n\n")
    events = [json.loads(line) for line in logged.splitlines()]
    assert {"Application startup complete.", "Application shutdown complete."} <= {
        event["event"] for event in events
    }


def test_a_restart_keeps_the_bookings(stopped: Stopped) -> None:
    """On the same folder the same request is answered with the same appointment."""
    with served(stopped.data_dir.parent) as serving:
        again = httpx.post(serving.base + BOOK, json=arguments(), headers=DEMO_HEADERS)
    assert appointment_of(stopped.reply) == appointment_of(again)


def appointment_of(reply: httpx.Response) -> str:
    return str(json.loads(reply.json()["toolResult"]["content"])["appointmentId"])


@only_linux
@pytest.mark.parametrize("start", [(), IN_BACKGROUND], ids=["foreground", "background"])
@pytest.mark.parametrize("stop", STOPS, ids=lambda s: s.name)
def test_an_interrupted_first_start_is_success(
    folder: Path, start: tuple[str, ...], stop: signal.Signals
) -> None:
    """A stop while the database is being made: exit code 0, no traceback, nothing left."""
    with (folder / "output").open("wb") as output:
        process = subprocess.Popen(
            [*start, COMMAND, "serve", "--demo"],
            env=environ(port=free_port(), data_dir=folder / "data"),
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    wait_until((folder / "data" / "PG_VERSION").exists)
    process.send_signal(stop)
    assert process.wait(60) == 0
    assert (folder / "output").read_text() == ""
    assert processes_of(folder / "data") == []
    assert list((folder / "data").iterdir()) == []


@pytest.mark.parametrize("stop", STOPS, ids=lambda s: s.name)
def test_serve_in_the_background_can_be_stopped(
    url: str, folder: Path, stop: signal.Signals
) -> None:
    """A script's shell starts it with SIGINT ignored; either signal stops it all the same."""
    with served(folder, IN_BACKGROUND, database_url=url) as serving:
        assert serving.stop(stop) == 0
    assert "Traceback" not in serving.output()


@needs_curl
def test_an_ipv6_host_is_printed_in_brackets(folder: Path) -> None:
    """The printed command works for BOOKING_HOST=::1 as well."""
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError as error:
        pytest.skip(f"no IPv6 here: {error}")
    with served(folder, host="::1") as serving:
        status, _ = serving.run_curl()
    assert status == "200"


def test_a_database_of_ones_own_gets_no_demo(url: str, folder: Path) -> None:
    """With BOOKING_DATABASE_URL nothing is printed, written or made."""
    with served(folder, database_url=url) as serving:
        assert "curl" not in serving.output()
        assert "postgresql://" not in serving.output()
        assert not serving.data_dir.exists()
    assert psql(url, "-c", "select count(*) from organizations") == "0"


@pytest.mark.parametrize(
    "words",
    [
        ("check",),
        ("check", "--json"),
        ("schema", "--apply"),
        ("schema", "--upgrade"),
        ("schema", "--adopt"),
        ("race", "--callers=1", "--mix=slot"),
        (*ADD, "--timezone=UTC", "--region=US"),
        ("org", "list"),
        ("org", "show", "--org", str(UUID(int=0))),
        ("token", "list", "--org", str(UUID(int=0))),
        ("token", "add", "--org", str(UUID(int=0))),
        ("token", "revoke", "--org", str(UUID(int=0)), "an-id"),
    ],
    ids=lambda words: " ".join(words[:2]),
)
def test_a_command_says_on_which_database_it_works(url: str, words: tuple[str, ...]) -> None:
    """The first line of standard error holds the name and the host, and no user or password."""
    parts = urlsplit(url)
    done = run(*words, database_url=url)
    first, _, rest = done.stderr.partition("\n")
    assert first == f"Database {parts.path[1:]} on {parts.hostname}"
    assert "Database " not in done.stdout + rest


def test_serve_says_on_which_database_it_works(url: str, folder: Path) -> None:
    """It does so first, and once; the lines of the log follow, as JSON where that is asked for."""
    parts = urlsplit(url)
    with served(folder, database_url=url, log_format="json") as serving:
        pass
    first, *rest = serving.output().splitlines()
    assert first == f"Database {parts.path[1:]} on {parts.hostname}"
    assert all(isinstance(json.loads(line), dict) for line in rest)


def test_a_database_that_libpqs_variables_name_is_said() -> None:
    """PGHOST leads where the URL names no host; without TLS that is refused."""
    away = {**environ(database_url="postgresql:///d"), "PGHOST": "db.example.com"}
    done = subprocess.run([COMMAND, "check"], env=away, capture_output=True, text=True, check=False)
    assert "sslmode=verify-full" in refused(done)
    near = {**away, "PGHOST": "127.0.0.1", "PGPORT": str(free_port())}
    done = subprocess.run([COMMAND, "check"], env=near, capture_output=True, text=True, check=False)
    assert done.stderr.startswith("Database d on 127.0.0.1\nError: The database does not answer")


def test_a_wrong_setting_is_refused() -> None:
    """One line names the variable."""
    assert "BOOKING_PORT must be" in refused(run("serve", port="nonsense"))


def test_a_database_that_does_not_answer_is_refused() -> None:
    """One line says so, without the password."""
    url = f"postgresql://booking:s3cret@127.0.0.1:{free_port()}/bookings"
    said = refused(run("serve", port=free_port(), database_url=url))
    assert "The database does not answer" in said
    assert "s3cret" not in said


@pytest.mark.parametrize("password", ["s3c#ret", "s3c℀ret"])
def test_a_password_that_is_not_encoded_is_refused(password: str) -> None:
    """One line names the variable and repeats no piece of the password."""
    url = f"postgresql://booking:{password}@127.0.0.1/bookings"
    said = refused(run("schema", "--apply", database_url=url))
    assert "BOOKING_DATABASE_URL" in said
    assert "s3c" not in said


@pytest.mark.parametrize(
    ("option", "name"),
    [
        ("chanel_binding=require", "chanel_binding"),
        ("connect_timeout=10&sslmod%65=disable&foo%5Fbar=1", "foo_bar"),
        ("ssl=true", "ssl"),
        ("statement_timeout=soon", "statement_timeout"),
        ("options=-c%20nonsense%3D1", "nonsense"),
    ],
)
@pytest.mark.parametrize("command", [("check",), ("race", "--callers=1")], ids=lambda c: c[0])
def test_an_option_that_the_server_refuses(
    server_url: str, command: tuple[str, ...], option: str, name: str
) -> None:
    """One line names it and the variable in which it stands, and repeats nothing of the URL."""
    done = run(*command, database_url=f"{server_url}?{option}")
    assert (done.returncode, complaint(done).count("\n")) == (1, 1)
    assert "an option in BOOKING_DATABASE_URL: " in done.stderr
    assert f'parameter "{name}"' in done.stderr
    assert "@" not in done.stderr
    assert (urlsplit(server_url).password or "@") not in done.stderr


def test_an_option_of_libpq_is_no_hindrance(url: str) -> None:
    """The server starts with the URL that a hosted database's own page gives."""
    options = "sslmode=prefer&channel_binding=require&connect_timeout=10"
    with a_folder() as folder, served(folder, database_url=f"{url}?{options}") as serving:
        assert serving.is_healthy()


def test_a_database_without_tables_is_refused(empty_url: str) -> None:
    """One line says how to make the tables."""
    assert "schema --apply" in refused(run("serve", port=free_port(), database_url=empty_url))


def test_schema_prints_the_file() -> None:
    """Byte for byte, to be read or run by whoever owns the database."""
    done = subprocess.run([COMMAND, "schema"], env=environ(), capture_output=True, check=True)
    assert SCHEMA.read_bytes() == done.stdout


def test_schema_can_be_applied_twice(empty_url: str) -> None:
    """The first makes the tables, the second changes nothing."""

    def apply() -> str:
        done = run("schema", "--apply", database_url=empty_url)
        assert (done.returncode, done.stdout, complaint(done)) == (0, "", "")
        return without_key(subprocess.check_output([dump, "--schema-only", empty_url], text=True))

    dump = find_programs() / "pg_dump"
    made = apply()
    assert "CREATE TABLE public.appointments" in made
    assert made == apply()


@dataclass(frozen=True)
class Added:
    """What `org add` printed, and the database it was added to."""

    url: str
    org_id: str
    token: str


@pytest.fixture(scope="module")
def added(server_url: str, template: str) -> Iterator[Added]:
    with a_database(server_url, template) as url:
        done = run(*ADD, "--timezone=Asia/Tokyo", "--region=JP", database_url=url)
        assert (done.returncode, complaint(done)) == (0, "")
        printed = r"\Aorganization (\S+)\ntoken        (\S+)\n\Z"
        [(org_id, token)] = re.findall(printed, done.stdout)
        yield Added(url, org_id, token)


async def test_an_added_token_opens_its_organization(added: Added) -> None:
    """`org add` prints an organization's id and a token that books there."""
    async with serving(Config(database_url=added.url)) as client:
        headers = {"X-Vapi-Secret": added.token}
        reply = await client.post(BOOK, json=arguments(), headers=headers)
    assert reply.status_code == 200
    assert added.org_id == psql(added.url, "-c", "select org_id from appointments")


def test_a_token_is_stored_as_its_hash_only(added: Added) -> None:
    """The token itself is nowhere in the database."""
    dump = subprocess.check_output([find_programs() / "pg_dump", added.url], text=True)
    assert added.token not in dump
    assert f"\\x{hashlib.sha256(added.token.encode()).hexdigest()}" in dump


def test_main_is_booked_unless_said_otherwise(added: Added) -> None:
    """An organization that was added without `--resource` has the one resource `main`."""
    assert psql(added.url, "-c", "select resource from resources") == "main"


def test_resources_can_be_repeated(url: str) -> None:
    """Each `--resource` can be booked, and `main` only where it is named."""
    options = ("--timezone=Asia/Tokyo", "--region=JP", "--resource=Dr. Lee", "--resource=room 2")
    assert run(*ADD, *options, database_url=url).returncode == 0
    statement = "select string_agg(resource, ',' order by resource) from resources"
    assert psql(url, "-c", statement) == "Dr. Lee,room 2"


@pytest.mark.parametrize(
    ("timezone", "region", "problem"),
    [("Mars/Olympus", "US", "timezone: "), ("America/New_York", "ZZ", "phone_region: ")],
)
def test_a_wrong_organization_is_refused(
    url: str, timezone: str, region: str, problem: str
) -> None:
    """An unknown zone or region is one line, and nothing is written."""
    done = run(*ADD, "--timezone", timezone, "--region", region, database_url=url)
    assert problem in refused(done)
    assert psql(url, "-c", "select count(*) from organizations") == "0"


def test_the_module_is_the_command() -> None:
    """`python -m booking_asgi` is `booking-asgi`."""
    module = [sys.executable, "-m", "booking_asgi", "schema"]
    assert SCHEMA.read_bytes() == subprocess.check_output(module, env=environ())


def test_without_a_database_nothing_is_started() -> None:
    """No demo with its published token, unless it is asked for."""
    for words in (
        ("serve",),
        ("check",),
        ("org", "add", "--name", "x", "--timezone", "UTC", "--region", "US"),
    ):
        said = refused(run(*words))
        assert "BOOKING_DATABASE_URL is not set" in said and "serve --demo" in said


@pytest.mark.parametrize("settings", [{"host": "0.0.0.0"}, {"database_url": "postgresql:///d"}])
def test_a_demo_stays_on_this_machine(settings: dict[str, object]) -> None:
    done = run("serve", "--demo", port=free_port(), **settings)
    assert (done.returncode, done.stdout) == (2, "")


def test_the_embedded_server_gets_none_of_our_settings(demo: Serving) -> None:
    """Some are secret."""
    servers = [process for process in processes_of(demo.data_dir) if process != demo.process.pid]
    assert servers
    for server in servers:
        assert b"BOOKING_" not in Path(f"/proc/{server}/environ").read_bytes()


def test_what_kubernetes_sets_is_warned_of(url: str) -> None:
    done = subprocess.run(
        [COMMAND, "token", "list", "--org", str(uuid4())],
        env={**environ(database_url=url), "BOOKING_SERVICE_HOST": "10.0.0.1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "BOOKING_SERVICE_HOST: of Kubernetes, not read" in done.stderr


KILLED = """
import sys
from pathlib import Path
from tests.support.commands import served
from tests.support.processes import wait_until

with served(Path(sys.argv[1])) as serving:
    print(serving.process.pid, flush=True)
    wait_until(lambda: False, 60)
"""


@only_linux
def test_a_killed_test_run_leaves_nothing_behind(folder: Path) -> None:
    """The server that the test run started ends with it, and so does the embedded PostgreSQL."""
    run = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(folder)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=SCHEMA.parent.parent,
    )
    assert run.stdout is not None
    pid = int(run.stdout.readline())
    run.kill()
    run.communicate()
    wait_until(lambda: not is_running(pid) and processes_of(folder / "data") == [])


def test_the_tokens_of_an_unknown_organization(url: str) -> None:
    """The error names the organization's id, and nothing is listed."""
    unknown = str(uuid4())
    for words in (("list",), ("add",)):
        said = refused(run("token", *words, "--org", unknown, database_url=url))
        assert "no organization" in said


def test_a_second_organization_of_a_name_is_refused(url: str) -> None:
    """A name that another organization has is refused, however it is spelled, unless it is asked
    for. The error names that organization, and says how to go on."""
    places = ("--timezone=Asia/Tokyo", "--region=JP")
    done = run("org", "add", "--name", "O'Neill Dental", *places, database_url=url)
    org_id = done.stdout.split()[1]
    again = ("org", "add", "--name", "O\u2019NEILL  Dental", *places)
    assert refused(run(*again, database_url=url)) == (
        f"Error: The organization {org_id} has the name O'Neill Dental already. For another token"
        f" of it: booking-asgi token add --org {org_id}. To add a second organization of this"
        " name, add --even-so.\n"
    )
    assert psql(url, "-c", "select count(*) from organizations") == "1"
    assert run(*again, "--even-so", database_url=url).returncode == 0
    assert psql(url, "-c", "select count(*) from organizations") == "2"


def test_organizations_are_listed_and_shown(added: Added) -> None:
    """The commands print all that an operator looks for, and JSON for programs."""
    org_id = added.org_id
    listed = run("org", "list", database_url=added.url)
    assert listed.stdout == f"{org_id}  Clinic  Asia/Tokyo  JP  1 live token  main\n"
    psql(
        added.url,
        "-c",
        "delete from appointments; delete from contacts;"
        "insert into contacts (org_id, phone) select id, '+15550000000' from organizations;"
        "insert into appointments (org_id, contact_id, resource, service_type, scheduled_at)"
        " select org_id, id, 'main', 'x', now() + interval '1 day' from contacts",
    )
    shown = run("org", "show", "--org", org_id, database_url=added.url)
    assert shown.stdout.splitlines() == [
        f"organization {org_id}",
        "name         Clinic",
        "time zone    Asia/Tokyo",
        "phone region JP",
        "resources    main",
        "live tokens  1",
        "to come      1 confirmed",
    ]
    about = {
        "id": org_id,
        "name": "Clinic",
        "timezone": "Asia/Tokyo",
        "phone_region": "JP",
        "resources": ["main"],
        "live_tokens": 1,
    }
    assert json.loads(run("org", "list", "--json", database_url=added.url).stdout) == [about]
    as_json = run("org", "show", "--json", "--org", org_id, database_url=added.url).stdout
    assert json.loads(as_json) == {**about, "future_appointments": {"confirmed": 1}}


def test_an_unknown_organization_is_not_shown(url: str) -> None:
    """The error names its id. The list of a database without organizations is empty."""
    unknown = str(uuid4())
    assert unknown in refused(run("org", "show", "--org", unknown, database_url=url))
    assert run("org", "list", database_url=url).stdout == ""
    assert json.loads(run("org", "list", "--json", database_url=url).stdout) == []
