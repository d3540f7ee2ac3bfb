"""Which server the tests take, asked of a stand-in for the Docker engine's HTTP API."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from testcontainers.core.config import testcontainers_config

from tests.support import containers, servers

ROOT = Path(__file__).parent.parent
IMAGE, REAPER = "postgres:18", "testcontainers/ryuk:0.8.1"
FAILURE = (500, {"message": "driver failed"})
OFFLINE = (500, {"message": 'Get "https://registry-1.docker.io/v2/": no such host'})
LOG = b"FATAL:  could not write lock file\n"


class Engine(ThreadingHTTPServer):
    """Docker 20.10 with `images`, which can pull those of `registry`; its containers exit."""

    daemon_threads = True

    def __init__(self, images: tuple[str, ...], registry: tuple[str, ...]) -> None:
        super().__init__(("127.0.0.1", 0), Answers)
        self.images = set(images)
        self.registry = registry
        self.fails = self.is_slow = False
        self.closing = threading.Event()
        self.asked: list[str] = []
        self.created: dict[str, Any] = {}
        self.removed = False

    @property
    def host(self) -> str:
        return f"tcp://127.0.0.1:{self.server_port}"

    def answer(self, method: str, path: str, query: str, body: bytes) -> tuple[int, object]:
        match [part for part in path.split("/") if part and not part.startswith("v1.")]:
            case ["version"]:
                return 200, {"ApiVersion": "1.41", "MinAPIVersion": "1.12", "Version": "20.10.24"}
            case ["images", "create"]:
                asked = parse_qs(query)
                name = f"{asked['fromImage'][0]}:{asked['tag'][0]}"
                if name not in self.registry:
                    return OFFLINE
                self.images.add(name)
                return 200, {"status": f"Status: Downloaded newer image for {name}"}
            case ["images", *name, "json"]:
                if self.is_slow:
                    self.closing.wait()
                if self.fails:
                    return FAILURE
                if "/".join(name) not in self.images:
                    return 404, {"message": f"No such image: {'/'.join(name)}"}
                return 200, {"Id": "sha256:0123456789ab", "RepoTags": ["/".join(name)]}
            case ["containers", "create"]:
                self.created = json.loads(body)
                return 201, {"Id": "c1", "Warnings": []}
            case ["containers", "c1", "json"]:
                state = {"Status": "exited", "ExitCode": 1, "Error": ""}
                return 200, {"Id": "c1", "State": state, "Config": {"Tty": False}}
            case ["containers", "c1", "logs"]:
                # A frame of standard error: its number, three zeros, the length.
                frame = b"\2\0\0\0" + len(LOG).to_bytes(4, "big") + LOG
                return 200, frame if "stderr=1" in query else b""
            case ["containers", "c1", "start"]:
                return 204, b""
            case ["containers", "c1"] if method == "DELETE":
                self.removed = True
                return 204, b""
        raise AssertionError(f"{method} {path}: the stand-in has no answer")


class Answers(BaseHTTPRequestHandler):
    server: Engine

    def handle_one_request(self) -> None:
        with contextlib.suppress(ConnectionError):
            super().handle_one_request()

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        self.server.asked.append(url.path)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        status, content = self.server.answer(self.command, url.path, url.query, body)
        if not isinstance(content, bytes):
            content = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_POST = do_DELETE = do_GET

    def log_message(self, *_: object) -> None:
        """Nothing."""


@contextlib.contextmanager
def an_engine(*images: str, registry: tuple[str, ...] = ()) -> Iterator[Engine]:
    with Engine(images, registry) as engine, pytest.MonkeyPatch.context() as patch:
        thread = threading.Thread(target=engine.serve_forever)
        thread.start()
        patch.setenv("DOCKER_HOST", engine.host)
        try:
            yield engine
        finally:
            engine.closing.set()
            engine.shutdown()
            thread.join()


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither of the tests nor of testcontainers, and no engine."""
    for name in ("BOOKING_TEST_DATABASE", "TESTCONTAINERS_RYUK_DISABLED", "DOCKER_TLS_VERIFY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:1")
    monkeypatch.setattr(servers, "IMAGE", IMAGE)
    monkeypatch.setattr(testcontainers_config, "ryuk_image", REAPER)
    monkeypatch.setattr(testcontainers_config, "_ryuk_disabled", None)
    monkeypatch.setattr(testcontainers_config, "tc_properties", {})
    monkeypatch.setattr(testcontainers_config, "hub_image_name_prefix", "")


def run_pytest(*arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """A run without a test."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}
    command = [sys.executable, "-m", "pytest", __file__, "-k", "not test"]
    # These take a second to load, in each worker.
    for plugin in ("cacheprovider", "schemathesis", "hypothesispytest", "anyio"):
        command += ["-p", f"no:{plugin}"]
    return subprocess.run(
        [*command, *arguments], env={**ours, **settings}, cwd=ROOT, capture_output=True, text=True
    )


def test_an_engine_with_both_images_is_taken() -> None:
    with an_engine(IMAGE, REAPER):
        assert servers.choose() == servers.Choice("docker", "image postgres:18")


def test_images_that_can_be_pulled_are() -> None:
    with an_engine(registry=(IMAGE, REAPER)) as engine:
        assert servers.choose().kind == "docker"
        assert engine.images == {IMAGE, REAPER}


@pytest.mark.parametrize(("image", "missing"), [(REAPER, IMAGE), (IMAGE, REAPER)])
def test_without_an_image_the_embedded_server_is_taken(image: str, missing: str) -> None:
    """The database's own, or that of the reaper; the reason names it."""
    with an_engine(image):
        choice = servers.choose()
    assert str(choice) == f"embedded (Docker can't pull {missing}: APIError)"


def test_a_reaper_that_is_disabled_needs_no_image(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TESTCONTAINERS_RYUK_DISABLED", "true")
    with an_engine(IMAGE):
        assert servers.choose().kind == "docker"


def test_an_engine_that_fails_is_not_taken() -> None:
    """It answers that it is there, and knows no more."""
    with an_engine(IMAGE, REAPER) as engine:
        engine.fails = True
        choice = servers.choose()
    assert str(choice) == f"embedded (Docker doesn't tell whether it has {IMAGE}: APIError)"


def test_an_engine_that_is_slow_is_not_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is not waited for: it may never answer."""
    monkeypatch.setattr(containers, "ENGINE_SECONDS", 1.0)
    with an_engine(IMAGE, REAPER) as engine:
        engine.is_slow = True
        choice = servers.choose()
    assert str(choice) == f"embedded (Docker doesn't tell whether it has {IMAGE}: ReadTimeout)"


def test_without_an_engine_the_embedded_server_is_taken() -> None:
    assert str(servers.choose()) == "embedded (no Docker engine answers)"


@pytest.mark.parametrize("forced", ["embedded", "postgresql://u:p@host/db", "postgres://host/db"])
def test_a_server_that_is_asked_for_is_taken(forced: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """No engine is asked, and the header holds no password."""
    monkeypatch.setenv("BOOKING_TEST_DATABASE", forced)
    with an_engine(IMAGE, REAPER) as engine:
        choice = servers.choose()
    assert (choice.kind, engine.asked) == (forced, [])
    assert str(choice) == f"{forced.partition(':')[0]} (BOOKING_TEST_DATABASE)"


@pytest.mark.parametrize("forced", ["postgres", "podman"])
def test_another_word_is_refused(forced: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BOOKING_TEST_DATABASE", forced)
    with pytest.raises(pytest.UsageError, match="must be docker, embedded or postgresql://"):
        servers.choose()


def test_docker_that_is_asked_for_and_not_there_is_one_line() -> None:
    done = run_pytest(BOOKING_TEST_DATABASE="docker")
    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    assert done.stderr == "ERROR: BOOKING_TEST_DATABASE=docker, but no Docker engine answers\n\n"


def test_docker_that_is_asked_for_without_the_image_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("BOOKING_TEST_DATABASE", "docker")
    with an_engine(), pytest.raises(pytest.UsageError, match=f"can't pull {IMAGE}"):
        servers.choose()


def test_the_engine_is_asked_once() -> None:
    """By xdist's controller, for its workers too; settings that are empty are not set."""
    with an_engine() as engine:
        done = run_pytest("-n1", BOOKING_TEST_IMAGE="", BOOKING_TEST_DATABASE="")
    assert done.returncode == pytest.ExitCode.NO_TESTS_COLLECTED, done.stdout
    assert f"database: embedded (Docker can't pull {IMAGE}: APIError)\n" in done.stdout
    assert sum(path.endswith("/version") for path in engine.asked) == 1


def test_a_container_that_exits_leaves_its_log(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is made as the tests need it, given up at once, and removed."""
    monkeypatch.setenv("TESTCONTAINERS_RYUK_DISABLED", "true")
    with (
        an_engine(IMAGE) as engine,
        pytest.raises(containers.DidNotStart, match=LOG.decode()),
        containers.running(IMAGE, "somebody", {"fsync": "off"}),
    ):
        pass
    made = engine.created
    assert made["Image"] == IMAGE
    assert made["Cmd"] == ["postgres", "-c", "fsync=off"]
    assert {"PGDATA=/pgdata", "POSTGRES_USER=somebody"} <= set(made["Env"])
    assert made["HostConfig"]["Tmpfs"] == {"/pgdata": ""}
    assert engine.removed
