"""The limit of HTTP: a request's bytes in, a reply's bytes out, and nothing between."""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

REPLY = (
    b'{"results": [{"toolCallId": "call_000000000", "name": "bookAppointment", "result": "Booked:'
    b" Consultation on Wednesday, September 22, 2027 at 10:30 AM (EDT), for Sam Wilson. Tell the"
    b' caller the service, the weekday, the date and the time."}]}'
)


async def answer(request: Request) -> Response:
    await request.body()
    return Response(REPLY, media_type="application/json")


app = Starlette(routes=[Route("/api/vapi/tools", answer, methods=["POST"])])
