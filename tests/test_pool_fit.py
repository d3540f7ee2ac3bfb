"""What `booking-asgi check` says of BOOKING_POOL_SIZE."""

from __future__ import annotations

import json
import re

import pytest

from tests.conftest import psql
from tests.support.commands import run


@pytest.mark.parametrize("beyond", [0, 1])
def test_a_pool_that_does_not_fit_is_noted(url: str, beyond: int) -> None:
    """From the size on that leaves nobody else a connection, with the numbers. A note is no fault:
    the exit code stays."""
    most = int(psql(url, "-c", "show max_connections"))
    reserved = int(psql(url, "-c", "show superuser_reserved_connections"))
    done = run("check", database_url=url, pool_size=most - reserved - 1 + beyond)
    notes = re.findall(r"^note pool: .*$", done.stdout, re.MULTILINE)
    assert done.returncode == run("check", database_url=url).returncode
    assert len(notes) == beyond
    if beyond:
        assert f"max_connections {most}, of which {reserved} are reserved" in notes[0]


def test_a_program_reads_it_too(url: str) -> None:
    done = run("check", "--json", database_url=url, pool_size=1000)
    assert "pool" in [finding["what"] for finding in json.loads(done.stdout)]
