"""The direct contract: the arguments are the whole body, and the status is the outcome's. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from booking_asgi import codec
from booking_asgi.speech import Answer


def render(answer: Answer) -> tuple[int, dict[str, object]]:
    """The status and the body of a reply."""
    more = answer.content or {}
    if answer.done:
        return answer.status, _reply({"success": True, **more, "message": answer.said}, answer.said)
    content = {"success": False, "error": answer.code, "message": answer.message, **more}
    return answer.status, _reply(content, answer.said)


def failure(status: int, code: str, message: str, said: str) -> tuple[int, dict[str, object]]:
    return status, _reply({"success": False, "error": code, "message": message}, said)


def _reply(content: Mapping[str, object], said: str) -> dict[str, object]:
    return {"toolResult": {"content": codec.encode(content)}, "speech": said}
