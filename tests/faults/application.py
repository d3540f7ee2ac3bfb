"""The application as it is deployed: a process of its own, and callers who reach it over HTTP."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

import httpx

from booking_asgi.command.postgres import EmbeddedPostgres
from tests.conftest import psql
from tests.support.commands import COMMAND, environ, free_port
from tests.support.factories import TOKEN
from tests.support.processes import a_folder, children, end_with_parent, processes_of, wait_until

ACCEPTED = ("Using phone-based upsert", "No phone provided")


class Application:
    """`booking-asgi serve` on the database of `url`; it logs into `said`."""

    def __init__(self, url: str, said: Path, settings: Mapping[str, object]) -> None:
        self.port = free_port()
        self.base = f"http://127.0.0.1:{self.port}"
        self._said = said
        self._environ = environ(database_url=url, port=self.port, **settings)

    def start(self) -> None:
        with self._said.open("ab") as output:
            self.process = subprocess.Popen(
                [COMMAND, "serve"],
                env=self._environ,
                stdout=output,
                stderr=output,
                preexec_fn=end_with_parent,
            )
        wait_until(self.is_healthy)

    def is_healthy(self) -> bool:
        assert self.process.poll() is None, self._said.read_text()
        with contextlib.suppress(httpx.TransportError):
            return httpx.get(f"{self.base}/api/ready", timeout=30).status_code == 200
        return False

    def send_signal(self, which: signal.Signals) -> None:
        self.process.send_signal(which)

    def accepted(self) -> int:
        """How many bookings it has begun upon."""
        lines = self._said.read_text().splitlines()
        return sum(any(words in line for words in ACCEPTED) for line in lines)

    def callers(self, token: str = TOKEN, *, keep_alive: bool = True) -> httpx.AsyncClient:
        return httpx.AsyncClient(
            base_url=self.base,
            headers={"X-Vapi-Secret": token},
            timeout=30,
            # Before uvicorn hangs up after 5 s, or a request may meet the hanging up.
            limits=httpx.Limits(
                max_keepalive_connections=None if keep_alive else 0, keepalive_expiry=2
            ),
        )

    async def send(
        self, path: str, body: object, headers: Mapping[str, str]
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A request on a connection of its own, which nobody has to wait for."""
        content = json.dumps(body).encode()
        fields = {"Host": "booking", "X-Vapi-Secret": TOKEN, "Connection": "close", **headers}
        fields["Content-Length"] = str(len(content))
        head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(f"POST {path} HTTP/1.1\r\n{head}\r\n".encode() + content)
        return reader, writer

    async def post(
        self, path: str, body: object, headers: Mapping[str, str] | None = None
    ) -> tuple[int, bytes]:
        """The status and the body of the answer."""
        reader, writer = await self.send(path, body, headers or {})
        answer = await reader.read()
        writer.close()
        head, _, content = answer.partition(b"\r\n\r\n")
        return int(head.split()[1]), content


@contextlib.contextmanager
def deployed(url: str, **settings: object) -> Iterator[Application]:
    with a_folder() as folder:
        application = Application(url, folder / "output", settings)
        application.start()
        try:
            yield application
        finally:
            application.process.kill()
            application.process.wait()


def kill(server: EmbeddedPostgres) -> None:
    """Kill all processes of the application at once, as a machine does that runs out of memory."""
    assert server.process is not None
    family = [server.process.pid, *children(server.process.pid)]
    for pid in family:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    server.process.wait()
    wait_until(lambda: not processes_of(server.data_dir))


def socket_dir(server: EmbeddedPostgres) -> Path:
    return Path(psql(server.url, "-c", "show unix_socket_directories"))
