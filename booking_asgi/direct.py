"""The direct contract: the arguments are the whole body, and the status is the outcome's. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from booking_asgi import codec
from booking_asgi.speech import Answer


def render(answer: Answer) -> tuple[int, dict[str, object]]:
    """The status and the body of a reply."""
    if not answer.done:
        return failure(answer.status, answer.code, answer.message, answer.said)
    content = {"success": True, **(answer.content or {}), "message": answer.said}
    return answer.status, _reply(content, answer.said)


def failure(status: int, code: str, message: str, said: str) -> tuple[int, dict[str, object]]:
    return status, _reply({"success": False, "error": code, "message": message}, said)


def _reply(content: Mapping[str, object], said: str) -> dict[str, object]:
    return {"toolResult": {"content": codec.encode(content)}, "speech": said}
