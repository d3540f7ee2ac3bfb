"""The address in a database URL: the database, its hosts, and whether TLS is required."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self
from urllib.parse import parse_qsl, unquote, urlsplit

from booking_asgi.connections import without_libpq_only

# What asyncpg takes for require and better, and what an operator writes to do without.
DECIDED = frozenset({"require", "verify-ca", "verify-full", "disable"})
# A Unix socket or a name, or an IPv6 address in brackets; then maybe a port.
HOST = re.compile(r"(/.*)|(?:\[([^\]]+)\]|([^\[/:][^\[:]*))(?::[0-9]*)?", re.S)
UNREADABLE = "can't be read: is each / ? # @ of its password percent-encoded?"


@dataclass(frozen=True, kw_only=True, slots=True)
class Address:
    """The address that asyncpg reads from a URL and from libpq's variables.

    Without hosts, asyncpg tries the Unix sockets of this machine and then localhost.
    """

    hosts: tuple[str, ...]
    database: str
    sslmode: str
    service: str
    is_near: bool
    """Whether each host is sure to be this machine."""

    @classmethod
    def of(cls, url: str, environ: Mapping[str, str]) -> Self:
        """Read the URL, whose gaps libpq's variables fill. Raises `ValueError`, without its text.

        The URL's own host comes first, then its option host, then its service, then PGHOST. A
        service file may name any host, and its sslmode comes before PGSSLMODE: with a service only
        the URL's own words count. asyncpg 0.32 does not read PGSERVICE, but a later one may.
        """
        try:
            # What asyncpg is given. It reads no fragment, so a # would hide the options behind it.
            parts = urlsplit(without_libpq_only(url))
            options = dict(parse_qsl(parts.query, strict_parsing=bool(parts.query)))
        except ValueError:  # its words repeat a piece of the password
            raise ValueError(UNREADABLE) from None
        # asyncpg splits at the first @, so one that is not encoded would lead elsewhere.
        user, at, where = parts.netloc.partition("@")
        service = options.get("service", "")
        gaps = {} if service else environ
        if own := where if at else user:
            hosts = tuple(map(unquote, _hosts(own, UNREADABLE)))
        elif listed := options.get("host"):
            hosts = _hosts(listed, UNREADABLE)
        else:
            hosts = _hosts(gaps.get("PGHOST", ""), "names no host, and PGHOST can't be read")
        named = options.get("dbname") or options.get("database") or gaps.get("PGDATABASE", "")
        database = unquote(parts.path[1:]) if parts.path else named
        if "#" in url or any("@" in part for part in (*hosts, database)):
            raise ValueError(UNREADABLE)
        has_service = bool(service or environ.get("PGSERVICE"))
        is_given = bool(own or options.get("host"))
        return cls(
            hosts=hosts,
            database=database,
            sslmode=options.get("sslmode") or ("" if has_service else environ.get("PGSSLMODE", "")),
            service=service,
            is_near=all(map(is_loopback, hosts)) and (is_given or not has_service),
        )

    @property
    def label(self) -> str:
        """The database's name and its hosts, for the operator; no user and no password."""
        where = f"service {self.service}" if self.service else "this machine"
        name = "of the service" if self.service else "of the user's name"
        return f"{self.database or name} on {', '.join(self.hosts) or where}"

    @property
    def is_safe(self) -> bool:
        """Whether TLS is required, the connection stays on this machine, or clear text is meant."""
        return self.is_near or self.sslmode in DECIDED


def is_loopback(host: str) -> bool:
    """Whether the host is this machine: a Unix socket, localhost, or a loopback address."""
    if host.startswith("/") or host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _hosts(text: str, problem: str) -> tuple[str, ...]:
    """The hosts of a list without their ports. Raises `ValueError` with `problem`."""
    found = [HOST.fullmatch(host) for host in text.split(",")] if text else []
    if None in found:
        raise ValueError(problem)
    return tuple(match[match.lastindex or 0] for match in found if match)
