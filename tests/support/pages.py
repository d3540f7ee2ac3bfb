"""The pages of the documentation: their blocks, and a reader who follows a page to the letter.

A block of sh, python or sql is run, in the order of the page. A block of text or json behind it is
what it prints. `<!-- not run: reason -->` above a block says why it is left out.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.support import servers
from tests.support.commands import answers, environ, free_port
from tests.support.processes import end_with_parent, wait_until

ROOT = Path(__file__).parent.parent.parent
DOCS = ROOT / "docs"
RUN = {"sh", "python", "sql"}
SHOWN = {"text", "json", "mermaid"}
EXAMPLE_URL = "postgresql://booking:secret@db.example.com/booking?sslmode=verify-full"
PORT = re.compile(r"(?<=[: ])(3001|800\d)\b")
SERVERS = ("make run", "booking-asgi serve", "uvicorn ")
# What is another one each time, and a reader takes from what was printed before.
OWN = {
    "uuid": re.compile(r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b"),
    "token": re.compile(r"(?<![\w-])[\w-]{43}(?![\w-])"),
    "id": re.compile(r"(?<![\w-])[0-9a-f]{12}(?![\w-])"),
}
# What depends on the day, or on the release.
DATED = {
    r"[A-Z][a-z]+day, [A-Z][a-z]+ \d+(, \d{4})?": "<day>",
    r"\d{4}-\d\d-\d\d(T\d\d:\d\d:\d\d)[-+]\d\d:\d\d": r"<date>\1<offset>",
    r"\d{4}-\d\d-\d\d \d\d:\d\dZ": "<date>",
    r"\d{4}-\d\d-\d\d \d\d:\d\d(:\d\d)?\b": "<moment>",
    r"\b\d{4}_[a-z_]+": "<migration>",
}
STATE = "state.sh"
# The last line of what is shown, where more is printed.
MORE = "\n..."


@dataclass(frozen=True)
class Block:
    line: int
    language: str
    code: str
    not_run: str | None = None


def pages() -> list[Path]:
    """Every page that a reader may come to, the README first."""
    return [ROOT / "README.md", *sorted(DOCS.rglob("*.md"))]


def name(page: Path) -> str:
    return str(page.relative_to(ROOT)) if page.is_relative_to(ROOT) else page.name


def blocks(page: Path) -> Iterator[Block]:
    lines = page.read_text().splitlines()
    begun: int | None = None
    for number, line in enumerate(lines):
        if not line.startswith("```"):
            continue
        if begun is None:
            begun = number
            continue
        above = re.fullmatch(r"<!-- not run: (.+) -->", lines[begun - 1])
        code = "\n".join(lines[begun + 1 : number]) + "\n"
        yield Block(begun + 1, lines[begun].removeprefix("```"), code, above and above[1])
        begun = None
    assert begun is None, f"{page}: a block that does not end"


def prose(page: Path) -> str:
    """The page without its blocks."""
    return re.sub(r"^```.*?^```", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)


def anchors(page: Path) -> set[str]:
    """As GitHub makes them of the headings."""
    headings = re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings}


@dataclass
class Reader:
    """Follows a page in a fresh folder, with the checkout's environment and a database."""

    folder: Path
    database_url: str
    output: str = ""
    has_failed: bool = False
    told: dict[str, str] = field(default_factory=dict)
    ports: dict[str, int] = field(default_factory=dict)
    servers: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def __post_init__(self) -> None:
        for shared in ("docs", "sql"):
            (self.folder / shared).symlink_to(ROOT / shared)
        (self.folder / ".venv").symlink_to(sys.prefix)

    def follow(self, page: Path) -> None:
        behind_run = False
        for block in blocks(page):
            where = f"{name(page)}:{block.line}"
            if block.language in RUN:
                behind_run = block.not_run is None
                if behind_run:
                    self.run(block, where)
            elif block.language in ("text", "json"):
                if behind_run:
                    self.compare(block, where)
                elif self.servers and block.code.startswith("VapiTools: "):
                    self.find_in_log(block, where)
                behind_run = False
            self._check_servers(where)
        assert not self.has_failed, f"the end of {name(page)}: a command failed:\n{self.output}"

    def run(self, block: Block, where: str) -> None:
        assert not self.has_failed, f"before {where}: a command failed:\n{self.output}"
        code = self._mine(block.code)
        if block.language == "sh" and code.startswith(SERVERS) and code.count("\n") == 1:
            self._serve(code.strip())
        elif block.language == "sh":
            self._run_shell(code)
        elif block.language == "sql":
            (self.folder / "block.sql").write_text(code)
            psql = f"psql {self.database_url} -Xqv ON_ERROR_STOP=1 -f block.sql"
            self._run_shell(psql)
        elif file := re.match(r"# (\w+\.py)\n", code):
            (self.folder / file[1]).write_text(code)
        else:
            (self.folder / "block.py").write_text(code)
            self._run_shell("python block.py")

    def compare(self, block: Block, where: str) -> None:
        """What was printed is what the page shows, but for ids and days."""
        shown = self._mine(block.code)
        for pattern in OWN.values():
            ours, theirs = pattern.findall(shown), pattern.findall(self.output)
            if len(ours) == len(theirs):
                self.told.update(zip(ours, theirs, strict=True))
        if block.language == "json":
            assert json.loads(_plain(self.output)) == json.loads(_plain(shown)), where
        else:
            said, expected = _plain(self.output).strip(), _plain(shown).strip()
            if expected.endswith(MORE):
                expected = expected.removesuffix(MORE)
                said = said[: len(expected)]
            assert said == expected, f"{where}:\n{self.output}"
        self.has_failed = False

    def find_in_log(self, block: Block, where: str) -> None:
        """The server has written these lines, in this order."""
        pattern = ".*".join(map(re.escape, block.code.splitlines()))
        wait_until(lambda: re.search(pattern, self._log().read_text(), re.DOTALL) is not None)

    def close(self) -> None:
        for server in self.servers:
            if server.poll() is None:
                os.killpg(server.pid, signal.SIGTERM)
        for server in self.servers:
            server.wait(60)

    def _run_shell(self, code: str) -> None:
        """Each variable of a block is there for the next one, as in one shell."""
        script = (
            f"set -ea\n[ ! -f {STATE} ] || . ./{STATE}\ntrap 'export -p > {STATE}' EXIT\n{code}"
        )
        done = subprocess.run(
            ["sh", "-c", script],
            cwd=self.folder,
            env=self._environ(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=60,
        )
        self.output = re.sub(r"^Database .+ on .+\n", "", done.stdout, flags=re.MULTILINE)
        # A page must show what a command says that fails.
        self.has_failed = done.returncode != 0

    def _serve(self, command: str) -> None:
        port = next(iter(re.findall(r"--port (\d+)", command)), None) or self._port("3001")
        if command == "make run":
            recipe = (ROOT / "Makefile").read_text().partition("\nrun: ")[2].partition("\n\n")[0]
            assert "$(BIN)/booking-asgi serve --demo" in recipe
            command = "booking-asgi serve --demo"
        script = f"[ ! -f {STATE} ] || . ./{STATE}\nexec {command}"
        with self._log().open("ab") as log:
            server = subprocess.Popen(
                ["sh", "-c", script],
                cwd=self.folder,
                env=self._environ(),
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=end_with_parent,
            )
        self.servers.append(server)
        wait_until(lambda: answers(int(port)) or server.poll() is not None)

    def _check_servers(self, where: str) -> None:
        ended = [server for server in self.servers if server.poll() is not None]
        assert ended == [], f"{where}: {self._log().read_text()}"

    def _log(self) -> Path:
        return self.folder / "log"

    def _environ(self) -> Mapping[str, str]:
        path = [str(Path(sys.executable).parent), str(servers.programs()), os.environ["PATH"]]
        ours = environ(port=self._port("3001"))
        return {**ours, "PATH": ":".join(path), "DATABASE_URL": self.database_url}

    def _port(self, shown: str) -> str:
        return str(
            self.ports.setdefault(shown, 0)
            or self.ports.update({shown: free_port()})
            or self.ports[shown]
        )

    def _mine(self, code: str) -> str:
        """The block as this reader types it: their own database, port, and what was printed."""
        for shown, own in {EXAMPLE_URL: self.database_url, **self.told}.items():
            code = code.replace(shown, own)
        return PORT.sub(lambda found: self._port(found[1]), code)


def _plain(text: str) -> str:
    for kind, pattern in OWN.items():
        text = pattern.sub(f"<{kind}>", text)
    for dated, plain in DATED.items():
        text = re.sub(dated, plain, text)
    return text
