"""The Dockerfile, compose.yaml and the unit of systemd, as far as a machine without them can try.

No container engine is needed, so neither the base image nor compose itself is tried.
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

from booking_asgi import Config
from tests.conftest import psql
from tests.support import images
from tests.support.commands import answers, environ, free_port, run
from tests.support.images import ROOT, DidNotBuild, Image
from tests.support.processes import a_folder, children, end_with_parent, wait_until

UNIT = ROOT / "docs" / "vapi-booking.service"
NO_REGISTRY = re.compile(r"Failed to establish|resolve|dns error|Could not connect|timed out", re.I)
NAMESPACES = ["unshare", "--mount", "--pid", "--fork", "--mount-proc"]
# All file systems that a program could write to, the root first.
READ_ONLY = """
mount -o remount,bind,ro /
for folder in /tmp /dev/shm /var/tmp; do
  mount --bind $folder $folder && mount -o remount,bind,ro $folder
done
exec setpriv --reuid $0 --regid $0 --clear-groups --no-new-privs --bounding-set=-all \
  --inh-caps=-all "$@"
"""
# "Overall exposure level" of `systemd-analyze security`, from 0 to 10.
MOST_EXPOSED = 1.5
systemd = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="needs systemd-analyze (Debian's systemd)"
)


@pytest.fixture(scope="module")
def image() -> Iterator[Image]:
    with a_folder() as folder:
        try:
            yield images.build(folder)
        except DidNotBuild as error:
            if NO_REGISTRY.search(str(error)):
                pytest.skip("the Dockerfile's RUN lines need a package registry, and none answers")
            raise


def test_each_line_of_the_dockerfile_builds(image: Image) -> None:
    """The result has the command, what the metrics need, and no tool of the tests."""
    command, *_ = image.entrypoint
    done = subprocess.run([command, "--version"], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("booking-asgi, version ")
    python = Path(command).with_name("python")
    subprocess.run([python, "-c", "import prometheus_client"], check=True)
    assert subprocess.run([python, "-c", "import pytest"], capture_output=True).returncode == 1


def test_the_container_serves(image: Image, url: str, tmp_path: Path) -> None:
    """As process 1, as a user without rights, on a file system that is read-only. Its health check
    passes, and SIGTERM ends it in good order."""
    probe = subprocess.run([*NAMESPACES, "true"], capture_output=True, text=True)
    if probe.returncode != 0:
        pytest.skip(f"namespaces can't be made here: {probe.stderr.strip()}")
    port = free_port()
    env = {**environ(database_url=url, port=port, host="0.0.0.0"), "HOME": "/"}
    uid = image.user.partition(":")[0]
    said = tmp_path / "said"
    with said.open("wb") as output:
        process = subprocess.Popen(
            [*NAMESPACES, "sh", "-ec", READ_ONLY, uid, *image.entrypoint],
            env={**env, "PYTHONDONTWRITEBYTECODE": "1"},
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd="/",
            preexec_fn=end_with_parent,
        )
    try:
        wait_until(lambda: answers(port) or process.poll() is not None)
        assert process.poll() is None, said.read_text()
        wait_until(lambda: is_healthy(image, env))
        [first] = children(process.pid)
        owner = re.search(r"^Uid:\t(\d+)", Path(f"/proc/{first}/status").read_text(), re.MULTILINE)
        assert owner and owner[1] == uid
        os.kill(first, signal.SIGTERM)
        assert process.wait(30) == 0, said.read_text()
        assert not is_healthy(image, env)
    finally:
        process.kill()
        process.wait()


def is_healthy(image: Image, env: dict[str, str]) -> bool:
    return subprocess.run(image.health, env=env, capture_output=True).returncode == 0


def test_the_dockerfile_is_pinned() -> None:
    """Each stage begins on one version of Python, and the command is run without a shell."""
    lines = images.instructions()
    bases = {rest.partition(" AS ")[0] for word, rest in lines if word == "FROM"}
    assert len(bases) == 1 and re.fullmatch(r"python:3\.13\.\d+-slim", bases.pop())
    commands = dict(lines)
    assert commands["ENTRYPOINT"].startswith("[") and commands["CMD"].startswith("[")
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", commands["USER"])


@pytest.fixture(scope="module")
def compose() -> Any:
    return yaml.safe_load((ROOT / "compose.yaml").read_text())


def test_compose_names_what_is_there(compose: Any, tmp_path: Path) -> None:
    """Each image has a version, each secret, config and volume is declared, each file of ours is
    there, and each setting is one of ours."""
    for name, service in compose["services"].items():
        assert re.search(r":\d+\.\d+", service.get("image", "")) or service.get("build") == "."
        assert set(service.get("secrets", [])) <= compose["secrets"].keys()
        assert {one["source"] for one in service.get("configs", [])} <= compose["configs"].keys()
        for volume in service.get("volumes", []):
            source = volume.partition(":")[0]
            ours = source.startswith("./") and not source.startswith("./secrets/")
            assert source in compose["volumes"] or not ours or (ROOT / source).is_file(), name
        assert set(service.get("depends_on", {})) <= compose["services"].keys()
    for service in ("schema", "booking"):
        settings = dict(compose["services"][service]["environment"])
        (tmp_path / "url").write_text("postgresql://booking:secret@db/booking?sslmode=disable")
        settings["BOOKING_DATABASE_URL_FILE"] = str(tmp_path / "url")
        Config.from_environ(settings)


def test_the_database_of_compose(compose: Any, server_url: str, tmp_path: Path) -> None:
    """Its role is no superuser, makes the tables, and `check` finds nothing that is amiss."""
    name, password = f"booking_{secrets.token_hex(4)}", "it's a secret"
    (tmp_path / "password").write_text(password)
    script = compose["configs"]["make_database"]["content"]
    script = re.sub(r"(role|database|owner) booking\b", rf"\1 {name}", script)
    script = script.replace("/run/secrets/booking_password", str(tmp_path / "password"))
    (tmp_path / "make.sql").write_text(script)
    psql(server_url, "-f", str(tmp_path / "make.sql"))
    try:
        parts = urlsplit(server_url)
        netloc = f"{name}:it%27s%20a%20secret@{parts.netloc.rpartition('@')[2]}"
        url = parts._replace(netloc=netloc, path=f"/{name}").geturl()
        assert run("schema", "--apply", database_url=url).returncode == 0
        checked = run("check", database_url=url)
        assert checked.returncode == 0, checked.stdout
    finally:
        psql(server_url, "-c", f"drop database {name} with (force)", "-c", f"drop role {name}")


@pytest.fixture
def unit(tmp_path: Path) -> Path:
    """The unit, with a command that is there."""
    path = tmp_path / UNIT.name
    path.write_text(UNIT.read_text().replace("/opt/vapi-booking/bin/booking-asgi", "/bin/true"))
    return path


@systemd
def test_systemd_understands_the_unit(unit: Path) -> None:
    """It has no word to say against a line of it."""
    done = subprocess.run(["systemd-analyze", "verify", str(unit)], capture_output=True, text=True)
    # Other units of this machine are verified with it.
    said = [line for line in done.stderr.splitlines() if UNIT.stem in line]
    assert (done.returncode, said) == (0, [])


@systemd
def test_the_unit_is_locked_down(unit: Path) -> None:
    """As systemd itself measures it."""
    command = ["systemd-analyze", "security", "--offline=yes", str(unit)]
    done = subprocess.run(command, capture_output=True, text=True)
    exposure = re.search(r"Overall exposure level for \S+: ([\d.]+)", done.stdout)
    assert exposure, done.stderr
    assert float(exposure[1]) <= MOST_EXPOSED, done.stdout
