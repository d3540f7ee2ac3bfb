"""The command `booking-asgi` as a process: run to its end, or serving."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import httpx
from click.testing import CliRunner

from booking_asgi.command import main
from tests.support.processes import end_with_parent, wait_until

IN_PROCESS = {
    *("check", "schema", "org", "token", "tool"),
    *("resource", "hours", "service", "closure", "holidays"),
    *("appointment", "history", "contact", "prune"),
}
COMMAND = Path(sys.executable).with_name("booking-asgi")


BOOK = "/api/vapi/tools/book-appointment"


STOPS = (signal.SIGINT, signal.SIGTERM)


IN_BACKGROUND = ("sh", "-c", 'trap \'\' INT; exec "$0" "$@"')
"""Before a command: as a shell without job control starts it, with SIGINT ignored."""


def environ(**settings: object) -> dict[str, str]:
    """Ours without its settings, but for those that the server needs, and with these."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith("BOOKING_")}
    ours.pop("PYTHONDONTWRITEBYTECODE", None)  # or each command would compile what it imports
    for name in ("BOOKING_PG_BIN", "BOOKING_STATEMENT_CACHE_SIZE"):
        if value := os.environ.get(name):
            ours[name] = value
    return {**ours, **{f"BOOKING_{name.upper()}": str(value) for name, value in settings.items()}}


def run(*words: str, **settings: object) -> subprocess.CompletedProcess[str]:
    """The command, run to its end as a process. What only asks or changes a database runs in this
    one, on a thread with a loop of its own: a start of Python takes longer than all else."""
    if words[0] not in IN_PROCESS:
        return run_process(*words, **settings)
    ours = environ(**settings)
    # None is for the variables that it must not see.
    env = {**{name: None for name in os.environ if name not in ours}, **ours}
    with ThreadPoolExecutor(1) as thread:
        done = thread.submit(
            CliRunner().invoke, main, words, env=env, prog_name="booking-asgi"
        ).result()
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return subprocess.CompletedProcess(list(words), done.exit_code, done.stdout, done.stderr)


def run_process(*words: str, **settings: object) -> subprocess.CompletedProcess[str]:
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
    said = complaint(done)
    assert (done.returncode, done.stdout, said.count("\n")) == (1, "", 1), done
    assert said.startswith("Error: ")
    return said


def complaint(done: subprocess.CompletedProcess[str]) -> str:
    """Standard error without the line that names the database."""
    return re.sub(r"\ADatabase .+ on .+\n", "", done.stderr)


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
        return httpx.get(f"{self.base}/api/ready", timeout=30).status_code == 200

    def has_ended(self) -> bool:
        return self.process.poll() is not None

    @property
    def database_url(self) -> str:
        [url] = re.findall(r"^Database: (.+)$", self.output(), re.MULTILINE)
        return str(url)

    def run_curl(self) -> tuple[str, dict[str, object]]:
        """The status and the content of the reply to the command that is printed."""
        [printed] = re.findall(r"curl .*?(?=\n\n)", self.output(), re.DOTALL)
        done = subprocess.run(
            ["sh", "-c", f"{printed} -w '\\n%{{http_code}}'"],
            capture_output=True,
            text=True,
            timeout=30,
            check=True,
        )
        body, _, status = done.stdout.rpartition("\n")
        return status, json.loads(json.loads(body)["toolResult"]["content"])

    def stop(self, stop_signal: signal.Signals = signal.SIGINT) -> int:
        """Send the signal to the whole process group, as the terminal does."""
        if not self.has_ended():
            os.killpg(self.process.pid, stop_signal)
        return self.process.wait(60)


@contextlib.contextmanager
def served(
    folder: Path, start: tuple[str, ...] = (), /, *, host: str = "127.0.0.1", **settings: object
) -> Iterator[Serving]:
    """`booking-asgi serve` that answers, with its data below `folder`."""
    port, data_dir, said = free_port(), folder / "data", folder / "output"
    given: dict[str, object] = {"port": port, "host": host, "data_dir": data_dir, **settings}
    with said.open("wb") as output:
        process = subprocess.Popen(
            [*start, COMMAND, "serve", *([] if "database_url" in settings else ["--demo"])],
            env=environ(**given),
            stdout=output,
            stderr=output,
            start_new_session=True,
            preexec_fn=end_with_parent,
        )
    base = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
    serving = Serving(process, port, data_dir, base, said)
    try:
        # It listens before it starts anything, and answers when it can.
        wait_until(lambda: answers(port, host) or serving.has_ended())
        assert not serving.has_ended(), serving.output()
        wait_until(serving.is_healthy)
        yield serving
    finally:
        serving.stop()


def without_key(dump: str) -> str:
    """Newer versions of pg_dump put a random key around what they write."""
    return re.sub(r"^\\(un)?restrict .*$", "", dump, flags=re.MULTILINE)
