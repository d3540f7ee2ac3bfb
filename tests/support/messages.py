"""The answers to messages of Vapi's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import httpx
from vapi.types import ServerMessageResponseToolCalls

TOOLS = "/api/vapi/tools"


OURS = "/api/vapi/tools/book-appointment"


MOST_WORDS = 60


def answers(reply: httpx.Response) -> list[dict[str, str]]:
    """The results of a reply that Vapi can read, as its SDK and its documentation have it."""
    assert reply.status_code == 200, reply.text
    return read(reply.json())


def read(body: Any) -> list[dict[str, str]]:
    assert body.keys() == {"results"}
    model = ServerMessageResponseToolCalls.model_validate(body, strict=True)
    assert model.results is not None and not model.model_extra
    for result in model.results:
        assert not result.model_extra and result.message is None
        [text] = [text for text in (result.result, result.error) if text is not None]
        assert_readable(text)
    results: list[dict[str, str]] = body["results"]
    assert all(len(result) == 3 for result in results)
    return results


def legacy_answer(reply: httpx.Response) -> str:
    assert reply.status_code == 200
    [(key, text)] = reply.json().items()
    assert key == "result"
    assert_readable(text)
    return str(text)


def assert_readable(text: str) -> None:
    """Vapi reads one line, and of it about a hundred tokens."""
    assert text and text == " ".join(text.split())
    assert len(text.split()) <= MOST_WORDS


def words(result: Mapping[str, str]) -> str:
    return result.get("result") or result["error"]
