"""Refusals in the log: at most one line a second of a kind, with the count of those before it."""

from __future__ import annotations

import time
from collections import Counter

import structlog

SECONDS = 1.0

log = structlog.get_logger("booking_asgi")


class Refusals:
    """The counts of one process. No client chooses a kind, so that nobody can fill the memory."""

    def __init__(self) -> None:
        self.totals: Counter[str] = Counter()
        self._last: dict[str, float] = {}
        self._untold: dict[str, int] = {}

    def note(self, kind: str, *, now: float | None = None, **fields: object) -> None:
        """One more of that kind; `fields` are of this one, which stands for those since the last
        line."""
        self.totals[kind] += 1
        now = time.monotonic() if now is None else now
        count = self._untold.get(kind, 0) + 1
        if now - self._last.get(kind, -SECONDS) < SECONDS:
            self._untold[kind] = count
            return
        self._last[kind] = now
        self._untold[kind] = 0
        log.warning(f"VapiTools: ⚠️ Refused: {kind}", count=count, **fields)
