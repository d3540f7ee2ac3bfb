"""No space is left on the server's disk: whoever was acknowledged is there when there is again."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import itertools
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import pytest

from booking_asgi import Config
from booking_asgi.command.postgres import EmbeddedPostgres
from tests.conftest import SCHEMA, connected, psql, serving
from tests.faults.figures import Figures
from tests.faults.ledger import Ledger, a_busy_clinic
from tests.support.factories import TOKEN
from tests.support.servers import PG_BIN

AT_ONCE = 8
# Of what is written, little stands ready for more.
SMALL = {"max_wal_size": "64MB", "min_wal_size": "32MB"}


@pytest.fixture
def disk() -> Iterator[Path]:
    """A small one of the test's own."""
    with tempfile.TemporaryDirectory(prefix="booking-faults-") as folder:
        Path(folder).chmod(0o755)  # within reach of the user that stands in for root
        mounted = Path(folder) / "disk"
        mounted.mkdir(mode=0o700)
        command = ["mount", "-t", "tmpfs", "-o", "size=220m,mode=0700", "tmpfs", str(mounted)]
        try:
            done = subprocess.run(command, capture_output=True, text=True)
        except FileNotFoundError:
            pytest.skip("there is no mount")
        if done.returncode != 0:
            pytest.skip(f"only root can mount a small disk: {done.stderr.strip()}")
        try:
            yield mounted
        finally:
            subprocess.run(["umount", "--lazy", str(mounted)], check=True)


def fill(ballast: Path) -> None:
    """All of the disk, to the last page that it gives."""
    with ballast.open("ab", buffering=0) as file:
        while True:
            try:
                file.write(bytes(1 << 16))
            except OSError as error:
                if error.errno == errno.ENOSPC:
                    return
                raise


async def use_up_log(url: str) -> None:
    """Until the server has no room for another segment of its log, and stops for it."""
    with contextlib.suppress(asyncpg.PostgresError, asyncpg.InterfaceError, OSError):
        async with asyncio.timeout(20), connected(url) as conn:
            for _ in range(50):
                await conn.execute("select pg_logical_emit_message(false, '', ''), pg_switch_wal()")


async def test_the_disk_is_full(disk: Path, full: bool, figures: Figures) -> None:
    """Refusals and a server that stops in panic, under load; then space again, and all is there."""
    programs = Path(PG_BIN) if PG_BIN else None
    server = EmbeddedPostgres(disk, programs=programs, settings=SMALL)
    with server.running():
        psql(server.url, "-c", "create database clinic template template0")
        url = urlsplit(server.url)._replace(path="/clinic").geturl()
        psql(url, "-f", str(SCHEMA))
        sockets = Path(psql(server.url, "-c", "show unix_socket_directories"))
        async with connected(url) as conn:
            clinic = await a_busy_clinic(conn, TOKEN)
        config = Config(database_url=url, pool_size=AT_ONCE)
        async with serving(config) as client:
            ledger = Ledger(client)
            done = False
            numbers = itertools.takewhile(lambda _: not done, itertools.count())
            load = asyncio.create_task(ledger.run(numbers, at_once=AT_ONCE))
            try:
                await heard(ledger, "200", 1500 if full else 200)
                ballast = disk / "ballast"
                await asyncio.to_thread(fill, ballast)
                await heard(ledger, "503", 16)
                await use_up_log(url)
                ballast.unlink()
            finally:
                done = True
                await load
            assert server.process is not None
            stopped = server.process.poll() is not None
            if stopped:
                server.start(sockets)
            await ledger.settle(at_once=AT_ONCE)
        async with connected(url) as conn:
            counts = await ledger.verify(conn, clinic)
    panics = server.log.read_text(errors="replace").count("PANIC: ")
    assert panics > 0
    figures.add(
        "disk full, then space again",
        f"0 lost, 0 doubled of {counts['acknowledged']:,}; {ledger.heard['503']} told 503,"
        f" the server {'stopped' if stopped else 'restarted itself'};"
        f" {ledger.longest_gap():.1f} s without a success",
        acknowledged=counts["acknowledged"],
    )


async def heard(ledger: Ledger, what: str, how_often: int) -> None:
    async with asyncio.timeout(120):
        while ledger.heard[what] < how_often:  # noqa: ASYNC110  # the ledger tells nobody
            await asyncio.sleep(0.005)
