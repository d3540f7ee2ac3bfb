from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from booking_asgi import Config
from booking_asgi.postgres import find_programs
from tests.conftest import SCHEMA, a_database, connected, psql, serving
from tests.factories import arguments
from tests.test_postgres import a_folder, processes_of, wait_until

COMMAND = Path(sys.executable).with_name("booking-asgi")
DEMO_HEADERS = {"X-Vapi-Secret": "demo-token"}
BOOK = "/api/vapi/tools/book-appointment"
ADD = ("org", "add", "--name", "Clinic")

only_linux = pytest.mark.skipif(sys.platform != "linux", reason="Linux: needs /proc")
needs_curl = pytest.mark.skipif(shutil.which("curl") is None, reason="no curl here")


@pytest.fixture(scope="module", autouse=True)
def bytecode() -> Iterator[None]:
    """A cache of the tests' own: without one, each command compiles what it imports."""
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)
        patch.setenv("PYTHONPYCACHEPREFIX", folder)
        yield


def environ(**settings: object) -> dict[str, str]:
    """Ours without its settings, but for where the programs are, and with these."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith("BOOKING_")}
    if programs := os.environ.get("BOOKING_PG_BIN"):
        ours["BOOKING_PG_BIN"] = programs
    return {**ours, **{f"BOOKING_{name.upper()}": str(value) for name, value in settings.items()}}


def run(*words: str, **settings: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [COMMAND, *words],
        env=environ(**settings),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def refused(done: subprocess.CompletedProcess[str]) -> str:
    """The one line that a command says which exits with 1 and does nothing else."""
    assert (1, "", 1) == (done.returncode, done.stdout, done.stderr.count("\n")), done
    assert done.stderr.startswith("Error: ")
    return done.stderr


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def answers(port: int, host: str = "127.0.0.1") -> bool:
    with contextlib.suppress(OSError), socket.create_connection((host, port), timeout=5):
        return True
    return False


@dataclass(frozen=True)
class Serving:
    process: subprocess.Popen[bytes]
    port: int
    data_dir: Path
    base: str
    said: Path

    def output(self) -> str:
        return self.said.read_text()

    def is_healthy(self) -> bool:
        assert self.process.poll() is None, self.output()
        with contextlib.suppress(httpx.TransportError):
            return httpx.get(f"{self.base}/api/health").status_code == 200
        return False

    @property
    def database_url(self) -> str:
        return re.findall(r"^Database: (.+)$", self.output(), re.MULTILINE)[0]

    def run_curl(self) -> tuple[str, dict[str, object]]:
        """The status and the content of the reply to the command that is printed."""
        printed = re.findall(r"curl .*?(?=\n\n)", self.output(), re.DOTALL)
        done = subprocess.run(
            ["sh", "-c", f"{printed[0]} -w '\\n%{{http_code}}'"],
            capture_output=True,
            text=True,
            timeout=30,
            check=True,
        )
        body, _, status = done.stdout.rpartition("\n")
        return status, json.loads(json.loads(body)["toolResult"]["content"])

    def stop(self, stop_signal: signal.Signals = signal.SIGINT) -> int:
        """As the terminal does: to the whole process group."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, stop_signal)
        return self.process.wait(60)


@contextlib.contextmanager
def served(folder: Path, host: str = "127.0.0.1", **settings: object) -> Iterator[Serving]:
    """`booking-asgi serve` that answers, with its data below `folder`."""
    port, data_dir, said = free_port(), folder / "data", folder / "output"
    given: dict[str, object] = {"port": port, "host": host, "data_dir": data_dir, **settings}
    with said.open("wb") as output:
        process = subprocess.Popen(
            [COMMAND, "serve"],
            env=environ(**given),
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    base = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
    serving = Serving(process, port, data_dir, base, said)
    try:
        wait_until(serving.is_healthy)
        yield serving
    finally:
        serving.stop()


@pytest.fixture(scope="module")
def demo() -> Iterator[Serving]:
    """A server of the tests that leave it as it is."""
    with a_folder() as folder, served(folder) as serving:
        yield serving


@pytest.fixture
def folder() -> Iterator[Path]:
    with a_folder() as folder:
        yield folder


@pytest.fixture
def empty_url(server_url: str) -> Iterator[str]:
    """A database without the tables."""
    with a_database(server_url, "template0") as url:
        yield url


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
    assert demo.run_curl() == demo.run_curl()


def test_a_folder_in_use_is_refused(demo: Serving) -> None:
    """A second server on the folder is one line; the first one goes on."""
    done = run("serve", port=free_port(), data_dir=demo.data_dir)
    assert f"{demo.data_dir} is in use by another server" in refused(done)
    assert demo.is_healthy()


def test_a_port_in_use_starts_nothing(demo: Serving, folder: Path) -> None:
    """Where the port is taken, no database is even made."""
    done = run("serve", port=demo.port, data_dir=folder / "data")
    assert f"127.0.0.1:{demo.port}: Address already in use" in refused(done)
    assert [] == list(folder.iterdir())  # noqa: SIM300
