"""Zones by name: the newest rules win, and the database's are held against them."""

from __future__ import annotations

import copy
import importlib
import pickle
import zoneinfo
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from booking_core import Connection, Finding, Organization, preflight
from booking_core.zones import read_version, system_version, zone
from tests.support.factories import a_clinic

TZDATA: Any = importlib.import_module("tzdata")
PACKAGED = Path(TZDATA.__file__).parent / "zoneinfo"
NAME = "America/New_York"
NOON = datetime(2027, 1, 15, 12, tzinfo=UTC)


@pytest.fixture
def system(tmp_path: Path) -> Iterator[Path]:
    """A folder that is the system's, in which New York has Tokyo's clocks."""
    (tmp_path / "America").mkdir()
    (tmp_path / NAME).write_bytes((PACKAGED / "Asia" / "Tokyo").read_bytes())
    before = zoneinfo.TZPATH
    zoneinfo.reset_tzpath([str(tmp_path)])
    zoneinfo.ZoneInfo.clear_cache()
    yield tmp_path
    zoneinfo.reset_tzpath(before)
    zoneinfo.ZoneInfo.clear_cache()


def hours(name: str) -> float:
    offset = NOON.astimezone(zone(name)).utcoffset()
    assert offset is not None
    return offset / timedelta(hours=1)


@pytest.mark.parametrize(
    ("file", "text", "expected"),
    [
        ("tzdata.zi", "# version 2999a\n# more\n", 9),
        ("+VERSION", "2999a\n", 9),
        ("tzdata.zi", f"# version {TZDATA.IANA_VERSION}\n", 9),
        ("tzdata.zi", "# version 2019c\n", -5),
        ("tzdata.zi", "# version unknown\n", -5),
        ("+VERSION", "", -5),
        ("README", "2999a", -5),
    ],
)
def test_the_newest_rules_win(system: Path, file: str, text: str, expected: int) -> None:
    """The system's where they are as new as the package's; of no known release they are older."""
    (system / file).write_text(text)
    assert hours(NAME) == expected
    assert zone(NAME).key == str(zone(NAME)) == NAME
    assert Organization(id=uuid4(), timezone=NAME, phone_region="US").zone is zone(NAME)


def test_a_zone_of_the_system_alone_is_kept(system: Path) -> None:
    """A zone that only the system has is found, and so is one that only the package has."""
    (system / "Own").write_bytes((PACKAGED / "Asia" / "Tokyo").read_bytes())
    assert hours("Own") == hours("Asia/Tokyo") == 9


def test_vancouver_keeps_daylight_time() -> None:
    """Vancouver keeps daylight time by the rules since 2026, whatever rules the machine has."""
    assert TZDATA.IANA_VERSION >= "2026b"
    start = datetime(2027, 1, 15, 14, tzinfo=zone("America/Vancouver"))
    assert start.astimezone(UTC) == datetime(2027, 1, 15, 21, tzinfo=UTC)


def test_a_zone_can_be_copied_and_pickled(system: Path) -> None:
    """A zone can be copied and pickled, as one of Python's own can."""
    start = datetime(2027, 1, 15, 14, tzinfo=zone(NAME))
    assert pickle.loads(pickle.dumps(start)) == copy.deepcopy(start) == start
    assert pickle.loads(pickle.dumps(start)).tzinfo is zone(NAME)


@pytest.mark.parametrize(
    "name",
    [
        *("../etc/passwd", "/etc/passwd", "America/../UTC", "America", "", "..", ".", "Mars/Base"),
        *("tzdata.zi", "zone.tab", "__init__.py", "a\0b", "x" * 5000, "\ud800", "é" * 300),
        *(None, 3, ["UTC"], b"UTC", True),
    ],
)
def test_what_is_no_zone_is_refused(name: str) -> None:
    """A name that is no zone is refused as by ZoneInfo, and so by an organization. Nothing outside
    of the folders is read."""
    with pytest.raises((ValueError, OSError, TypeError, LookupError)):
        zone(name)


@pytest.mark.parametrize(
    ("older", "newer"), [("2025b", "2026a"), ("2026f", "2026g"), ("2026z", "2026za")]
)
def test_versions_are_compared(older: str, newer: str) -> None:
    """Versions are compared by their year, then by their letters, of which there may be two."""
    first, second = read_version(older), read_version(f"# version {newer}\n")
    assert first is not None and second is not None
    assert first < second
    assert read_version("no version") is None


def test_a_folder_without_a_version_has_none(tmp_path: Path) -> None:
    assert system_version(str(tmp_path)) is None
    assert system_version(str(tmp_path / "missing")) is None


async def clocks(conn: Connection) -> list[Finding]:
    return [found for found in await preflight(conn) if found.what.startswith("zone ")]


async def test_the_databases_clocks_are_held_against_ours(system: Path, conn: Connection) -> None:
    """A zone in use whose clocks differ is a warning: its name, both offsets, the first day."""
    await a_clinic(conn, timezone="Europe/Berlin")
    assert await clocks(conn) == []
    (system / "+VERSION").write_text("2999a")
    await a_clinic(conn, timezone=NAME)
    [finding] = await clocks(conn)
    assert (finding.what, finding.severity) == (f"zone {NAME}", "warning")
    assert "+09:00" in finding.problem
    assert "-04:00" in finding.problem or "-05:00" in finding.problem
    assert f"{datetime.now(UTC):%Y-%m-%d}" in finding.problem


async def test_a_zone_that_the_database_does_not_know(system: Path, conn: Connection) -> None:
    """A warning that names it."""
    (system / "Own").mkdir()
    (system / "Own" / "Zone").write_bytes((PACKAGED / "Asia" / "Tokyo").read_bytes())
    await a_clinic(conn, timezone="Own/Zone")
    [finding] = await clocks(conn)
    assert (finding.what, finding.severity) == ("zone Own/Zone", "warning")
    assert "does not know" in finding.problem


@pytest.mark.parametrize("name", ["", "Mars/Base", "'; select 1", "../UTC", "x" * 300, "é"])
async def test_an_odd_name_breaks_no_check(conn: Connection, name: str) -> None:
    """It is found as a zone that nobody knows."""
    await conn.execute(
        "insert into organizations (name, timezone, phone_region) values ('o', $1, 'US')", name
    )
    assert "organizations.timezone" in [found.what for found in await preflight(conn)]


@pytest.mark.parametrize("later", [200, 700])
async def test_a_change_within_the_horizon_is_found(
    system: Path, conn: Connection, later: int
) -> None:
    """With the first day from which the clocks differ, though they are alike until then."""
    change = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    change += timedelta(days=later)
    (system / "Own").write_bytes(a_change(change))
    (system / "+VERSION").write_text("2999a")
    (system / "Etc").mkdir()
    (system / "Etc" / "UTC").write_bytes(a_change(change))
    await a_clinic(conn, timezone="Etc/UTC")
    [finding] = await clocks(conn)
    assert f"{change:%Y-%m-%d}" in finding.problem
    assert "+01:00" in finding.problem and "+00:00" in finding.problem


def a_change(at: datetime) -> bytes:
    """A zone file: UTC until then, an hour ahead from then on."""
    header = b"TZif2" + bytes(15)
    counts = [0, 0, 0, 1, 2, 8]
    types = (0).to_bytes(4, "big") + b"\0\0" + (3600).to_bytes(4, "big") + b"\0\4"
    body = b"".join(count.to_bytes(4, "big") for count in counts)
    first = int(at.timestamp())
    return b"".join(
        [
            *(header, body, first.to_bytes(4, "big"), b"\1", types, b"UTC\0ONE\0"),
            *(header, body, first.to_bytes(8, "big"), b"\1", types, b"UTC\0ONE\0", b"\nONE-1\n"),
        ]
    )


@pytest.mark.parametrize("zone", ["EST", "Etc/GMT+5"])
async def test_a_stored_zone_of_no_place_is_found(conn: Connection, zone: str) -> None:
    """An organization that has one still books; its July is an hour off, and `check` says so."""
    clinic = await a_clinic(conn)
    set_zone = "update organizations set timezone = $2 where id = $1"
    await conn.execute(set_zone, clinic.id, zone)
    [finding] = await clocks(conn)
    assert (finding.what, finding.severity) == (f"zone {zone}", "warning")
    assert "follows the clocks of no place" in finding.problem
