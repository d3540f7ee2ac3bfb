"""What every contender is asked for: the same bookings, by the same callers, on the same rows."""

from __future__ import annotations

import itertools
import json
import random
import re
from datetime import date, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from booking_asgi.tools.booking_reading import read_booking
from booking_core import BookingRequest, Connection, Organization, add_organization, add_token
from tests.support import payloads

ORGANIZATIONS = 100
ROWS_EACH = 100
RESOURCES = 3
ZONE = "America/New_York"
# Starts come in no order, and none comes twice: STEP has no divisor in common with the others.
STEP = 7919
DAYS_OF_A_YEAR = 12 * 28
SLOTS = 200 * DAYS_OF_A_YEAR * RESOURCES
HALF_HOURS = 700 * 40
CHAIRS = tuple(str(1 + number) for number in range(RESOURCES))
SIZE = 10 * 1024

FILL = """
    with contact as (
      insert into contacts (org_id, phone, name, lead_status, last_contact_at)
      select o.id, '+1444' || lpad(n::text, 7, '0'), 'Sam Wilson', 'contacted', now()
      from organizations o, generate_series(1, $1) n
      returning id, org_id, phone
    )
    insert into appointments (org_id, contact_id, resource, service_type, scheduled_at)
    select org_id, id, '1', 'Consultation',
           timestamptz '1990-01-01 00:00Z' + right(phone, 7)::int * interval '1 hour'
    from contact
"""


def clinic_id(number: int) -> UUID:
    """Random, as PostgreSQL makes them: to the exclusion constraint's index, ids that differ in
    their last bits alone are all the same."""
    return UUID(int=random.Random(number).getrandbits(128), version=4)


def token(organization: int) -> str:
    return f"bench-{organization:04}"


async def open_clinics(conn: Connection) -> None:
    """The template of every contender's database: a hundred clinics with ten thousand rows."""
    async with conn.transaction():
        for number in range(ORGANIZATIONS):
            name, id = f"Clinic {number}", clinic_id(number)
            await add_organization(
                conn, org_id=id, name=name, timezone=ZONE, phone_region="US", resources=CHAIRS
            )
            await add_token(conn, id, token=token(number))
        await conn.execute(FILL, ROWS_EACH)
    await conn.execute("vacuum analyze")


class Callers:
    """The bookings of the library's contenders; each caller books for an organization of its own.

    `limit` has pgbench ask for the very same. Every second booking is by somebody who booked
    before. Whole days of two hundred years, since pgbench can make no time of day; each names one
    of the clinic's three chairs, since pgbench can send no NULL.
    """

    def __init__(self) -> None:
        self.clinics = [
            Organization(id=clinic_id(number), timezone=ZONE, phone_region="US")
            for number in range(ORGANIZATIONS)
        ]
        self._counts = [itertools.count(1) for _ in self.clinics]

    def request(self, caller: int) -> BookingRequest:
        n = next(self._counts[caller])
        return read_booking(arguments(n), self.clinics[caller], idempotency_key=str(n))


def arguments(n: int) -> dict[str, object]:
    """The dictionary of an organization's `n`th booking."""
    days, chair = divmod(n * STEP % SLOTS, RESOURCES)
    year, day = divmod(days, DAYS_OF_A_YEAR)
    return {
        "patientName": "Sam Wilson",
        "patientPhone": f"+1{5_550_000_000 + n // 2}",
        "serviceType": "Consultation",
        "appointmentDate": f"{2000 + year}-{1 + day // 28:02}-{1 + day % 28:02}",
        "appointmentTime": "14:00",
        "resource": CHAIRS[chair],
    }


class Envelopes:
    """Vapi's messages of 10 KB as raw HTTP requests, for all organizations in turn.

    Half hours of the next two years, since the endpoint refuses others; in any chair that is free.
    """

    PHONE, CONVERSATION, CALL = "+15559999999", "conversation-000000000", "call_000000000"
    DAY, TIME, TOKEN = "2001-01-01", "00:01", "bench-----"

    def __init__(self) -> None:
        asked = {
            "patientName": "Sam Wilson",
            "patientPhone": self.PHONE,
            "serviceType": "Consultation",
            "appointmentDate": self.DAY,
            "appointmentTime": self.TIME,
        }
        message = payloads.from_a_phone(asked, call_id=self.CALL, conversation=self.CONVERSATION)
        turns = itertools.cycle(("user: Is the doctor in on that day?\n", "bot: I will look.\n"))
        # A call's transcript grows with each turn.
        while len(json.dumps({"message": message})) < SIZE:
            message["artifact"]["transcript"] += next(turns)
        body = json.dumps({"message": message})
        request = (
            "POST /api/vapi/tools HTTP/1.1\r\nHost: booking\r\nContent-Type: application/json\r\n"
            f"X-Vapi-Secret: {self.TOKEN}\r\nContent-Length: {len(body)}\r\n\r\n{body}"
        )
        # Cut apart beforehand: the load shares its cores with what it measures.
        places = (self.PHONE, self.CONVERSATION, self.CALL, self.DAY, self.TIME, self.TOKEN)
        self._pieces = re.split(f"({'|'.join(map(re.escape, places))})", request)
        self._numbers = itertools.count()
        self._tomorrow = datetime.now(ZoneInfo(ZONE)).date() + timedelta(days=1)

    def next(self) -> bytes:
        number = next(self._numbers)
        n, organization = divmod(number, ORGANIZATIONS)
        day, half_hour = divmod(n * STEP % HALF_HOURS, 40)
        hour, half = divmod(8 + half_hour, 2)  # from 4:00: the clocks change before
        given = {
            self.PHONE: f"+1{5_550_000_000 + n // 2}",
            self.CONVERSATION: f"conversation-{number:09}",
            self.CALL: f"call_{number:09}",
            self.DAY: self._date(day).isoformat(),
            self.TIME: f"{hour:02}:{30 * half:02}",
            self.TOKEN: token(organization),
        }
        return "".join(given.get(piece, piece) for piece in self._pieces).encode()

    def _date(self, day: int) -> date:
        return self._tomorrow + timedelta(days=day)
