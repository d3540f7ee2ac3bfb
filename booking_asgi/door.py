"""The door: more requests than can be answered in time are refused before their bodies are read."""

from __future__ import annotations

from collections import Counter
from uuid import UUID

# About one second of work for one process. Beyond it the last request can't be answered before its
# deadline, and takes time from the first.
MOST_AT_ONCE = 512


class Door:
    """The places for requests whose token is known. An organization that is alone may have all of
    them. While others are inside as well, it gets no more than half."""

    def __init__(self) -> None:
        self._inside: Counter[UUID | None] = Counter()
        self._all = 0

    def enter(self, org_id: UUID | None) -> bool:
        """Whether there is a place; then the request must `leave` once it is answered. None: nobody
        knows whose request it is."""
        own = self._inside[org_id]
        others = self._all - own
        # An organization that was alone may have all places. Half as many more are kept for the
        # others, who come then.
        has_room = (
            own < MOST_AT_ONCE // 2 and self._all < MOST_AT_ONCE * 3 // 2
            if others
            else own < MOST_AT_ONCE
        )
        if has_room:
            self._inside[org_id] = own + 1
            self._all += 1
        return has_room

    @property
    def inside(self) -> int:
        """The number of requests that are inside."""
        return self._all

    def leave(self, org_id: UUID | None) -> None:
        self._all -= 1
        self._inside[org_id] -= 1
        if not self._inside[org_id]:
            del self._inside[org_id]
