"""The result of `pip install`: the wheel in an environment of its own, without Starlette."""

from __future__ import annotations

import re
import subprocess
import sys
import tarfile
import tomllib
import venv
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

from booking_core import __all__ as exported
from tests.conftest import SCHEMA

ROOT = SCHEMA.parent.parent
LOCKS = sorted(ROOT.glob("requirements*.txt"))
LIBRARY = ["asyncpg", "email_validator", "phonenumbers", "dns", "idna", "tzdata"]


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of an environment that has the built wheel and what the library needs."""
    folder = tmp_path_factory.mktemp("installed")
    build = [sys.executable, "-m", "hatchling", "build", "-d", str(folder)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    [wheel] = folder.glob("*.whl")
    venv.create(folder / "venv", with_pip=False, symlinks=True)
    [packages] = (folder / "venv").glob("lib/python*/site-packages")
    # Unpacked, which is all that installing a pure wheel is: no package index is asked.
    subprocess.run([sys.executable, "-m", "zipfile", "-e", wheel, packages], check=True)
    here = Path(pytest.__file__).parent.parent
    for name in LIBRARY:
        (packages / name).symlink_to(here / name)
    return folder / "venv" / "bin" / "python"


def run(python: Path, *arguments: str, **environ: str) -> str:
    command = [str(python), "-I", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, env=environ, cwd="/")
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_the_library_alone(python: Path) -> None:
    """`import booking_core` needs neither Starlette nor any variable, nor does it load one."""
    program = """
import booking_core, importlib.util, sys
print(importlib.util.find_spec("starlette"), "booking_asgi" in sys.modules)
"""
    assert run(python, "-c", program) == "None False"


def test_each_statement_is_in_the_wheel(python: Path) -> None:
    """Each statement is in the wheel as it stands in the checkout."""
    program = """
from importlib.resources import files
sql = files("booking_core") / "sql"
for file in sorted(sql.rglob("*.sql")):
    print(file.relative_to(sql), len(file.read_bytes()))
"""
    folder = SCHEMA.parent
    files = sorted(folder.rglob("*.sql"))
    expected = "\n".join(f"{path.relative_to(folder)} {path.stat().st_size}" for path in files)
    assert run(python, "-c", program) == expected


def test_both_packages_are_typed(python: Path) -> None:
    program = """
from importlib.util import find_spec
from pathlib import Path
for name in ("booking_core", "booking_asgi"):
    print(Path(find_spec(name).origin).with_name("py.typed").is_file())
"""
    assert run(python, "-c", program) == "True\nTrue"


def test_the_readmes_example(python: Path, empty_url: str, tmp_path: Path) -> None:
    """The first code of the README, word for word, on the wheel and an empty database; twice."""
    [example] = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.S)[:1]
    (tmp_path / "example.py").write_text(example)
    for _ in range(2):
        printed = run(python, str(tmp_path / "example.py"), DATABASE_URL=empty_url)
        assert printed == "Booked 2030-12-02 19:00:00+00:00"


def test_the_command_without_its_packages(python: Path) -> None:
    """One line says what is missing, and the library works all the same."""
    command = [str(python), "-I", "-m", "booking_asgi", "--version"]
    done = subprocess.run(command, capture_output=True, text=True, cwd="/")
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert re.match(r"booking-asgi needs \w+: install the extra", done.stderr)


def test_the_public_names_are_sorted() -> None:
    assert sorted(exported) == exported


def test_the_sdist_tests_itself(tmp_path: Path) -> None:
    """It holds every file of the checkout that `make test` needs."""
    build = [sys.executable, "-m", "hatchling", "build", "-t", "sdist", "-d", str(tmp_path)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    [sdist] = tmp_path.glob("*.tar.gz")
    with tarfile.open(sdist) as packed:
        names = {Path(*Path(name).parts[1:]) for name in packed.getnames()}
    folders = ("booking_core", "booking_asgi", "sql", "tests", "bench", "docs")
    needed = {
        path.relative_to(ROOT)
        for folder in folders
        for path in (ROOT / folder).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    files = ("Makefile", "pyproject.toml", "README.md", "Dockerfile", ".dockerignore")
    needed |= {Path(name) for name in (*files, "compose.yaml")}
    needed |= {path.relative_to(ROOT) for path in LOCKS}
    assert needed - names == set()


def test_a_lock_has_hashes_and_no_address() -> None:
    """Every package is pinned with a hash, in the lock of the installer too, and no lock names a
    registry."""
    assert [path.stem.partition("-")[2] for path in LOCKS] == ["bench", "lowest", "serve", "uv", ""]
    for path in LOCKS:
        text = path.read_text()
        assert "://" not in text and "index-url" not in text and "find-links" not in text
        pinned = re.findall(r"^\S+==.*(?:\n {4}.*)+", text, re.MULTILINE)
        assert pinned and all("--hash=sha256:" in one for one in pinned)
        assert len(pinned) == len(re.findall(r"^[^\s#]", text, re.MULTILINE))


def test_the_lower_bounds_are_the_versions_that_are_tried() -> None:
    """Each dependency has a lower bound, and `make test-lowest` installs that very version."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"].values()
    given = [Requirement(line) for lines in (project["dependencies"], *extras) for line in lines]
    bounds = {one.name: one.specifier for one in given}
    lock = (ROOT / "requirements-lowest.txt").read_text()
    tried = dict(re.findall(r"^([\w-]+)==([\w.]+)", lock, re.MULTILINE))
    for name, bound in bounds.items():
        [lowest] = bound
        assert lowest.operator == ">="
        assert Version(tried[name]) == Version(lowest.version), name
