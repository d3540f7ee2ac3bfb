"""The PostgreSQL that the tests run on: a container where Docker can give one, else embedded."""

from __future__ import annotations

import contextlib
import gc
import os
import tempfile
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import docker
import docker.errors

from booking_asgi.postgres import EmbeddedPostgres

IMAGE = os.environ.get("BOOKING_TEST_IMAGE", "postgres:18")
PG_BIN = os.environ.get("BOOKING_PG_BIN")
# Nothing of a test has to survive the machine. Fault tests and benchmarks turn these on.
FAST = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


@dataclass(frozen=True)
class Choice:
    """`kind` is docker, embedded, or the URL of a server that is already there."""

    kind: str
    reason: str


def choose() -> Choice:
    """BOOKING_TEST_DATABASE, else Docker where an engine answers and has or can pull the image."""
    if forced := os.environ.get("BOOKING_TEST_DATABASE"):
        if forced not in ("docker", "embedded") and not forced.startswith("postgres"):
            raise ValueError("BOOKING_TEST_DATABASE must be docker, embedded or postgresql://...")
        return Choice(forced, "BOOKING_TEST_DATABASE")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # docker forgets the socket that failed
        try:
            engine = docker.DockerClient.from_env(timeout=2)
        except docker.errors.DockerException:
            engine = None
        gc.collect()
    if engine is None:
        return Choice("embedded", "no Docker engine answers")
    with contextlib.closing(engine):
        if engine.images.list(IMAGE):
            return Choice("docker", f"image {IMAGE}")
    with contextlib.closing(docker.DockerClient.from_env(timeout=300)) as engine:
        try:
            engine.images.pull(IMAGE)
        except docker.errors.DockerException:
            return Choice("embedded", f"Docker can't pull {IMAGE}")
    return Choice("docker", f"image {IMAGE}, just pulled")


@contextlib.contextmanager
def running(choice: Choice) -> Iterator[str]:
    """The URL of a database on which the tests may create others."""
    if choice.kind == "embedded":
        programs = Path(PG_BIN) if PG_BIN else None
        with tempfile.TemporaryDirectory(prefix="booking-tests-") as folder:
            Path(folder).chmod(0o755)  # within reach of the user that stands in for root
            server = EmbeddedPostgres(Path(folder) / "data", programs=programs, settings=FAST)
            with server.running() as url:
                yield url
    elif choice.kind == "docker":
        from testcontainers.community.postgres import PostgresContainer

        container = PostgresContainer(IMAGE, driver=None)
        container.with_command(" ".join(["postgres", *(f"-c {k}={v}" for k, v in FAST.items())]))
        # The parent of PGDATA: postgres:18 moved the folder itself.
        container.with_tmpfs_mount("/var/lib/postgresql")
        with container:
            yield container.get_connection_url()
    else:
        yield choice.kind
