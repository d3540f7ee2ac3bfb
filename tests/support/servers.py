"""The PostgreSQL that the tests run on: a container where Docker can give one, else embedded."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from booking_asgi.command.postgres import EmbeddedPostgres, find_programs
from tests.support import containers
from tests.support.processes import memory

IMAGE = os.environ.get("BOOKING_TEST_IMAGE") or "postgres:18"
# The superuser's name: no test may count on the one that most servers have.
USER = os.environ.get("BOOKING_TEST_USER") or "postgres"
PG_BIN = os.environ.get("BOOKING_PG_BIN")
# What `make elsewhere` turns: a PgBouncer in transaction mode in front, and hash partitions.
BOUNCER = bool(os.environ.get("BOOKING_TEST_BOUNCER"))
PARTITIONS = int(os.environ.get("BOOKING_TEST_PARTITIONS", "0"))
STATEMENT_CACHE_SIZE = int(os.environ.get("BOOKING_STATEMENT_CACHE_SIZE", "100"))
# Nothing of a test has to survive the machine. Fault tests and benchmarks turn these on.
FAST = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


@dataclass(frozen=True)
class Choice:
    """`kind` is docker, embedded, or the URL of a server that is already there."""

    kind: str
    reason: str

    def __str__(self) -> str:
        return f"{self.kind.partition('://')[0]} ({self.reason})"


def choose() -> Choice:
    """BOOKING_TEST_DATABASE, else Docker where an engine has or can pull the images.

    Raises `pytest.UsageError` where what BOOKING_TEST_DATABASE says can't be had.
    """
    forced = os.environ.get("BOOKING_TEST_DATABASE") or ""
    if forced == "embedded" or forced.startswith(("postgres://", "postgresql://")):
        return Choice(forced, "BOOKING_TEST_DATABASE")
    if forced not in ("", "docker"):
        raise pytest.UsageError(
            "BOOKING_TEST_DATABASE must be docker, embedded or postgresql://..."
        )
    problem = containers.find_problem(IMAGE)
    if problem is None:
        return Choice("docker", f"image {IMAGE}")
    if forced:
        raise pytest.UsageError(f"BOOKING_TEST_DATABASE=docker, but {problem}")
    return Choice("embedded", problem)


def programs() -> Path:
    """The folder of the client programs that are of the embedded server's version."""
    return Path(PG_BIN) if PG_BIN else find_programs()


@contextlib.contextmanager
def running(choice: Choice) -> Iterator[str]:
    """The URL of a database on which the tests may create others. Raises `DidNotStart`."""
    if choice.kind == "embedded":
        programs = Path(PG_BIN) if PG_BIN else None
        with tempfile.TemporaryDirectory(prefix="booking-tests-", dir=memory()) as folder:
            Path(folder).chmod(0o755)  # within reach of the user that stands in for root
            server = EmbeddedPostgres(
                Path(folder) / "data", programs=programs, settings=FAST, superuser=USER
            )
            with server.running() as url:
                yield url
    elif choice.kind == "docker":
        with containers.running(IMAGE, USER, FAST) as url:
            yield url
    else:
        yield choice.kind


@contextlib.contextmanager
def bounced(url: str) -> Iterator[str]:
    """The user, host and port of a PgBouncer in transaction mode before the server of `url`."""
    program = shutil.which("pgbouncer", path=f"{os.environ['PATH']}:/usr/sbin")
    assert program is not None, "BOOKING_TEST_BOUNCER needs a pgbouncer on the PATH"
    server = urlsplit(url)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with tempfile.TemporaryDirectory(prefix="booking-bouncer-") as folder:
        Path(folder).chmod(0o755)  # within reach of nobody, for PgBouncer refuses root
        users, settings = Path(folder) / "users.txt", Path(folder) / "pgbouncer.ini"
        users.write_text(f'"{server.username}" "{server.password}"\n')
        settings.write_text(
            f"""
            [databases]
            * = host={server.hostname} port={server.port} auth_user={server.username}
            [pgbouncer]
            pool_mode = transaction
            listen_addr = 127.0.0.1
            listen_port = {port}
            unix_socket_dir =
            auth_type = scram-sha-256
            auth_file = {users}
            max_client_conn = 2000
            default_pool_size = 50
            server_idle_timeout = 5
            """.replace("            ", "")
        )
        as_nobody = ["-u", "nobody"] if os.geteuid() == 0 else []
        with (
            (Path(folder) / "log").open("wb") as log,
            subprocess.Popen([program, *as_nobody, str(settings)], stderr=log) as process,
        ):
            try:
                _wait_for(port)
                yield f"{server.username}:{server.password}@127.0.0.1:{port}"
            finally:
                process.kill()


def _wait_for(port: int) -> None:
    give_up = time.monotonic() + 10
    while True:
        try:
            return socket.create_connection(("127.0.0.1", port)).close()
        except OSError:
            if time.monotonic() > give_up:
                raise
            time.sleep(0.05)


def partitioned(schema: str, number: int) -> str:
    """The tables of that schema, all but the organizations' and the tokens', in hash partitions."""
    for table in ("contacts", "resources", "appointments"):
        # What a table is stored with is for its partitions to have.
        parts = "".join(
            f"create table {table}_{part} partition of {table}"
            rf" for values with (modulus {number}, remainder {part})\2;\n"
            for part in range(number)
        )
        whole = rf"(create table if not exists {table} \(.*?\n\))( with .*?)?;"
        schema, found = re.subn(
            whole, rf"\1 partition by hash (org_id);\n{parts}", schema, flags=re.DOTALL
        )
        assert found == 1
    return schema
