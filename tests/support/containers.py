"""The container that the tests run on, and whether a Docker engine can start it."""

from __future__ import annotations

import contextlib
import gc
import warnings
from collections.abc import Iterator, Mapping

import docker
import docker.errors
from testcontainers.community.postgres import PostgresContainer
from testcontainers.core.config import testcontainers_config
from testcontainers.core.docker_client import DockerClient
from testcontainers.core.wait_strategies import LogMessageWaitStrategy

ENGINE_SECONDS = 2.0
# Not below the folder of the images' own volume, which is on disk and is another one since 18.
PGDATA = "/pgdata"


class DidNotStart(Exception):
    """The message holds the server's log."""


def find_problem(image: str) -> str | None:
    """Why an engine can't run `image`, in one line; None where it can. Pulls what it lacks."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # docker forgets the socket that failed
        try:
            # The one of testcontainers, which finds engines that docker's own doesn't.
            engine = DockerClient(timeout=ENGINE_SECONDS).client
        except Exception:  # of any kind: the tests have another server
            engine = None
        gc.collect()
    if engine is None:
        return "no Docker engine answers"
    # The reaper removes the containers of a run that was killed.
    reaper = [] if testcontainers_config.ryuk_disabled else [testcontainers_config.ryuk_image]
    with contextlib.closing(engine):
        for needed in (image, *reaper):
            problem = _find_problem_with(
                engine, testcontainers_config.hub_image_name_prefix + needed
            )
            if problem is not None:
                return problem
    return None


def _find_problem_with(engine: docker.DockerClient, image: str) -> str | None:
    try:
        engine.images.get(image)
    except docker.errors.ImageNotFound:
        try:
            engine.images.pull(image)
        except Exception as error:  # of any kind: the tests have another server
            return f"Docker can't pull {image}: {type(error).__name__}"
    except Exception as error:  # of any kind, a time-out too
        return f"Docker doesn't tell whether it has {image}: {type(error).__name__}"
    return None


def make_container(image: str, user: str, settings: Mapping[str, str]) -> PostgresContainer:
    """The container, not started yet."""
    options = [part for item in settings.items() for part in ("-c", "=".join(item))]
    return (
        PostgresContainer(image, username=user, driver=None)
        .with_env("PGDATA", PGDATA)
        .with_tmpfs_mount(PGDATA)
        .with_command(["postgres", *options])
        # Unlike what the library waits for by itself, it ends when the server has ended.
        .waiting_for(LogMessageWaitStrategy("ready to accept connections"))
    )


@contextlib.contextmanager
def running(image: str, user: str, settings: Mapping[str, str]) -> Iterator[str]:
    """Start the container, yield its URL, and remove it. Raises `DidNotStart`."""
    container = make_container(image, user, settings)
    try:
        try:
            container.start()
        except Exception as error:  # of any kind: what the server said is worth more
            reason = str(error).partition("\n")[0]
            raise DidNotStart(f"{image} did not start: {reason}\n{_log(container)}") from error
        yield container.get_connection_url()
    finally:
        container.stop()


def _log(container: PostgresContainer) -> str:
    try:
        return b"".join(container.get_logs()).decode(errors="replace")
    except Exception as error:  # it may not even have been made
        return f"There is no log of it: {error}"
