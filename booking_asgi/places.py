"""Fair queuing: a semaphore whose places go round among the organizations that wait.

An organization has at most half of the places while another one waits, and all of them while none
does.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter, deque
from uuid import UUID


class Places:
    """A semaphore of `size` places. The organization None stands for work of the process itself."""

    def __init__(self, size: int) -> None:
        self._free = size
        self._share = max(1, size // 2)
        self._held: Counter[UUID | None] = Counter()
        self._lines: dict[UUID | None, deque[asyncio.Future[None]]] = {}

    def locked(self) -> bool:
        """Whether a newcomer has to wait."""
        return not self._free

    @property
    def waiting(self) -> int:
        """How many stand in line."""
        return sum(len(line) for line in list(self._lines.values()))

    async def acquire(self, org_id: UUID | None) -> None:
        if self._free:  # nobody waits while a place is free
            self._take(org_id)
            return
        place: asyncio.Future[None] = asyncio.Future()
        self._lines.setdefault(org_id, deque()).append(place)
        try:
            await place
        except asyncio.CancelledError:
            if place.cancelled():
                self._leave(org_id, place)
            else:  # it was given at this moment
                self.release(org_id)
            raise

    def release(self, org_id: UUID | None) -> None:
        self._free += 1
        self._held[org_id] -= 1
        if not self._held[org_id]:
            del self._held[org_id]
        while self._free and self._lines:
            self._give(self._next_organization())

    def _next_organization(self) -> UUID | None:
        """The organization whose turn it is: one that holds less than half, if there is one."""
        for org_id in self._lines:
            if self._held[org_id] < self._share:
                return org_id
        return next(iter(self._lines))

    def _give(self, org_id: UUID | None) -> None:
        # The organization's line goes to the end of the lines.
        line = self._lines.pop(org_id)
        place = line.popleft()
        if line:
            self._lines[org_id] = line
        if not place.done():  # its request may have been cancelled meanwhile
            self._take(org_id)
            place.set_result(None)

    def _take(self, org_id: UUID | None) -> None:
        self._free -= 1
        self._held[org_id] += 1

    def _leave(self, org_id: UUID | None, place: asyncio.Future[None]) -> None:
        if line := self._lines.get(org_id):
            with contextlib.suppress(ValueError):  # it was passed over already
                line.remove(place)
            if not line:
                del self._lines[org_id]
