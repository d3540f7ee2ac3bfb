"""Time zones by name, by the newest rules there are: those of the package tzdata or the system's.

Python itself takes the system's wherever there are any, however old they are.
"""

from __future__ import annotations

import importlib
import re
import zoneinfo
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any, TypeAlias
from zoneinfo import ZoneInfo

Version: TypeAlias = tuple[int, int, str]
OLDEST: Version = (0, 0, "")
NO_REGIONS = {"Etc", "right", "posix", "SystemV"}
VERSION = re.compile(r"\b(\d{4})([a-z]+)\b")


class PackagedZone(ZoneInfo):
    """A zone that was read from the package, and can be copied and pickled all the same."""

    def __reduce__(self) -> tuple[Any, ...]:
        return zone, (self.key,)


def zone(name: str) -> ZoneInfo:
    """The zone of that IANA name.

    Raises what `ZoneInfo(name)` raises where there is none: ZoneInfoNotFoundError, ValueError,
    OSError, or TypeError where the name is no text.
    """
    return _zone(name, zoneinfo.TZPATH)


# The path is a part of the key, for it may be reset.
@lru_cache(maxsize=1024)
def _zone(name: str, path: tuple[str, ...]) -> ZoneInfo:
    # First, since it refuses names that are no names, and such as would leave the folder.
    found = ZoneInfo.no_cache(name)
    folder = next((folder for folder in path if Path(folder, name).is_file()), None)
    ours = packaged_version()
    # The system's rules stay where they are as new. Rules of no known release count as older.
    if folder is None or ours is None or (system_version(folder) or OLDEST) >= ours:
        return found
    packaged = files("tzdata").joinpath("zoneinfo", *name.split("/"))
    if not packaged.is_file():
        return found
    with packaged.open("rb") as file:
        return PackagedZone.from_file(file, key=name)


def is_region(name: str) -> bool:
    """Whether it is the name of a place, such as America/New_York, or UTC: others, such as EST, do
    not follow the clocks of any place through the year."""
    region = name.partition("/")[0]
    return name in ("UTC", "Etc/UTC") or ("/" in name and region not in NO_REGIONS)


def packaged_version() -> Version | None:
    """The release of the package tzdata; None where it is not installed."""
    try:
        return read_version(importlib.import_module("tzdata").IANA_VERSION)
    except (ImportError, AttributeError):
        return None


def system_version(folder: str) -> Version | None:
    """The release of a folder with the system's zones, where it says so."""
    for name in ("tzdata.zi", "+VERSION"):
        try:
            with Path(folder, name).open(encoding="ascii", errors="replace") as file:
                if version := read_version(file.readline(200)):
                    return version
        except OSError:
            continue
    return None


def read_version(text: str) -> Version | None:
    """A value that is greater for a later release: of "# version 2025b", or of "2025b"."""
    found = VERSION.search(text)
    return found and (int(found[1]), len(found[2]), found[2])
