"""What is said: every sentence that a person or a model hears, from the outcome alone. Pure.

`say` speaks to the person; `instruct` tells the model what to do, on one line of 60 words at most.
"""

from __future__ import annotations

import textwrap
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, TypeAlias, assert_never
from zoneinfo import ZoneInfo

from booking_core import Booked, BookingRequest, InvalidRequest, LimitReached, SlotTaken
from booking_core.errors import Remedy
from booking_core.resources import match_resources

FailureCode = Literal[
    "BOOKING_FAILED",
    "CONTACT_CREATION_FAILED",
    "CONTACT_RESOLUTION_FAILED",
    "CONTACT_UPSERT_FAILED",
    "TEMPORARILY_UNAVAILABLE",
    "TOO_MANY_CALLS",
    "UNKNOWN_TOOL",
]


@dataclass(frozen=True, slots=True)
class Failure:
    """No fault of the request. Nothing is booked; TEMPORARILY_UNAVAILABLE alone does not know."""

    code: FailureCode


Outcome: TypeAlias = Booked | SlotTaken | LimitReached | InvalidRequest | Failure

SAY: Mapping[str, str] = {
    "AMBIGUOUS_TIME": (
        "The clocks go back that day, so that time comes twice: {first} or {second}. Which one "
        "do you mean?"
    ),
    "BOOKING_FAILED": "I encountered an issue booking your appointment. Please try again.",
    "CONTACT_CREATION_FAILED": (
        "I encountered an issue saving your contact information. Please try again."
    ),
    "CONTACT_RESOLUTION_FAILED": (
        "I encountered an issue processing your information. Please try again."
    ),
    "CONTACT_UPSERT_FAILED": (
        "I encountered an issue saving your contact information. Please try again."
    ),
    "IDEMPOTENCY_KEY_REUSED": "I can't book that as it was sent. Please try again.",
    "INVALID_ARGUMENTS": (
        "I did not understand one of the details. Could you please say that again?"
    ),
    "INVALID_DATE_TIME": "{question}",
    "INVALID_EMAIL": "I did not get your email address. Could you please spell it for me?",
    "INVALID_PHONE": (
        "I did not get your phone number. Could you please repeat it, with the area code?"
    ),
    "INVALID_RESOURCE": "I can't tell whom you would like to see: {choices}?",
    "MISSING_CONTACT_INFO": (
        "I need either your email address or phone number to book the appointment. Could you "
        "please provide one?"
    ),
    "NONEXISTENT_TIME": (
        "The clocks go forward that day, so that time does not exist. Would {first} or {second} "
        "suit you?"
    ),
    "PAST_DATE": "{problem}. Which other day and time would you like?",
    "TEMPORARILY_UNAVAILABLE": (
        "I could not confirm the appointment just now. Please let me try again in a moment."
    ),
    "TOO_MANY_APPOINTMENTS": (
        "I can't book more appointments in this call. Shall somebody from the clinic call you back?"
    ),
    "TOO_MANY_CALLS": "That is too much at once. Could we take it step by step?",
    "UNKNOWN_TOOL": "I can't do that here.",
}

INSTRUCT: Mapping[str, str] = {
    "AMBIGUOUS_TIME": (
        "Not booked: the clocks go back, and this time comes twice. Ask which one is meant. Then "
        "call again and add scheduledAt: {first_iso} for {first}, or {second_iso} for {second}."
    ),
    "BOOKING_FAILED": (
        "Not booked: the booking system has a fault. Apologize, and offer that somebody calls back."
    ),
    "CONTACT_CREATION_FAILED": (
        "Not booked: the contact could not be saved. Apologize, and offer that somebody calls back."
    ),
    "CONTACT_RESOLUTION_FAILED": (
        "Not booked: the contact could not be saved. Ask for a phone number instead of the "
        "email, and call again."
    ),
    "CONTACT_UPSERT_FAILED": (
        "Not booked: the contact could not be saved. Apologize, and offer that somebody calls back."
    ),
    "IDEMPOTENCY_KEY_REUSED": "Not booked: {problem}.",
    "INVALID_ARGUMENTS": "Not booked: {field} was not understood. {problem}. {remedy}",
    "INVALID_DATE_TIME": "Not booked: {field}: {problem}. {remedy}",
    "INVALID_EMAIL": (
        "Not booked: the email address was not understood. Ask for it again, letter by letter."
    ),
    "INVALID_PHONE": (
        "Not booked: the phone number was not understood. Ask for it again, with the area code."
    ),
    "INVALID_RESOURCE": (
        "Not booked: {problem}. Ask which is meant: {choices}. Or call again without a name."
    ),
    "MISSING_CONTACT_INFO": (
        "Not booked: a phone number or an email address is needed. Ask for one of them."
    ),
    "NONEXISTENT_TIME": (
        "Not booked: the clocks go forward, and this time does not exist. Ask whether {first} "
        "or {second} suits, and call again."
    ),
    "PAST_DATE": "Not booked. {problem}. Ask for another day and time.",
    "TEMPORARILY_UNAVAILABLE": (
        "Not confirmed: the booking system did not answer in time. Do not say that it is "
        "booked. Call again with the same details."
    ),
    "TOO_MANY_APPOINTMENTS": (
        "Not booked: no more can be booked in this way. Offer that somebody from the clinic calls "
        "back, and do not try again."
    ),
    "TOO_MANY_CALLS": "Not booked: too many calls at once. Call again for this one.",
    "UNKNOWN_TOOL": "Not done: there is no such tool here.",
}


# So many that all that may stand around them still makes 60.
MOST_SERVICE_WORDS = 6
MOST_NAME_WORDS = 3
MOST_RESOURCE_WORDS = 4
PLAIN = str.maketrans(
    {**dict.fromkeys("\u2018\u2019\u02bc", "'"), **dict.fromkeys("\u2010\u2011\u2013\u2014", "-")}
)
REMEDIES: Mapping[Remedy, str] = {
    "ask": "Ask for it, and call again.",
    "correct": "Call again with it in that form, and ask the caller only if you do not know it.",
}
QUESTIONS = {
    "appointmentDate": "Which day would you like?",
    "appointmentTime": "What time would you like?",
}
MISHEARD = {"email": "email address", "phone": "phone number"}


def say(outcome: Outcome, zone: ZoneInfo, request: BookingRequest | None = None) -> str:
    """What the person hears, in the clinic's time. `request` is what was understood, if it was."""
    match outcome:
        case Booked():
            when = f"{spoken(outcome.scheduled_at, zone)}, {city(zone)} time"
            service = _service(outcome, request) + _with(outcome, request)
            return f"Your {service} is booked for {when}.{_but(outcome, request, zone)}"
        case SlotTaken():
            when = spoken(outcome.scheduled_at, zone)
            if outcome.held_for is not None:
                return (
                    f"I have {when} for {_name(outcome.held_for)} already, and nothing else is"
                    " free then. If it is for somebody else, shall I look for another time?"
                )
            return f"I'm sorry, {when} is already taken. Shall I look for another time?"
        case LimitReached():
            return SAY["TOO_MANY_APPOINTMENTS"]
        case InvalidRequest():
            return _fill(SAY[outcome.code], outcome)
        case Failure():
            return SAY[outcome.code]
        case _:
            assert_never(outcome)


def instruct(outcome: Outcome, zone: ZoneInfo, request: BookingRequest | None = None) -> str:
    """What the model is to do. The clinic's city is named where another zone's time was asked."""
    match outcome:
        case Booked():
            when = spoken(outcome.scheduled_at, zone)
            if request and request.scheduled_at.utcoffset() != _local(request, zone).utcoffset():
                when = f"{when}, {city(zone)} time"
            service = _service(outcome, request) + _with(outcome, request)
            return f"Booked: {service} on {when}.{_but(outcome, request, zone)}"
        case SlotTaken() if outcome.held_for is not None:
            return (
                f"Not booked again: this call holds {spoken(outcome.scheduled_at, zone)} already,"
                f" for {_name(outcome.held_for)}, and nothing else is free then. If only the name"
                " was corrected, that appointment stands, and the clinic can change its name. If it"
                " is for somebody else, offer another time."
            )
        case SlotTaken():
            return f"Not booked: {spoken(outcome.scheduled_at, zone)} is taken. Offer another time."
        case LimitReached():
            return INSTRUCT["TOO_MANY_APPOINTMENTS"]
        case InvalidRequest():
            return _fill(INSTRUCT[outcome.code], outcome)
        case Failure():
            return INSTRUCT[outcome.code]
        case _:
            assert_never(outcome)


def spoken(instant: datetime, zone: ZoneInfo) -> str:
    """Tuesday, December 1, 2026 at 2:00 PM"""
    return f"{instant.astimezone(zone):%A, %B %-d, %Y at %-I:%M %p}"


def spoken_day(local: datetime) -> str:
    """Tuesday, December 1, 2026"""
    return f"{local:%A, %B %-d, %Y}"


def city(zone: ZoneInfo) -> str:
    """New York, of America/New_York."""
    return zone.key.rpartition("/")[2].replace("_", " ")


def _local(request: BookingRequest, zone: ZoneInfo) -> datetime:
    return request.scheduled_at.astimezone(zone)


def clean(words: str) -> str:
    """A person's words without what could pass for an instruction to the model, or for markup.

    Letters, combining marks, digits, spaces and `,'&/-` stay. A typographic apostrophe or hyphen
    becomes a plain one.
    """
    kept = (
        sign
        if sign in " ,'&/-" or unicodedata.category(sign)[0] in "LM" or sign.isdecimal()
        else " "
        for sign in words.translate(PLAIN)
    )
    return " ".join("".join(kept).split())


def _name(attendee: str) -> str:
    return _short(clean(attendee), MOST_NAME_WORDS)


def _service(booked: Booked, request: BookingRequest | None) -> str:
    """What the appointment is for. What is stored of one that was found by contact and start alone
    may be another person's words: then it is what the request says."""
    words = booked.service_type
    if booked.recognised_by == "contact" and request is not None:
        words = request.service_type
    return _short(clean(words)) or "appointment"


def _with(booked: Booked, request: BookingRequest | None) -> str:
    """With whom or what, where that is not plain: the clinic's own words for it."""
    is_said = request is not None and request.resource is not None
    if booked.recognised_by == "contact" or (is_said and _differs_in_resource(booked, request)):
        return ""  # stored by another person, or said with what was booked before
    return (
        f" with {_short(booked.resource, MOST_RESOURCE_WORDS)}" if booked.is_one_of_several else ""
    )


def _but(booked: Booked, request: BookingRequest | None, zone: ZoneInfo) -> str:
    """What of the request the booking does not hold, and what else this call booked."""
    if request is None:
        return ""
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
    """What stands otherwise than this request has it."""
    stored = []
    if _differs_in_resource(booked, request):
        stored.append(f"with {_short(booked.resource, MOST_RESOURCE_WORDS)}")
    if request.duration_minutes != booked.duration_minutes:
        stored.append(f"for {booked.duration_minutes} minutes")
    name = booked.attendee_name if booked.attendee_given else None
    if name is not None and _differ(request.name or "", name):
        stored.append(f"under the name {_name(name)}")
    return stored


def _differs_in_resource(booked: Booked, request: BookingRequest | None) -> bool:
    """Whether a repeat asks for another resource than it has."""
    return bool(
        request
        and request.resource is not None
        and not booked.created
        and not match_resources(request.resource, [booked.resource])
    )


def _differ(one: str, other: str) -> bool:
    return clean(one).casefold() != clean(other).casefold()


def _choice(names: Sequence[str]) -> str:
    """A, B or C."""
    return (
        " or ".join([*([", ".join(names[:-1])] if names[1:] else []), *names[-1:]]) or "who is it"
    )


def _clock(local: datetime) -> str:
    return f"{local:%-I:%M %p}"


def _short(text: str, most_words: int = MOST_SERVICE_WORDS) -> str:
    words = text.split()
    whole = " ".join(words)
    if len(words) <= most_words and len(whole) <= 80:
        return whole
    return textwrap.shorten(" ".join(words[:most_words]), 80, placeholder="") + "..."


def _fill(sentence: str, invalid: InvalidRequest) -> str:
    names = {
        "field": invalid.field,
        "problem": invalid.problem,
        "remedy": REMEDIES[invalid.remedy],
        "question": ("" if invalid.remedy == "ask" else "I did not get that. ")
        + QUESTIONS.get(invalid.field, "Which day, and what time, would you like?"),
        "choices": _choice([_short(name, MOST_RESOURCE_WORDS) for name in invalid.choices]),
    }
    for name, reading in zip(("first", "second"), invalid.readings, strict=False):
        names[name] = f"{_clock(reading)} {reading:%Z}"
        names[f"{name}_iso"] = reading.isoformat()
    return sentence.format_map(names)
