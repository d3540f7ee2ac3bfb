"""A dump that is restored: the guarantees and the bookings are there again."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

from booking_core import Booked, Finding, SlotTaken, book, preflight
from tests.conftest import connected
from tests.support import servers
from tests.support.factories import TOKEN, a_caller, a_clinic, a_request


async def test_a_restored_database_is_whole(url: str, empty_url: str, tmp_path: Path) -> None:
    """`preflight` finds as little as before, a repeat gets the same appointment, nobody else gets
    its time, and the token is still known."""
    async with connected(url) as conn:
        clinic = await a_clinic(conn, token=TOKEN)
        first = await book(conn, a_request(clinic, idempotency_key="a-key"))
        before = briefly(await preflight(conn))
    assert isinstance(first, Booked)
    dump = str(tmp_path / "booking.dump")
    run("pg_dump", "--format=custom", "--no-owner", f"--file={dump}", url)
    run("pg_restore", "--exit-on-error", "--no-owner", f"--dbname={empty_url}", dump)
    async with connected(empty_url) as conn:
        assert briefly(await preflight(conn)) == before
        again = await book(conn, a_request(clinic, idempotency_key="a-key"))
        assert isinstance(again, Booked)
        assert (again.appointment_id, again.created) == (first.appointment_id, False)
        other = a_request(clinic, phone=a_caller(1), name="Eve")
        assert isinstance(await book(conn, other), SlotTaken)
        assert await conn.fetchval("select count(*) from vapi_credentials") == 1


def briefly(findings: Sequence[Finding]) -> list[tuple[str, str]]:
    """Without the SQL, which may name the database."""
    return [(finding.what, finding.problem) for finding in findings]


def run(program: str, *arguments: str) -> None:
    command = [str(servers.programs() / program), *arguments]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
