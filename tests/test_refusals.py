"""What is refused is found in the log, and can't flood it."""

from __future__ import annotations

from booking_asgi.refusals import Refusals
from tests.conftest import Logged, ours


def test_a_line_a_second_of_a_kind(logged: Logged) -> None:
    """With how many there were since the last one."""
    refusals = Refusals()
    for number in range(1000):
        refusals.note("unknown token", now=number / 500)
    refusals.note("stale signature", now=2.0)
    refusals.note("unknown token", now=2.0, status=401)
    told = [(text.partition("Refused: ")[2], fields["count"]) for _, text, fields in ours(logged())]
    assert told == [
        ("unknown token", 1),
        ("unknown token", 500),
        ("stale signature", 1),
        ("unknown token", 500),
    ]
    assert all(level == "warning" for level, *_ in ours(logged()))
