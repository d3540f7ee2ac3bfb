"""The settings: one value, read from the environment once."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Self

from booking_asgi.address import Address


class ConfigError(Exception):
    """A setting is wrong; the message names its variable, and repeats no secret."""


SHORTEST_SECRET = 32
RENAMED = {"BOOKING_HMAC_SECRET": "BOOKING_HMAC_SECRETS"}
# They may stand in a file, which a variable of this name with _FILE names.
SECRET = ("database_url", "hmac_secrets")
# The tests and benchmarks set these variables. They start the command as operators do.
ELSEWHERE = re.compile(r"BOOKING_(?:TEST_\w+|SEED|FUZZ)")
# Kubernetes sets these variables for a service that is named booking.
KUBERNETES = re.compile(
    r"BOOKING_(?:\w+_)?(?:SERVICE_(?:HOST|PORT\w*)|PORT_\d+_(?:TCP|UDP|SCTP)\w*)"
)
INSECURE = (
    "must say sslmode=verify-full, or at least require, where the database is on another machine;"
    " or sslmode=disable, where the network is your own"
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Config:
    """Each field is the variable BOOKING_... of the same name; `database_url` None is embedded."""

    database_url: str | None = field(default=None, repr=False)
    data_dir: Path = Path(".data/postgres")
    pg_bin: Path | None = None
    host: str = "127.0.0.1"
    port: int = 3001
    pool_size: int = 10
    statement_cache_size: int = 100
    deadline_seconds: float = 4.0
    horizon_days: int = 731
    most_per_call: int = 4
    most_per_contact: int = 10
    log_format: Literal["text", "json"] = "text"
    metrics_host: str = "127.0.0.1"
    metrics_port: int | None = None
    hmac_secrets: tuple[str, ...] = field(default=(), repr=False)
    hmac_signature_header: str = "x-signature"
    hmac_timestamp_header: str = "x-timestamp"
    hmac_algorithm: Literal["sha256", "sha512"] = "sha256"
    hmac_encoding: Literal["hex", "base64"] = "hex"
    hmac_prefix: str = ""

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> Self:
        """Read the variables that are set and not empty. Raises `ConfigError`."""
        if environ.get("BOOKING_HMAC_SECRETS", "unset").strip() == "":
            # A secret that got lost on its way must not turn the check off.
            raise ConfigError("BOOKING_HMAC_SECRETS is set, but empty")
        for old, new in RENAMED.items():
            if old in environ:
                raise ConfigError(f"{old} is now {new}")
        for variable in sorted(environ):
            if variable.startswith("BOOKING_") and not _is_known(variable):
                raise ConfigError(f"{variable} is no setting of ours: is it misspelled?")
        values: dict[str, Any] = {}
        for name, read in READERS.items():
            variable = f"BOOKING_{name.upper()}"
            text = environ.get(variable, "").strip()
            if name in SECRET and (path := environ.get(f"{variable}_FILE", "").strip()):
                text = _content(variable, path, text)
            if text:
                try:
                    values[name] = read(text)
                except ValueError as error:
                    raise ConfigError(f"{variable} {error}") from None
        config = cls(**values)
        if config.database_url is not None:
            refuse_unsafe(config.database_url, environ)
        return config


def refuse_unsafe(database_url: str, environ: Mapping[str, str]) -> None:
    """Raise `ConfigError` where the password could cross a network in clear text."""
    try:
        address = Address.of(database_url, environ)
    except ValueError as error:
        raise ConfigError(f"BOOKING_DATABASE_URL {error}") from None
    if not address.is_safe:
        raise ConfigError(f"BOOKING_DATABASE_URL {INSECURE}")


def _is_known(variable: str) -> bool:
    name = variable.removeprefix("BOOKING_").lower()
    return (
        name in READERS
        or (name.endswith("_file") and name.removesuffix("_file") in SECRET)
        or any(pattern.fullmatch(variable) for pattern in (ELSEWHERE, KUBERNETES))
        or variable in RENAMED
    )


def _content(variable: str, path: str, beside: str) -> str:
    """The content of the file of a secret, without the end of the line."""
    if beside:
        raise ConfigError(f"{variable} and {variable}_FILE are both set: leave one out")
    try:
        text = Path(path).read_text(encoding="utf-8").strip()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "is no text"
        raise ConfigError(f"{variable}_FILE can't be read: {reason}") from None
    if not text:
        raise ConfigError(f"{variable}_FILE names an empty file")
    return text


def _whole_number(lowest: int, highest: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        if text.isascii() and text.isdigit() and lowest <= int(text) <= highest:
            return int(text)
        raise ValueError(f"must be a whole number from {lowest} to {highest}")

    return read


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0
    if 0.1 <= seconds <= 300:
        return seconds
    raise ValueError("must be 0.1 to 300 seconds")


def _one_of(*choices: str) -> Callable[[str], str]:
    def read(text: str) -> str:
        if text in choices:
            return text
        raise ValueError(f"must be {' or '.join(choices)}")

    return read


def _postgres_url(text: str) -> str:
    if text.lower().startswith(("postgres://", "postgresql://")):
        return text
    raise ValueError("must be a URL such as postgresql://user:password@host/database")


def _secrets(text: str) -> tuple[str, ...]:
    secrets = tuple(text.split())
    if all(len(secret) >= SHORTEST_SECRET for secret in secrets):
        return secrets
    raise ValueError(
        f"must be secrets of at least {SHORTEST_SECRET} characters, with spaces between"
    )


READERS: Mapping[str, Callable[[str], object]] = {
    "database_url": _postgres_url,
    "data_dir": Path,
    "pg_bin": Path,
    "host": str,
    "port": _whole_number(1, 65535),
    "pool_size": _whole_number(1, 1000),
    "statement_cache_size": _whole_number(0, 10_000),
    "deadline_seconds": _seconds,
    "horizon_days": _whole_number(1, 3660),
    "most_per_call": _whole_number(1, 1000),
    "most_per_contact": _whole_number(1, 10_000),
    "log_format": _one_of("text", "json"),
    "metrics_host": str,
    "metrics_port": _whole_number(1, 65535),
    "hmac_secrets": _secrets,
    "hmac_signature_header": str.lower,
    "hmac_timestamp_header": str.lower,
    "hmac_algorithm": _one_of("sha256", "sha512"),
    "hmac_encoding": _one_of("hex", "base64"),
    "hmac_prefix": str,
}
