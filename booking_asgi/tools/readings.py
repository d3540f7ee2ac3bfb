"""Readers that the tools share: the person, and the time. Each raises `InvalidRequest`. Pure."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Literal
from zoneinfo import ZoneInfo

from booking_asgi.phrases import spoken_day
from booking_core import Email, InvalidRequest, Organization, Phone, spoken
from booking_core.errors import missing_contact
from booking_core.spoken.dates import WEEKDAYS


def own_number(caller_number: object, organization: Organization) -> Phone | None:
    if not spoken.is_hidden_number(caller_number):
        with contextlib.suppress(InvalidRequest):
            return spoken.parse_phone(caller_number, organization.phone_region)
    return None


def read_person(
    given: Mapping[str, object], organization: Organization, own: Phone | None
) -> tuple[Phone | None, Email | None, tuple[Literal["phone", "email"], ...]]:
    """The phone and the email of the person, and the names of those that were not understood."""
    phone, email = None, None
    refusals: dict[Literal["phone", "email"], InvalidRequest] = {}
    if not spoken.is_hidden_number(given.get("phone")):
        try:
            phone = spoken.parse_phone(given["phone"], organization.phone_region)
        except InvalidRequest as refusal:
            refusals["phone"] = refusal
    if phone is None:
        phone = own_number(given["caller"], organization) if "caller" in given else own
    if "email" in given:
        try:
            email = spoken.parse_email(given["email"])
        except InvalidRequest as refusal:
            refusals["email"] = refusal
    if phone is None and email is None:
        raise next(iter(refusals.values()), missing_contact())
    return phone, email, tuple(refusals)


def read_name(given: Mapping[str, object]) -> str | None:
    if "name" in given:
        return spoken.parse_text(given["name"], "patientName")
    parts = (given[part] for part in ("first_name", "last_name") if part in given)
    names = [spoken.parse_text(part, "patientName") for part in parts]
    return spoken.parse_text(" ".join(names), "patientName") if names else None


def read_start(
    given: Mapping[str, object], zone: ZoneInfo, fields: Mapping[str, str] | None = None
) -> datetime:
    """The one moment that all of a date, a time and an instant say together. `fields` are the names
    of these, by `date`, `time` and `instant`, if they are not those of a booking."""
    fields = fields or FIELDS
    named = spoken.find_zone(given["zone"], "timeZone") if "zone" in given else None
    moments = [
        (fields[kind], spoken.read_moment(given[kind], fields[kind], KINDS[kind]))
        for kind in fields
        if kind in given
    ]
    whole = [
        spoken.instant(moment.day, moment.clock, moment.zone or named, zone, field)
        for field, moment in moments
        if moment.day and moment.clock
    ]
    home = named if isinstance(named, ZoneInfo | timezone) else zone
    parts = [moment for _, moment in moments]
    # The wall clock of the clinic, or of the zone that was named.
    locals_ = [found.astimezone(home) for found in whole]
    days = {found.date() for found in locals_} | {
        moment.day for moment in parts if moment.day and not moment.clock
    }
    clocks = {found.time() for found in locals_} | {
        moment.clock for moment in parts if moment.clock and not moment.day
    }
    if len(days) > 1 or len(clocks) > 1 or len(set(whole)) > 1:
        problem = "The date and time given apart are not those given together"
        raise InvalidRequest("INVALID_DATE_TIME", fields["instant"], problem)
    if not days or not clocks:
        missing = "date" if not days else "time"
        raise _missing(missing, fields[missing], both=not days and not clocks)
    if whole:
        return whole[0]
    apart = next((moment.zone for moment in parts if moment.zone), None)
    return spoken.instant(days.pop(), clocks.pop(), apart or named, zone, fields["time"])


FIELDS = {"date": "appointmentDate", "time": "appointmentTime", "instant": "scheduledAt"}
KINDS: Mapping[str, spoken.Kind] = {"date": "day", "time": "clock", "instant": "both"}


def _missing(what: str, field: str, *, both: bool) -> InvalidRequest:
    problem = "A date and a time are needed" if both else f"A {what} is needed"
    return InvalidRequest("INVALID_DATE_TIME", field, problem, remedy="ask")


def check_future(
    start: datetime, organization: Organization, horizon_days: int, field: str
) -> None:
    """Refuse the past, naming today, since models send last year's dates; and the far future."""
    now = datetime.now(UTC)
    if start < now:
        today = spoken_day(now.astimezone(organization.zone))
        problem = f"That time is in the past, for today is {today}"
        raise InvalidRequest("PAST_DATE", field, problem)
    if start > now + timedelta(days=horizon_days):
        problem = f"It must be within {horizon_days} days from now"
        raise InvalidRequest("INVALID_DATE_TIME", field, problem)


def read_day(value: object, field: str, today: date) -> date:
    """A day to search from or to: a date, or today, tomorrow, or a day of the week, which is the
    next one from `today` on. The answer names the date."""
    said = re.sub(r"[^\w]+", " ", str(value).lower()).split()
    words = [word for word in said if word not in ("this", "next", "coming", "on", "the")]
    match words:
        case ["today" | "now"]:
            return today
        case ["tomorrow"]:
            return today + timedelta(days=1)
        case ["day", "after", "tomorrow"]:
            return today + timedelta(days=2)
        case [weekday] if weekday in WEEKDAYS:
            ahead = (WEEKDAYS[weekday] - today.weekday()) % 7
            # On a Thursday the next Thursday is not today.
            return today + timedelta(days=ahead or (7 if "next" in said else 0))
    moment = spoken.read_moment(value, field, "day")
    if moment.day is None:
        raise InvalidRequest("INVALID_DATE_TIME", field, "A date is needed, as YYYY-MM-DD")
    return moment.day
