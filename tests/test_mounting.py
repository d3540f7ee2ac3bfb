"""The application in other hands: a server that makes it itself, and an application around it."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.types import Receive, Scope, Send

from booking_asgi import Config, ConfigError, create_app
from tests.conftest import connected, count
from tests.support.commands import BOOK, answers, environ, free_port
from tests.support.factories import TOKEN, a_clinic, arguments
from tests.support.processes import end_with_parent, wait_until

PAGE = Path(__file__).parent.parent / "docs" / "how-to" / "use-the-library.md"


async def test_a_server_that_makes_the_application(url: str, tmp_path: Path) -> None:
    """`uvicorn --factory`, with the settings of the environment."""
    async with connected(url) as conn:
        await a_clinic(conn, token=TOKEN)
        port = free_port()
        [command] = re.findall(r"uvicorn (--factory [a-z_:]+)", PAGE.read_text())
        with (tmp_path / "output").open("wb") as output:
            server = subprocess.Popen(  # noqa: ASYNC220  # it takes no time to speak of
                [sys.executable, "-m", "uvicorn", *command.split(), "--port", str(port)],
                env=environ(database_url=url),
                stdout=output,
                stderr=output,
                preexec_fn=end_with_parent,
            )
        try:
            wait_until(lambda: answers(port) or server.poll() is not None)
            assert server.poll() is None, (tmp_path / "output").read_text()
            async with httpx.AsyncClient(headers={"X-Vapi-Secret": TOKEN}, timeout=30) as client:
                reply = await client.post(f"http://127.0.0.1:{port}{BOOK}", json=arguments())
            assert reply.status_code == 200, (tmp_path / "output").read_text()
            assert await count(conn, "appointments") == 1
        finally:
            server.terminate()
            server.wait(30)


def test_a_server_without_a_database(monkeypatch: pytest.MonkeyPatch) -> None:
    """The variable that is missing is named."""
    monkeypatch.delenv("BOOKING_TEST_USER", raising=False)
    monkeypatch.delenv("BOOKING_DATABASE_URL", raising=False)
    with pytest.raises(ConfigError, match="BOOKING_DATABASE_URL is needed"):
        create_app()


async def test_an_application_around_it(url: str) -> None:
    """Mounted below a path, and connected by the lifespan of the application around it."""
    desk = create_app(Config(database_url=url, deadline_seconds=60))
    # The two kinds of lifespan, with a state and without, make a union that no lambda has.
    lifespan: Any = desk.lifespan_context
    app = Starlette(routes=[Mount("/desk", desk)], lifespan=lambda _app: lifespan(desk))
    async with (
        connected(url) as conn,
        app.router.lifespan_context(app) as state,
    ):
        await a_clinic(conn, token=TOKEN)

        async def with_state(scope: Scope, receive: Receive, send: Send) -> None:
            await app({**scope, "state": dict(state or {})}, receive, send)

        transport = httpx.ASGITransport(with_state)
        async with httpx.AsyncClient(transport=transport, base_url="http://booking") as client:
            headers = {"X-Vapi-Secret": TOKEN}
            reply = await client.post(f"/desk{BOOK}", json=arguments(), headers=headers)
            assert reply.status_code == 200
            assert (await client.get("/desk/api/ready")).status_code == 200
        assert await count(conn, "appointments") == 1
