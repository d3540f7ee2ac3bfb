"""The tools that a model may call: one file each. What is said of them to Vapi, the routes, and
`/openapi.json` are made from `TOOLS`."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from booking_asgi.tools.book_appointment import BOOK_APPOINTMENT
from booking_asgi.tools.cancel_appointment import CANCEL_APPOINTMENT
from booking_asgi.tools.find_appointments import FIND_APPOINTMENTS
from booking_asgi.tools.find_times import FIND_TIMES
from booking_asgi.tools.move_appointment import MOVE_APPOINTMENT
from booking_asgi.tools.tool import Tool, words_of

TOOLS: tuple[Tool[Any, Any], ...] = (
    BOOK_APPOINTMENT,
    FIND_TIMES,
    FIND_APPOINTMENTS,
    MOVE_APPOINTMENT,
    CANCEL_APPOINTMENT,
)


@lru_cache(maxsize=256)
def find_tool(name: str) -> Tool[Any, Any] | None:
    """The tool of that name, whatever a clinic put around it: bookAppointment,
    acme_book-appointment_v2."""
    words = words_of(name)
    return next((tool for tool in TOOLS if tool.is_called(words)), None)
