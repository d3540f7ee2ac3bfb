"""A server of their own for the faults, with the settings that keep what is acknowledged."""

from __future__ import annotations

import re
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from booking_asgi.command.postgres import EmbeddedPostgres, find_programs
from tests.conftest import SCHEMA, a_database, psql
from tests.faults.figures import Figures
from tests.support.outages import quick_collections as quick_collections
from tests.support.servers import PG_BIN

FIGURES = pytest.StashKey[Figures]()
PROGRAMS = Path(PG_BIN) if PG_BIN else find_programs()


def server_version() -> str:
    """The version of the embedded server, which is harmed whatever the other tests run on."""
    told = subprocess.check_output([PROGRAMS / "postgres", "--version"], text=True)
    [version] = re.findall(r"PostgreSQL\) (\S+)", told)
    return f"PostgreSQL {version}"


def pytest_report_collectionfinish(items: list[pytest.Item]) -> list[str]:
    if any(item.path.is_relative_to(Path(__file__).parent) for item in items):
        return [f"faults: embedded servers of their own, {server_version()}"]
    return []


def pytest_configure(config: pytest.Config) -> None:
    config.stash[FIGURES] = Figures()


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, exitstatus: pytest.ExitCode
) -> None:
    config = terminalreporter.config
    figures = config.stash[FIGURES]
    if not figures.rows:
        return
    terminalreporter.write_sep("=", "faults")
    for line in figures.lines():
        terminalreporter.write_line(line)
    if config.getoption("--keep-figures") and exitstatus == pytest.ExitCode.OK:
        figures.keep("all cases" if config.getoption("--full") else "a sample of the cases")


@pytest.fixture(scope="session")
def figures(request: pytest.FixtureRequest) -> Figures:
    figures = request.config.stash[FIGURES]
    figures.server = server_version()
    return figures


@pytest.fixture(scope="module")
def durable() -> Iterator[EmbeddedPostgres]:
    """A server that is harmed: fsync, full_page_writes and synchronous_commit are on."""
    with tempfile.TemporaryDirectory(prefix="booking-faults-") as folder:
        Path(folder).chmod(0o755)  # within reach of the user that stands in for root
        server = EmbeddedPostgres(Path(folder) / "data", programs=PROGRAMS)
        with server.running() as url:
            psql(url, "-c", "create database tables template template0")
            psql(urlsplit(url)._replace(path="/tables").geturl(), "-f", str(SCHEMA))
            yield server


@pytest.fixture
def durable_url(durable: EmbeddedPostgres) -> Iterator[str]:
    """A database with the tables, of the test's own."""
    with a_database(durable.url, "tables") as url:
        yield url
