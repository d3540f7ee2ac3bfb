"""Processes, folders and waiting, for tests that start programs."""

from __future__ import annotations

import contextlib
import ctypes
import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from booking_asgi.command.postgres import PR_SET_PDEATHSIG


def memory() -> str | None:
    """A folder in memory, where there is room: to make a database takes a third of the time."""
    shared = Path("/dev/shm")
    has_room = shared.is_dir() and shutil.disk_usage(shared).free > 4 << 30
    return str(shared) if has_room else None


@contextlib.contextmanager
def a_folder(mode: int = 0o755) -> Iterator[Path]:
    """A folder that other users can reach, as pytest's own can't be."""
    with tempfile.TemporaryDirectory(prefix="booking-tests-", dir=memory()) as folder:
        os.chmod(folder, mode)
        yield Path(folder)


def wait_until(holds: Callable[[], bool], seconds: float = 30) -> None:
    give_up = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < give_up, "it did not come to pass"
        time.sleep(0.02)


def is_running(pid: int) -> bool:
    """Whether the process is there, and no zombie that waits for whoever is process 1 here."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


def end_with_parent() -> None:
    """Before a program of a test is run: it ends when the test run is killed, on Linux."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def processes_of(data_dir: Path) -> list[int]:
    """Every server process is in its data folder; initdb names it."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            command = (process / "cmdline").read_bytes()
            if str(data_dir).encode() in command or data_dir == (process / "cwd").readlink():
                found.append(int(process.name))
    return [pid for pid in found if is_running(pid) and pid != os.getpid()]


def children(parent: int) -> list[int]:
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):  # it has just ended
            if int(stat.read_text().rpartition(")")[2].split()[1]) == parent:
                found.append(int(stat.parent.name))
    return found
