"""Log lines without anybody's name, phone, email or token.

Our own lines are masked where they are written. `configure` takes in what other libraries log too,
and of an error, whose words may hold a row, only its type and the places it came through.
"""

from __future__ import annotations

import atexit
import contextlib
import logging
import re
import sys
import threading
import time
import traceback
from collections import deque
from contextvars import ContextVar
from functools import lru_cache
from pathlib import Path
from typing import Literal, TextIO

import structlog
from structlog.typing import EventDict, WrappedLogger

from booking_asgi import codec

PHONE = re.compile(r"\+?\d[\d ().-]{7,17}\d")
MOST_LINES = 10_000
# So that the writing thread takes many lines at once: each time that it wakes, the event loop has
# to leave Python to it. At 0.02 s that costs a twenty-fifth of a request.
PAUSE_SECONDS = 0.1
EMAIL = re.compile(r"[^\s@\"'(<=:,]+@[\w.-]+")

request_id: ContextVar[str | None] = ContextVar("request_id", default=None)
"""The id of the request that is being answered, for each line that is logged meanwhile."""


def mask_phone(phone: str) -> str:
    """+15551234567 is `•••4567`. Only two digits of a short number are shown."""
    return f"•••{phone[-4 if len(phone) >= 12 else -2 :]}"


def mask_email(email: str) -> str:
    """sam@test.com is `s•••@test.com`."""
    local, _, domain = email.rpartition("@")
    return f"{local[:1]}•••@{domain}"


def describe(error: BaseException) -> dict[str, object]:
    """The parts of an error that may be logged: never its message, which can contain a row."""
    frames = traceback.extract_tb(error.__traceback__)
    fields = {
        "error": type(error).__name__,
        "code": getattr(error, "sqlstate", None) or getattr(error.__cause__, "sqlstate", None),
        "constraint": getattr(error, "constraint_name", None),
        "cause": type(error.__cause__).__name__ if error.__cause__ else None,
        "where": " > ".join(f"{Path(frame.filename).name}:{frame.lineno}" for frame in frames[-5:]),
    }
    return {name: value for name, value in fields.items() if value}


def configure(format: Literal["text", "json"]) -> None:
    """Send every log line of the process to standard output, as text or as JSON lines."""
    global _lines
    _lines = lines = _Lines(sys.stdout)
    render = _as_text if format == "text" else _as_json
    # Not through the standard library, which takes twice as long: a tenth of a request.
    structlog.configure(
        processors=[render],
        logger_factory=lambda *_: lines,
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
    )
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[structlog.processors.add_log_level, _clean_foreign],
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, render],
    )
    handler = logging.StreamHandler(lines)
    handler.setFormatter(formatter)
    logging.basicConfig(handlers=[handler], level=logging.INFO, force=True)


def flush(seconds: float = 2.0) -> None:
    """Wait until the lines that were logged so far are written, for so many seconds at most."""
    if _lines is not None:
        _lines.drain(seconds)


def dropped() -> int:
    """The number of lines that were lost since the start."""
    return 0 if _lines is None else _lines.dropped


class _Lines:
    """Lines on their way to a stream, written by a thread of their own: whoever logs never waits.

    Where the stream's reader does not keep up, lines beyond `MOST_LINES` are lost and counted, and
    with them no booking. What is on its way when the process is killed is lost as well.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._waiting: deque[str] = deque()
        self._lost = 0  # and not yet told
        self.dropped = 0  # since the start
        self._is_idle = threading.Event()
        self._is_idle.set()
        self._wake = threading.Event()
        self._is_awaited = threading.Event()
        self._thread: threading.Thread | None = None

    def info(self, line: str) -> None:
        self.write(f"{line}\n")

    warning = error = critical = info

    def write(self, text: str) -> None:
        if len(self._waiting) >= MOST_LINES:
            self._lost += 1
            self.dropped += 1
            return
        self._waiting.append(text)
        # Seldom: the thread looks again by itself while there is something to write.
        if self._is_idle.is_set():
            self._is_idle.clear()
            self._wake.set()
            if self._thread is None:
                self._thread = threading.Thread(target=self._keep_writing, name="logs", daemon=True)
                self._thread.start()
                atexit.register(self.drain, 2.0)

    def flush(self) -> None:
        """The standard library calls it after each line: the thread does it."""

    def drain(self, seconds: float) -> None:
        self._is_awaited.set()
        self._is_idle.wait(seconds)
        self._is_awaited.clear()

    def _keep_writing(self) -> None:
        while True:
            self._wake.wait()
            self._wake.clear()
            while self._waiting:
                self._write_waiting()
                self._is_awaited.wait(PAUSE_SECONDS)
            self._is_idle.set()
            # A line that came between the last look and this moment woke nobody.
            if self._waiting and self._is_idle.is_set():
                self._is_idle.clear()
                self._wake.set()

    def _write_waiting(self) -> None:
        texts = [self._waiting.popleft() for _ in range(len(self._waiting))]
        with contextlib.suppress(OSError, ValueError):
            self._stream.write("".join(texts))
            self._stream.flush()
        if self._lost and len(self._waiting) < MOST_LINES:
            lost, self._lost = self._lost, 0
            structlog.get_logger("booking_asgi").warning("VapiTools: ⚠️ Lines lost", count=lost)


_lines: _Lines | None = None


def _clean_foreign(logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
    # The lines after the first are where asyncio, for one, puts an error and what it was given.
    first_line = str(event["event"]).strip().partition("\n")[0]
    record: logging.LogRecord = event["_record"]
    if record.name == "asyncio":
        # A task or a callback is shown with its result, its error and what it was called with.
        first_line = re.split(r"[(<]", first_line, maxsplit=1)[0].rstrip()
    event["event"] = PHONE.sub("•••", EMAIL.sub("•••", first_line))
    if record.exc_info and record.exc_info[1]:
        event.update(describe(record.exc_info[1]))
    # Or the standard library's formatter would write the whole of it below the line.
    record.exc_info = record.exc_text = record.stack_info = None
    event.pop("exc_info", None)
    return event


def _as_text(logger: WrappedLogger, method: str, event: EventDict) -> str:
    level, text = event.pop("level", method).upper(), event.pop("event")
    if (id := request_id.get()) is not None:
        event["requestId"] = id
    fields = f" {codec.encode(event)}" if event else ""
    return f"{_now()} {level} {text}{fields}".rstrip()


def _as_json(logger: WrappedLogger, method: str, event: EventDict) -> str:
    event.setdefault("level", method)
    if (id := request_id.get()) is not None:
        event["requestId"] = id
    event["timestamp"] = _now()
    return codec.encode(event)


def _now() -> str:
    """2027-03-01T14:00:00.123456Z, for which structlog's own takes twice as long."""
    second, fraction = divmod(time.time_ns(), 1_000_000_000)
    return f"{_second(second)}.{fraction // 1000:06}Z"


@lru_cache(maxsize=1)
def _second(second: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))
