"""The words of a booking: what a person hears of it, and what a model is told. Pure."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from booking_asgi.phrases import MOST_NAME_WORDS, MOST_RESOURCE_WORDS, city, clean, shorten, spoken
from booking_asgi.tools import free_times
from booking_asgi.tools.free_times import Refused
from booking_core import Booked, BookingRequest, SlotTaken
from booking_core.resources import match_resources

# So many that all that may stand around them still makes 60.
MOST_SERVICE_WORDS = 6
MISHEARD = {"email": "email address", "phone": "phone number"}


def of_booked(booked: Booked, request: BookingRequest, zone: ZoneInfo) -> tuple[str, str]:
    """The clinic's city is named to a model where another zone's time was asked."""
    when = spoken(booked.scheduled_at, zone)
    what = _service(booked, request) + _with(booked, request)
    but = _but(booked, request, zone)
    there = f"{when}, {city(zone)} time"
    asked = request.scheduled_at
    is_elsewhere = asked.utcoffset() != asked.astimezone(zone).utcoffset()
    return (
        f"Your {what} is booked for {there}.{but}",
        f"Booked: {what} on {there if is_elsewhere else when}.{but}",
    )


def of_refused(
    refused: Refused, request: BookingRequest, zone: ZoneInfo
) -> tuple[str, str, list[datetime]]:
    """The words, and the free times that they offer."""
    outcome = refused.outcome
    if isinstance(outcome, SlotTaken) and outcome.held_for is not None:
        return (*of_held(spoken(outcome.scheduled_at, zone), outcome.held_for), [])
    return free_times.of_refused(refused, request.resource, zone, "Not booked")


def of_held(when: str, attendee: str) -> tuple[str, str]:
    """This very call holds that time, for this attendee."""
    name = _name(attendee)
    return (
        f"I have {when} for {name} already, and nothing else is free then. If it is for somebody"
        " else, shall I look for another time?",
        f"Not booked again: this call holds {when} already, for {name}, and nothing else is free"
        " then. If only the name was corrected, that appointment stands, and the clinic can change"
        " its name. If it is for somebody else, offer another time.",
    )


def _name(attendee: str) -> str:
    return shorten(clean(attendee), MOST_NAME_WORDS)


def _service(booked: Booked, request: BookingRequest) -> str:
    """The purpose of the appointment. If the appointment was found by contact and start alone, the
    stored words may be another person's: then the words of the request are spoken."""
    words = booked.service_type
    if booked.recognised_by == "contact":
        words = request.service_type
    return shorten(clean(words), MOST_SERVICE_WORDS) or "appointment"


def _with(booked: Booked, request: BookingRequest) -> str:
    """The resource, in the clinic's own words, if the organization has several."""
    is_said = request.resource is not None
    if booked.recognised_by == "contact" or (is_said and _differs_in_resource(booked, request)):
        return ""  # stored by another person, or said with what was booked before
    return (
        f" with {shorten(booked.resource, MOST_RESOURCE_WORDS)}" if booked.is_one_of_several else ""
    )


def _but(booked: Booked, request: BookingRequest, zone: ZoneInfo) -> str:
    """The parts of the request that the booking lacks, and the other bookings of this call."""
    notes = []
    if request.misheard:
        what = " and ".join(MISHEARD[what] for what in request.misheard)
        notes.append(
            f" The {what} {'was' if len(request.misheard) == 1 else 'were'} not understood."
        )
    if booked.recognised_by in ("key", "call") and (stored := _stored(booked, request)):
        notes.append(f" As booked before: {', '.join(stored)}.")
    if booked.others_at_this_start:
        count = booked.others_at_this_start + 1
        notes.append(f" This call now holds {count} appointments at that time.")
    elif booked.other_start is not None:
        other = f"{booked.other_start.astimezone(zone):%A, %B %-d at %-I:%M %p}"
        notes.append(f" This call also holds {other}; are both meant?")
    return "".join(notes)


def _stored(booked: Booked, request: BookingRequest) -> list[str]:
    """The details that are stored in another way than this request asks for."""
    stored = []
    if _differs_in_resource(booked, request):
        stored.append(f"with {shorten(booked.resource, MOST_RESOURCE_WORDS)}")
    if not booked.is_as_long:
        stored.append(f"for {booked.duration_minutes} minutes")
    name = booked.attendee_name if booked.attendee_given else None
    if name is not None and _differ(request.name or "", name):
        stored.append(f"under the name {_name(name)}")
    return stored


def _differs_in_resource(booked: Booked, request: BookingRequest) -> bool:
    """Whether a repeat asks for another resource than it has."""
    return bool(
        request.resource is not None
        and not booked.created
        and not match_resources(request.resource, [booked.resource])
    )


def _differ(one: str, other: str) -> bool:
    return clean(one).casefold() != clean(other).casefold()
