"""The Dockerfile without a container engine: its steps, done in a folder by this machine's Python.

The folder stands for the root of the image. The base image and the user are not the image's own.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
IN_IMAGE = re.compile(r"(?<![\w./])/(?=opt/|src\b)")


@dataclass(frozen=True)
class Image:
    """What the steps made. `entrypoint` and `health` are commands of this machine."""

    folder: Path
    entrypoint: list[str]
    health: list[str]
    user: str


class DidNotBuild(Exception):
    """A RUN line failed; the message is what it said."""


def instructions() -> list[tuple[str, str]]:
    """Each line of the Dockerfile: `("RUN", "python -m venv /opt/uv")`."""
    text = re.sub(r"\\\n", " ", (ROOT / "Dockerfile").read_text())
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return [(line.split(" ", 1)[0], line.split(" ", 1)[1]) for line in lines]


def build(folder: Path) -> Image:
    """Do the steps in the folder. Raises `DidNotBuild`."""
    workdir = folder
    found: dict[str, str] = {}
    for word, rest in instructions():
        if word == "WORKDIR":
            workdir = folder / rest.lstrip("/")
            workdir.mkdir(exist_ok=True)
        elif word == "COPY" and not rest.startswith("--from"):
            *sources, target = rest.split()
            for source in sources:
                _copy(ROOT / source, workdir / target)
        elif word == "RUN":
            _run(_here(rest, folder), workdir)
        else:
            found[word] = rest
    installed = folder / "opt" / "booking" / "bin"
    health = json.loads(found["HEALTHCHECK"].partition(" CMD ")[2])
    command = json.loads(found["ENTRYPOINT"]) + json.loads(found["CMD"])
    return Image(
        folder=folder,
        entrypoint=[str(installed / command[0]), *command[1:]],
        health=[str(installed / health[0]), *health[1:]],
        user=found["USER"],
    )


def _here(command: str, folder: Path) -> str:
    command = IN_IMAGE.sub(f"{folder}/", command)
    # The interpreter of the base image is ours.
    return re.sub(r"^python(?= )", getattr(sys, "_base_executable", sys.executable), command)


def _copy(source: Path, target: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
    else:
        shutil.copy(source, target / source.name if target.is_dir() else target)


def _run(command: str, workdir: Path) -> None:
    done = subprocess.run(
        ["sh", "-c", command], cwd=workdir, capture_output=True, text=True, timeout=300
    )
    if done.returncode != 0:
        raise DidNotBuild(f"{command}\n{done.stdout}{done.stderr}")
