"""A dump that is restored: the guarantees and the bookings are there again."""

from __future__ import annotations

import subprocess
from pathlib import Path

from booking_asgi.command.postgres import find_programs
from booking_core import Booked, BookingRequest, SlotTaken, book, preflight
from tests.conftest import a_database, connected
from tests.support.factories import TOKEN, a_clinic, a_request


async def test_a_restored_database_is_whole(url: str, server_url: str, tmp_path: Path) -> None:
    """`preflight` finds as little as before, a repeat gets the same appointment, nobody else gets
    its time, and the token is still known."""
    async with connected(url) as conn:
        clinic = await a_clinic(conn, token=TOKEN)
        first = await book(conn, a_request(clinic, idempotency_key="a-key"))
        before = await preflight(conn)
    assert isinstance(first, Booked)
    dump = str(tmp_path / "booking.dump")
    run("pg_dump", "--format=custom", "--no-owner", f"--file={dump}", url)
    with a_database(server_url, "template0") as restored:
        run("pg_restore", "--exit-on-error", "--no-owner", f"--dbname={restored}", dump)
        async with connected(restored) as conn:
            assert await preflight(conn) == before
            again = await book(conn, a_request(clinic, idempotency_key="a-key"))
            other: BookingRequest = a_request(clinic, phone="+15557654321", name="Eve")
            assert isinstance(again, Booked)
            assert (again.appointment_id, again.created) == (first.appointment_id, False)
            assert isinstance(await book(conn, other), SlotTaken)
            assert await conn.fetchval("select count(*) from vapi_credentials") == 1


def run(program: str, *arguments: str) -> None:
    command = [str(find_programs() / program), *arguments]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
