"""Who calls, what is given, what stands and is free: what changes of whom, and what is said."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from booking_asgi.phrases import spoken
from booking_core import Email, Phone, book, resolve_contact
from tests.conftest import Endpoint
from tests.support.factories import NEW_YORK, a_call, a_caller, a_request, tool_calls

CALLERS = ("direct", "own number", "another number", "withheld", "web call")
NAME, ANOTHER_NAME = "Nora Stored", "Ben Given"
GIVEN = {
    "phone": ("phone",),
    "phone, the stored name": ("phone", NAME),
    "phone, another name": ("phone", ANOTHER_NAME),
    "phone, email": ("phone", "email"),
    "phone, email, another name": ("phone", "email", ANOTHER_NAME),
    "email": ("email",),
    "email, the stored name": ("email", NAME),
    "email, another name": ("email", ANOTHER_NAME),
}
STANDS = ("nothing", "a lead", "a patient", "a booked patient")


@dataclass(frozen=True)
class Cell:
    """One request. `number` is the envelope's, `start` and the people are its own."""

    caller: str
    given: tuple[str, ...]
    stands: str
    is_free: bool
    index: int

    @property
    def person(self) -> Phone:
        return a_caller(self.index)

    @property
    def phone(self) -> Phone | None:
        """The one by which it books."""
        return self.person if "phone" in self.given else self.number

    @property
    def number(self) -> Phone | None:
        """The caller's."""
        return {"own number": self.person, "another number": a_caller(5000 + self.index)}.get(
            self.caller
        )

    @property
    def email(self) -> Email | None:
        return Email(f"given{self.index}@test.com") if "email" in self.given else None

    @property
    def name(self) -> str | None:
        return next((name for name in (NAME, ANOTHER_NAME) if name in self.given), None)

    @property
    def stored_phone(self) -> Phone | None:
        """An email finds a contact without one."""
        return self.person if "phone" in self.given or self.caller == "own number" else None

    @property
    def stored_email(self) -> Email | None:
        if self.stored_phone is None:
            return self.email
        return None if self.stands == "a lead" else Email(f"stored{self.index}@test.com")

    @property
    def start(self) -> datetime:
        day = datetime.now(NEW_YORK).replace(hour=10, minute=0, second=0, microsecond=0)
        return (day + timedelta(days=1 + self.index)).astimezone(UTC)

    @property
    def is_own(self) -> bool:
        return self.caller == "direct" or (self.phone is not None and self.phone == self.number)

    @property
    def finds_the_stored(self) -> bool:
        return self.stands != "nothing" and self.phone == self.stored_phone

    @property
    def repeats(self) -> bool:
        """The stored booking: from another number only by a name that is said."""
        is_same = self.name == NAME or (self.name is None and self.is_own)
        return self.stands == "a booked patient" and self.finds_the_stored and is_same

    @property
    def is_booked(self) -> bool:
        return self.repeats or self.is_free

    def contact(self) -> tuple[str | None, str | None, str]:
        """The contact's email, name and lead_status afterwards."""
        local = self.email and self.email.partition("@")[0]
        if not self.finds_the_stored:
            return self.email, self.name or local or "Unknown", "contacted"
        email, name = self.stored_email, self.stored_name()
        status = "contacted" if self.stands == "a lead" else "qualified"
        if self.phone and self.is_own and self.is_booked:
            return self.email or email, self.name or name, status
        has_name = name not in ("Unknown", (email or "").partition("@")[0])
        return email or self.email, name if has_name else self.name or name, status

    def stored_name(self) -> str:
        if self.stands != "a lead":
            return NAME
        return self.stored_email.partition("@")[0] if self.stored_email else "Unknown"

    def words(self) -> str:
        """The very sentence: nothing in it that the request does not say itself."""
        when = spoken(self.start, NEW_YORK)
        if self.caller == "direct":
            return (
                f"Your Given Service is booked for {when}, New York time."
                if self.is_booked
                else f"I'm sorry, {when} is taken."
            )
        return (
            f"Booked: Given Service on {when}."
            if self.is_booked
            else f"Not booked: {when} is taken."
        )


TIME = r"(?:\w+day, \w+ \d+ at )?\d+:\d\d [AP]M"
OFFER = re.compile(
    rf" Free(?: that day)?: {TIME}(?:(?: and |; or ){TIME})*\."
    r" (?:Ask which one, then call again\.|Which one would you like\?)"
)


def cells(caller: str, given: str) -> Iterator[Cell]:
    for index, (stands, is_free) in enumerate(itertools.product(STANDS, (True, False))):
        yield Cell(caller, GIVEN[given], stands, is_free, index)


@pytest.mark.parametrize("given", GIVEN)
@pytest.mark.parametrize("caller", CALLERS)
async def test_every_cell(endpoint: Endpoint, caller: str, given: str) -> None:
    """On two resources. A closed clinic is refused alike: see test_hours_at_the_desk."""
    await endpoint.conn.execute("insert into resources select org_id, 'second' from resources")
    for cell in cells(caller, given):
        await prepare(endpoint, cell)
        said = await ask(endpoint, cell)
        # Whom or what it got is the clinic's own word, and said of a new one.
        # The free times beside a refusal are the clinic's, and nobody's.
        whole = OFFER.sub("", said)
        said = re.sub(r" with (main|second)(?= on | is booked)", "", whole)
        assert (cell, cell.words()) == (cell, said)
        assert (said != whole) == (cell.is_booked and not cell.repeats)
        where = "phone = $1" if cell.phone else "email = $1"
        [contact] = await endpoint.conn.fetch(
            f"select email, name, lead_status from contacts where {where}", cell.phone or cell.email
        )
        assert (cell, cell.contact()) == (cell, tuple(contact))


async def prepare(endpoint: Endpoint, cell: Cell) -> None:
    """Make the rows that stand, and those of the caller who comes at that time too."""
    conn, clinic = endpoint.conn, endpoint.clinic
    occupied = 0
    if cell.stands != "nothing" and (cell.stored_phone or cell.stored_email):
        name = None if cell.stands == "a lead" else NAME
        stored = await resolve_contact(
            conn, org_id=clinic.id, phone=cell.stored_phone, email=cell.stored_email, name=name
        )
        status = "new" if cell.stands == "a lead" else "qualified"
        update = "update contacts set lead_status = $2 where id = $1"
        await conn.execute(update, stored.contact_id, status)
    if cell.stands == "a booked patient":
        request = a_request(
            clinic,
            phone=cell.stored_phone,
            email=None if cell.stored_phone else cell.stored_email,
            name=NAME,
            scheduled_at=cell.start,
            service_type="Stored Service",
            duration_minutes=45,
            call_id="another call",
        )
        await book(conn, request)
        occupied = 1
    for number in range(0 if cell.is_free else 2 - occupied):
        caller = a_caller(9000 + number)
        await book(conn, a_request(clinic, phone=caller, scheduled_at=cell.start))


async def ask(endpoint: Endpoint, cell: Cell) -> str:
    local = cell.start.astimezone(NEW_YORK)
    given = {
        "patientPhone": cell.person if "phone" in cell.given else None,
        "patientEmail": cell.email,
        "patientName": cell.name,
        "serviceType": "Given Service",
        "appointmentDate": local.date().isoformat(),
        "appointmentTime": f"{local:%H:%M}",
    }
    arguments = {name: value for name, value in given.items() if value is not None}
    if cell.caller == "direct":
        return str((await endpoint.book(**arguments)).json()["speech"])
    message = tool_calls(a_call(arguments))
    if cell.caller == "web call":
        message["call"] = {"id": f"web {cell.index}", "type": "webCall"}
    if cell.number:
        message["customer"] = {"number": cell.number}
    elif cell.caller == "withheld":
        message["customer"] = {"number": "+266696687"}
    [result] = (await endpoint.send(message)).json()["results"]
    return str(result.get("result") or result.get("error"))
