"""A signed request that comes again: its first reply, and nothing runs twice."""

from __future__ import annotations

import asyncio

import pytest
from starlette.responses import Response

from booking_asgi import replays
from booking_asgi.replays import Replays


class Answers:
    """Counts how often it ran; each answer is another text."""

    def __init__(self, status: int = 200) -> None:
        self.count = 0
        self.status = status
        self.may_end = asyncio.Event()
        self.may_end.set()

    async def __call__(self) -> Response:
        self.count += 1
        number = self.count
        await self.may_end.wait()
        return Response(f"answer {number}", self.status, {"X-Own": "yes"})


async def test_the_first_reply_again() -> None:
    kept, answers = Replays(), Answers()
    first, again = [await kept.once("a", answers) for _ in range(2)]
    assert (first.body, first.headers["X-Own"]) == (again.body, again.headers["X-Own"])
    assert (answers.count, (await kept.once("b", answers)).body) == (1, b"answer 2")


async def test_one_that_comes_while_the_first_runs_waits_for_it() -> None:
    kept, answers = Replays(), Answers()
    answers.may_end.clear()
    both = asyncio.gather(*(kept.once("a", answers) for _ in range(20)))
    await asyncio.sleep(0)
    answers.may_end.set()
    assert {reply.body for reply in await both} == {b"answer 1"}
    assert answers.count == 1


async def test_an_answer_that_knows_nothing_is_no_reply() -> None:
    """503 or an error: whoever asks again runs."""
    kept, answers = Replays(), Answers(status=503)
    for _ in range(2):
        assert (await kept.once("a", answers)).status_code == 503
    assert answers.count == 2

    async def fails() -> Response:
        raise RuntimeError

    with pytest.raises(RuntimeError):
        await kept.once("b", fails)
    assert (await kept.once("b", Answers())).body == b"answer 1"


async def test_a_client_that_leaves_takes_no_reply_from_others() -> None:
    kept, answers = Replays(), Answers()
    answers.may_end.clear()
    first = asyncio.ensure_future(kept.once("a", answers))
    await asyncio.sleep(0)
    first.cancel()
    await asyncio.wait({first})
    answers.may_end.set()
    assert (await kept.once("a", answers)).body == b"answer 2"


async def test_it_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Replies are kept for a bounded time and in a bounded number."""
    kept, answers = Replays(), Answers()
    await kept.once("a", answers, now=0)
    await kept.once("a", answers, now=599)
    assert answers.count == 1
    await kept.once("a", answers, now=601)
    assert answers.count == 2
    monkeypatch.setattr(replays, "MOST_KEPT", 3)
    for key in "bcde":
        await kept.once(key, answers, now=602)
    await kept.once("e", answers, now=603)
    assert answers.count == 6
    await kept.once("a", answers, now=603)
    assert answers.count == 7
