"""docs/nginx.conf in front of the endpoint, as an operator would run it: a real nginx, with TLS."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import ssl
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from booking_asgi import Config
from booking_asgi.signatures import sign
from tests.conftest import connected, psql
from tests.support.commands import BOOK, answers, free_port, served
from tests.support.factories import TOKEN, a_clinic, arguments
from tests.support.processes import a_folder, end_with_parent, wait_until

PATH = f"{os.environ.get('PATH', '')}:/usr/sbin"
NGINX, OPENSSL = shutil.which("nginx", path=PATH), shutil.which("openssl", path=PATH)
NAME = "booking.example.com"
CONF = Path(__file__).parent.parent / "docs" / "nginx.conf"
MOST_TRIES = 3000
SECRET = "a-secret-of-the-signatures-alone"
NONE = {"X-Vapi-Secret": ""}

pytestmark = pytest.mark.skipif(
    NGINX is None or OPENSSL is None, reason="needs nginx (Debian's nginx-light) and openssl"
)


@dataclass(frozen=True)
class Proxy:
    """`base` is the proxy's URL; `direct` is the endpoint's own."""

    base: str
    direct: str
    database_url: str
    certificate: Path

    def client(self) -> httpx.AsyncClient:
        """A caller that trusts the certificate of this test and no other."""
        context = ssl.create_default_context(cafile=str(self.certificate))
        context.check_hostname = False  # it calls the proxy by its address
        headers = {"Host": NAME, "X-Vapi-Secret": TOKEN}
        return httpx.AsyncClient(base_url=self.base, headers=headers, verify=context, timeout=30)


@pytest.fixture
def proxy(url: str) -> Iterator[Proxy]:
    with proxied(url) as proxy:
        yield proxy


@contextlib.contextmanager
def proxied(url: str, *, hmac_secrets: str = "") -> Iterator[Proxy]:
    """The proxy in front of `booking-asgi serve`, with a clinic that can be booked."""
    asyncio.run(add_clinic(url))
    settings = {"hmac_secrets": hmac_secrets} if hmac_secrets else {}
    with (
        a_folder() as folder,
        served(folder, database_url=url, deadline_seconds=10, **settings) as serving,
    ):
        port, certificate = free_port(), make_certificate(folder)
        text = CONF.read_text()
        for old, new in (
            ("listen 443 ssl;", f"listen 127.0.0.1:{port} ssl;"),
            ("server 127.0.0.1:3001;", f"server 127.0.0.1:{serving.port};"),
            ("/etc/ssl/booking/fullchain.pem", str(certificate)),
            ("/etc/ssl/booking/privkey.pem", str(folder / "key.pem")),
        ):
            assert text.count(old) == 1
            text = text.replace(old, new)
        with running_nginx(folder, text, port):
            yield Proxy(f"https://127.0.0.1:{port}", serving.base, url, certificate)


async def add_clinic(url: str) -> None:
    async with connected(url) as conn:
        await a_clinic(conn, token=TOKEN)


def make_certificate(folder: Path) -> Path:
    certificate = folder / "certificate.pem"
    subprocess.run(
        [
            *(str(OPENSSL), "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"),
            *("-subj", f"/CN={NAME}", "-addext", f"subjectAltName=DNS:{NAME}"),
            *("-keyout", str(folder / "key.pem"), "-out", str(certificate)),
        ],
        capture_output=True,
        check=True,
    )
    return certificate


@contextlib.contextmanager
def running_nginx(folder: Path, included: str, port: int) -> Iterator[None]:
    """An nginx of its own in `folder`, with the file in its `http`, until the test ends."""
    (folder / "booking.conf").write_text(included)
    (folder / "nginx.conf").write_text(
        f"""
        daemon off;
        {"user root;" if os.geteuid() == 0 else ""}
        worker_processes 1;
        pid {folder}/pid;
        error_log {folder}/error.log;
        events {{ worker_connections 1024; }}
        http {{
            access_log off;
            client_body_temp_path {folder}/body;
            proxy_temp_path {folder}/proxy;
            fastcgi_temp_path {folder}/fastcgi;
            uwsgi_temp_path {folder}/uwsgi;
            scgi_temp_path {folder}/scgi;
            include {folder}/booking.conf;
        }}
        """
    )
    command = [str(NGINX), "-p", str(folder), "-e", f"{folder}/error.log"]
    with subprocess.Popen(
        [*command, "-c", f"{folder}/nginx.conf"],
        stderr=subprocess.DEVNULL,
        preexec_fn=end_with_parent,
    ) as process:
        try:
            wait_until(lambda: answers(port) or process.poll() is not None)
            assert process.poll() is None, (folder / "error.log").read_text()
            yield
        finally:
            process.terminate()


async def test_a_booking_goes_through(proxy: Proxy) -> None:
    """The proxy's replies are the endpoint's own, and a repeat gets the same appointment."""
    bearer = {"Authorization": f"Bearer {TOKEN}", "X-Vapi-Secret": ""}
    async with proxy.client() as client:
        first = await client.post(BOOK, json=arguments())
        again = await client.post(BOOK, json=arguments(), headers=bearer)
    assert (first.status_code, again.status_code) == (200, 200)
    assert first.json() == again.json()
    assert first.headers["cache-control"] == "no-store"
    assert psql(proxy.database_url, "-c", "select count(*) from appointments") == "1"


def test_a_signature_goes_through(url: str) -> None:
    """Its headers and each byte of the body reach the endpoint as they were sent."""
    config = Config(hmac_secrets=(SECRET,))
    body, sent_at = json.dumps(arguments(), indent=3).encode(), str(int(time.time()))
    headers = {
        config.hmac_timestamp_header: sent_at,
        config.hmac_signature_header: sign(config, sent_at, body),
    }

    async def ask(proxy: Proxy) -> list[int]:
        async with proxy.client() as client:
            unsigned = await client.post(BOOK, content=body)
            signed = await client.post(BOOK, content=body, headers=headers)
        return [unsigned.status_code, signed.status_code]

    with proxied(url, hmac_secrets=SECRET) as signing:
        assert asyncio.run(ask(signing)) == [401, 200]


async def test_only_the_tools_are_public(proxy: Proxy) -> None:
    """Other paths are not found, however they are spelled; the endpoint itself has them."""
    async with proxy.client() as client, httpx.AsyncClient(base_url=proxy.direct) as inside:
        for path in (
            *("/", "/api/health", "/api/ready", "/openapi.json", "/api/vapi/tools-of-others"),
            *("/api/vapi/tools/..%2F..%2F..%2Fopenapi.json", "/api/vapi/tools/%2e%2e/%2E./health"),
        ):
            assert ((await client.get(path)).status_code, path) == (404, path)
        for path in ("/api/health", "/api/ready", "/openapi.json"):
            assert (await inside.get(path)).status_code == 200
        for path in ("", "/", "/book-appointment", "/book-appointment/"):
            reply = await client.post(f"/api/vapi/tools{path}", json={}, headers=NONE)
            assert (reply.status_code, path) == (401, path)


async def test_clear_text_is_refused(proxy: Proxy) -> None:
    """A token that comes without TLS books nothing."""
    base = proxy.base.replace("https:", "http:")
    async with httpx.AsyncClient(base_url=base) as client:
        reply = await client.post(BOOK, json=arguments(), headers={"X-Vapi-Secret": TOKEN})
    assert reply.status_code == 400
    assert psql(proxy.database_url, "-c", "select count(*) from appointments") == "0"


async def test_a_large_body_is_refused(proxy: Proxy) -> None:
    """The endpoint hears of a body of 2,000,000 bytes, and of none that is larger."""
    async with proxy.client() as client:
        largest = await client.post(BOOK, content=b" " * 2_000_000)
        larger = await client.post(BOOK, content=b" " * 2_000_001)
    assert (largest.status_code, larger.status_code) == (400, 413)
    assert largest.headers["content-type"] == "application/json"
    assert "nginx" in larger.text


async def test_a_flood_of_one_address_is_refused(proxy: Proxy) -> None:
    """An address that exceeds its rate gets 429, and books again when it has been quiet."""

    async def ask() -> int:
        return (await client.post(BOOK, json={}, headers=NONE)).status_code

    heard: list[int] = []
    async with proxy.client() as client:
        while 429 not in heard and len(heard) < MOST_TRIES:
            heard += await asyncio.gather(*(ask() for _ in range(50)))
        assert {401, 429} == set(heard)
        async with asyncio.timeout(30):
            while (reply := await client.post(BOOK, json=arguments())).status_code == 429:  # noqa: ASYNC110
                await asyncio.sleep(0.1)
    assert reply.status_code == 200


async def test_a_slow_head_is_ended(proxy: Proxy) -> None:
    """The proxy closes the connection, and the endpoint does not hear of it."""
    port = int(proxy.base.rpartition(":")[2])
    context = ssl.create_default_context(cafile=str(proxy.certificate))
    reader, writer = await asyncio.open_connection(
        "127.0.0.1", port, ssl=context, server_hostname=NAME
    )
    writer.write(f"POST {BOOK} HTTP/1.1\r\nHost: {NAME}\r\n".encode())
    async with asyncio.timeout(30):
        assert b"200" not in await reader.read()
    writer.close()
