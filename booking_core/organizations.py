"""The organizations: their time zones and phone regions, and the tokens that open them."""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import asyncpg
import phonenumbers

from booking_core._statements import (
    ADD_ORGANIZATION,
    ADD_RESOURCE,
    ADD_TOKEN,
    FIND_ORGANIZATION,
    FIND_ORGANIZATION_BY_TOKEN,
    LIST_LIVE_TOKENS,
    LIST_ORGANIZATIONS,
    LIST_TOKENS,
    REMOVE_ORGANIZATION,
    REVOKE_TOKEN,
    TOUCH_TOKENS,
    Connection,
    check_connection,
)
from booking_core.errors import InvalidRequest, OrganizationNotFound, OrganizationNotReady
from booking_core.resources import parse_resources
from booking_core.spoken import parse_text
from booking_core.zones import is_region, zone

TOKEN = re.compile(r"[!-~]+")


@dataclass(frozen=True, kw_only=True, slots=True)
class Organization:
    """An organization: `timezone` is an IANA name, such as America/New_York, and `phone_region` a
    code of ISO 3166, such as US.

    Raises `OrganizationNotReady` if either is not known: neither has a default.
    """

    id: UUID
    timezone: str
    phone_region: str

    def __post_init__(self) -> None:
        if not _is_zone(self.timezone):
            raise OrganizationNotReady(f"the organization {self.id} has no known time zone")
        if self.phone_region not in phonenumbers.SUPPORTED_REGIONS:
            raise OrganizationNotReady(f"the organization {self.id} has no known phone region")

    @property
    def zone(self) -> ZoneInfo:
        """The time zone, by the newest zone rules that are installed."""
        return zone(self.timezone)


async def add_organization(
    conn: Connection,
    *,
    name: str,
    timezone: str,
    phone_region: str,
    resources: Sequence[str] = ("main",),
    org_id: UUID | None = None,
) -> Organization:
    """Add an organization and what can be booked there; commits like `book`.

    Raises `InvalidRequest`, with nothing written: for a zone or a region that is not known, without
    a resource, for a name that is not one line of printable text, and where there is an
    organization of that `org_id` already.
    """
    check_connection(conn)
    if not (_is_zone(timezone) and is_region(timezone)):
        problem = "It must be Region/City, such as America/New_York, or UTC"
        raise InvalidRequest("INVALID_ARGUMENTS", "timezone", problem)
    if phone_region not in phonenumbers.SUPPORTED_REGIONS:
        problem = "It must be a country's code of two letters, such as US"
        raise InvalidRequest("INVALID_ARGUMENTS", "phone_region", problem)
    resources = parse_resources(resources)
    name = parse_text(name, "name")
    wanted = Organization(id=org_id or uuid4(), timezone=timezone, phone_region=phone_region)
    values = {"org_id": wanted.id, "name": name, "timezone": timezone, "phone_region": phone_region}
    async with conn.transaction():
        if await conn.fetchval(*ADD_ORGANIZATION.bind(values)) is None:
            problem = "There is an organization of this id already"
            raise InvalidRequest("INVALID_ARGUMENTS", "org_id", problem)
        for resource in resources:
            await conn.execute(*ADD_RESOURCE.bind({**values, "resource": resource}))
    return wanted


async def list_organizations(conn: Connection) -> dict[UUID, str]:
    """The name of each organization by its id, in the order of the names."""
    check_connection(conn)
    return {row["id"]: row["name"] for row in await conn.fetch(*LIST_ORGANIZATIONS.bind({}))}


async def remove_organization(conn: Connection, org_id: UUID) -> int:
    """Remove the organization with its appointments, contacts, resources and tokens, for good.

    Returns how many contacts it had. Nothing is removed where a row of a table that is not ours
    still points at it: asyncpg's own error.
    """
    check_connection(conn)
    removed: int = await conn.fetchval(*REMOVE_ORGANIZATION.bind({"org_id": org_id}))
    return removed


@dataclass(frozen=True, kw_only=True, slots=True)
class Token:
    """A credential as it is stored: `id` is the start of its hash, the token itself is not kept.
    `last_used_at` is of the hour."""

    id: str
    label: str
    created_at: datetime
    last_used_at: datetime | None
    revoked_at: datetime | None


async def add_token(
    conn: Connection, org_id: UUID, *, label: str = "", token: str | None = None
) -> str:
    """Give the organization one more token, random unless given, and return it: only its hash is
    stored, so that it can't be shown again. Raises `OrganizationNotFound`, and `InvalidRequest` for
    a token that is known already (another's, or revoked) or that no header can hold, and for a
    label that is not one line of printable text."""
    check_connection(conn)
    token = token or secrets.token_urlsafe(32)
    if not (isinstance(token, str) and TOKEN.fullmatch(token)):
        problem = "It must be letters, digits and signs of ASCII, without spaces"
        raise InvalidRequest("INVALID_ARGUMENTS", "token", problem)
    label = label and parse_text(label, "label")
    values = {"token_sha256": token_sha256(token), "org_id": org_id, "label": label}
    try:
        async with conn.transaction():
            added = await conn.fetchval(*ADD_TOKEN.bind(values))
    except asyncpg.ForeignKeyViolationError as error:
        raise OrganizationNotFound("there is no organization of this id") from error
    if added is None:
        raise InvalidRequest("INVALID_ARGUMENTS", "token", "It is known already: take another one")
    return token


async def list_tokens(conn: Connection, org_id: UUID) -> list[Token]:
    """All tokens of the organization, the revoked ones too, newest first."""
    check_connection(conn)
    return [Token(**row) for row in await conn.fetch(*LIST_TOKENS.bind({"org_id": org_id}))]


async def revoke_token(conn: Connection, org_id: UUID, token_id: str) -> bool:
    """Revoke the token. An endpoint refuses it within 5 seconds. Returns whether there is one."""
    check_connection(conn)
    values = {"org_id": org_id, "token_id": token_id}
    return await conn.fetchrow(*REVOKE_TOKEN.bind(values)) is not None


async def find_organization(conn: Connection, org_id: UUID) -> Organization | None:
    """The organization of this id. Raises `OrganizationNotReady` where it has no usable zone or
    region."""
    check_connection(conn)
    row = await conn.fetchrow(*FIND_ORGANIZATION.bind({"org_id": org_id}))
    return None if row is None else Organization(**row)


async def find_organization_by_token(conn: Connection, token: str) -> Organization | None:
    """The organization whose token this is, while it is not revoked.

    Raises `OrganizationNotReady` where the organization has no usable zone or region.
    """
    check_connection(conn)
    row = await conn.fetchrow(
        *FIND_ORGANIZATION_BY_TOKEN.bind({"token_sha256": token_sha256(token)})
    )
    return None if row is None else Organization(**row)


async def list_live_tokens(
    conn: Connection,
) -> dict[bytes, Organization | OrganizationNotReady]:
    """The SHA-256 of each token that is not revoked, with its organization, or with the reason why
    the organization can't book. It is for a service that loads all tokens at once."""
    check_connection(conn)
    live: dict[bytes, Organization | OrganizationNotReady] = {}
    for token, *fields in await conn.fetch(*LIST_LIVE_TOKENS.bind({})):
        org_id, timezone, phone_region = fields
        try:
            live[token] = Organization(id=org_id, timezone=timezone, phone_region=phone_region)
        except OrganizationNotReady as error:
            live[token] = error
    return live


async def touch_tokens(conn: Connection, hashes: Collection[bytes]) -> None:
    """Write down that the tokens of these SHA-256 are in use, each once an hour at most."""
    check_connection(conn)
    await conn.execute(*TOUCH_TOKENS.bind({"tokens": list(hashes)}))


def _is_zone(name: str) -> bool:
    try:
        return bool(zone(name))
    except (ValueError, OSError, TypeError, LookupError):
        return False


def token_sha256(token: str) -> bytes:
    # Hashed, a token can't be guessed byte by byte from the time of the index lookup either.
    return hashlib.sha256(token.encode()).digest()
