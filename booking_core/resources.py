"""The resources of an organization, and which of them is meant, however its name is spelled."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from booking_core._statements import (
    ADD_RESOURCE,
    FIND_ORGANIZATION,
    LIST_BOOKABLE,
    LIST_RESOURCES,
    RENAME_RESOURCE,
    RETIRE_RESOURCE,
    Connection,
    check_connection,
)
from booking_core.errors import InvalidRequest, OrganizationNotFound, OrganizationNotReady
from booking_core.spoken import INVISIBLE, parse_text

# So many names can be said in one breath.
MOST_CHOICES = 4
LIST_FORM = "It must be a list of names, such as ['Dr. Lee', 'Dr. Kim']"
# The titles that people put before a name or behind it, folded.
TITLE = re.compile(
    r"(dra?|doc|doct(or|ora|eur)|dott(ore|oressa)?|prof|prof(essor|esora?)|m[rsx]|mrs|mister|miss|sir"
    r"|madame?|mme|sra?|srta|se\u00f1or(a|ita)?|herr|frau|monsieur|md|do|dds|dmd|phd|dpm|dc|od|rn|np|pa)"
)


def parse_resources(names: object) -> list[str]:
    """The names to set an organization up with, as they are stored.

    Raises `InvalidRequest` for what is no list of names, and for an empty one. Pure.
    """
    if isinstance(names, str) or not isinstance(names, Sequence):
        raise InvalidRequest("INVALID_ARGUMENTS", "resources", LIST_FORM)
    if not names:
        raise InvalidRequest("INVALID_ARGUMENTS", "resources", "At least one is needed")
    return [parse_text(name, "resources") for name in names]


def match_resources(said: str, names: Sequence[str]) -> list[str]:
    """Those of `names` that are `said`, by case, spaces and forms of a letter; else those that are
    without titles and punctuation. Pure."""
    for form in (_fold, _bare):
        if (key := form(said)) and (matching := [name for name in names if form(name) == key]):
            return matching
    return []


@dataclass(frozen=True, kw_only=True, slots=True)
class Resource:
    """Whom or what an appointment is with. One that was retired is not `active`: nobody can book it
    any more, and its appointments stay."""

    resource: str
    active: bool


async def list_resources(conn: Connection, org_id: UUID) -> list[Resource]:
    """All resources of the organization, the retired ones too, by name. Raises
    `OrganizationNotFound`."""
    check_connection(conn)
    check_id(org_id, "org_id")
    rows = await conn.fetch(*LIST_RESOURCES.bind({"org_id": org_id}))
    if not rows:
        await check_organization(conn, org_id)
    return [Resource(**row) for row in rows]


async def add_resource(conn: Connection, org_id: UUID, resource: str) -> Resource:
    """Add a resource, which can be booked from now on, and return it as it is stored.

    One that is there already, in whatever spelling, keeps its name; if it was retired, it can be
    booked again. A new one has no opening hours, and is open at all times until it has some. Raises
    `InvalidRequest` for a name that is not one line of printable text, and `OrganizationNotFound`.
    """
    check_connection(conn)
    name = parse_text(resource, "resource")
    name = _same(name, await list_resources(conn, org_id)) or name
    await conn.execute(*ADD_RESOURCE.bind({"org_id": org_id, "resource": name}))
    return Resource(resource=name, active=True)


async def rename_resource(conn: Connection, org_id: UUID, resource: str, name: str) -> Resource:
    """Give a resource another name, in its appointments, hours, closures and services too.

    Raises `InvalidRequest` for a resource that is not known, with `choices`, and for a name that
    another one has; and `OrganizationNotFound`.
    """
    check_connection(conn)
    name = parse_text(name, "name")
    known = await list_resources(conn, org_id)
    old = meant_resource(resource, known)
    if _same(name, known) not in (None, old.resource):
        problem = "There is another resource of this name"
        raise InvalidRequest("INVALID_ARGUMENTS", "name", problem)
    values = {"org_id": org_id, "resource": old.resource, "name": name}
    await conn.execute(*RENAME_RESOURCE.bind(values))
    return Resource(resource=name, active=old.active)


async def retire_resource(conn: Connection, org_id: UUID, resource: str) -> Resource:
    """Let nobody book a resource any more; its appointments stay, the future ones too: see
    `list_outside`. `add_resource` brings it back.

    Raises `InvalidRequest` for a resource that is not known, with `choices`, and for the last one
    that can be booked; and `OrganizationNotFound`.
    """
    check_connection(conn)
    known = await list_resources(conn, org_id)
    name = meant_resource(resource, known).resource
    if not any(each.active for each in known if each.resource != name):
        problem = "It is the last one that can be booked: add another one first"
        raise InvalidRequest("INVALID_RESOURCE", "resource", problem)
    await conn.execute(*RETIRE_RESOURCE.bind({"org_id": org_id, "resource": name}))
    return Resource(resource=name, active=False)


async def find_resource(
    conn: Connection, org_id: UUID, said: str | None, service_type: str
) -> str | None:
    """The resource that is meant for the service; None where none is said, and some do it.

    Raises `InvalidRequest` with `choices`, the names to choose from; `OrganizationNotReady` if the
    organization has no resource; and `OrganizationNotFound`.
    """
    values = {"org_id": org_id, "service_type": service_type}
    rows = await conn.fetch(*LIST_BOOKABLE.bind(values))
    if not rows:
        if await conn.fetchrow(*FIND_ORGANIZATION.bind({"org_id": org_id})) is None:
            known = "list_organizations(conn) has those that there are"
            raise OrganizationNotFound(f"there is no organization of the id {org_id}: {known}")
        raise OrganizationNotReady("the organization has no resource to book")
    names = [row["resource"] for row in rows if row["does_it"]]
    if said is None:
        if names:
            return None
        raise InvalidRequest("INVALID_RESOURCE", "resource", "Nobody does this service now")
    matching = match_resources(said, names)
    if len(matching) == 1:
        return matching[0]
    if matching:
        problem = "Several go by this name"
    elif match_resources(said, [row["resource"] for row in rows]):
        problem = "This service is done by others"
    else:
        problem = "There is nobody and nothing of this name"
    choices = tuple((matching or names)[:MOST_CHOICES])
    raise InvalidRequest("INVALID_RESOURCE", "resource", problem, choices=choices)


def meant_resource(said: object, known: Sequence[Resource], field: str = "resource") -> Resource:
    """The one of `known` that the owner means. Raises `InvalidRequest` with all `choices`. Pure."""
    return _meant(parse_text(said, field), known, field, None)


def _meant(said: str, known: Sequence[Resource], field: str, most: int | None) -> Resource:
    names = {each.resource: each for each in known}
    matching = match_resources(said, list(names))
    if len(matching) == 1:
        return names[matching[0]]
    problem = "Several go by this name" if matching else "There is nobody and nothing of this name"
    choices = tuple((matching or list(names))[:most])
    raise InvalidRequest("INVALID_RESOURCE", field, problem, choices=choices)


def check_id(value: object, field: str) -> None:
    """Raise `InvalidRequest` for what is no id."""
    if not isinstance(value, UUID):
        raise InvalidRequest("INVALID_ARGUMENTS", field, "It must be a UUID")


async def check_organization(conn: Connection, org_id: UUID) -> None:
    """Raise `OrganizationNotFound` where there is none of this id."""
    if await conn.fetchrow(*FIND_ORGANIZATION.bind({"org_id": org_id})) is None:
        raise OrganizationNotFound("there is no organization of this id")


def _same(name: str, known: Sequence[Resource]) -> str | None:
    """The name of a known resource that differs from `name` in its spelling alone."""
    return next((each.resource for each in known if _fold(each.resource) == _fold(name)), None)


def _fold(name: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", name.translate(INVISIBLE)).casefold().split())


def _bare(name: str) -> str:
    """The name without titles and punctuation: `Dr. Ana O'Neill, MD` gives `ana oneill`."""
    joined = re.sub(r"(?<=\w)['\u2019.](?=\w)", "", _fold(name))
    words = re.sub(r"[^\w\s]+", " ", joined).split()
    return " ".join(word for word in words if not TITLE.fullmatch(word))
