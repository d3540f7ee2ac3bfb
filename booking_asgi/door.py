"""The door: more requests than can be answered in time are refused before their bodies are read."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterator
from uuid import UUID

# What one process does in about a second. The last of more would hear nothing within any deadline,
# and leave less time for the first.
MOST_AT_ONCE = 512


class Door:
    """Places for requests whose token is known. Alone, an organization may have all of them; while
    others are inside as well, it gets no more than half, and they always find room."""

    def __init__(self) -> None:
        self._inside: Counter[UUID | None] = Counter()

    @contextlib.contextmanager
    def place(self, org_id: UUID | None) -> Iterator[bool]:
        """Whether there is one, until the request is answered. None: nobody knows whose it is."""
        if not self._has_room(org_id):
            yield False
            return
        self._inside[org_id] += 1
        try:
            yield True
        finally:
            self._inside[org_id] -= 1
            if not self._inside[org_id]:
                del self._inside[org_id]

    def _has_room(self, org_id: UUID | None) -> bool:
        own = self._inside[org_id]
        others = self._inside.total() - own
        if others == 0:
            return own < MOST_AT_ONCE
        # One that was alone may have all places: half as many more are for those who come then.
        return own < MOST_AT_ONCE // 2 and own + others < MOST_AT_ONCE * 3 // 2
