"""The resource that a caller means, however its name is spelled."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from uuid import UUID

from booking_core._statements import FIND_ORGANIZATION, LIST_BOOKABLE, Connection
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


def _fold(name: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", name.translate(INVISIBLE)).casefold().split())


def _bare(name: str) -> str:
    """The name without titles and punctuation: `Dr. Ana O'Neill, MD` gives `ana oneill`."""
    joined = re.sub(r"(?<=\w)['\u2019.](?=\w)", "", _fold(name))
    words = re.sub(r"[^\w\s]+", " ", joined).split()
    return " ".join(word for word in words if not TITLE.fullmatch(word))
