"""What a person says, as values. Pure; what can't be read is asked for, never guessed.

Each parser raises `InvalidRequest`. Its `problem` never repeats what was said.
"""

from __future__ import annotations

import contextlib
import re
from datetime import UTC, date, datetime, time
from functools import lru_cache
from typing import NewType
from zoneinfo import ZoneInfo

import phonenumbers
from email_validator import EmailNotValidError, validate_email

from booking_core.errors import InvalidCode, InvalidRequest, missing_contact

Phone = NewType("Phone", str)
"""A phone number in E.164: `+15551234567`."""
Email = NewType("Email", str)
"""An email address, normalized; two that differ in case only are one."""

LONGEST = 254
# Some scripts need joiners within a word: they stay, every other mark that nobody sees goes.
JOINERS = dict.fromkeys((0x200C, 0x200D))
INVISIBLE = dict.fromkeys(
    [
        *(0x00AD, 0x034F, 0x061C, 0x180E, 0x200B, 0x200E, 0x200F, 0xFEFF),
        *(*range(0x202A, 0x202F), *range(0x2060, 0x2070), *range(0xFE00, 0xFE10)),
    ]
)
E164 = re.compile(r"\+[1-9]\d{1,14}", re.ASCII)
YEARS = range(1970, 2200)
NOTHING = {
    *("", "-", "n/a", "nil", "none", "not provided", "null", "undefined"),
    *("anonymous", "unknown"),
}
# The numbers spell ANONYMOUS, RESTRICTED, BLOCKED, UNKNOWN and UNAVAILABLE on a keypad: carriers
# send them for a withheld number, and the last could pass for a Chinese subscriber.
NO_NUMBER = re.compile(
    r"private|restricted|blocked|unavailable|withheld|no caller id|sips?:.*"
    r"|\+(?:266696687|7378742833|2562533|8656696|86282452253)",
    re.I,
)
# Typographic ones, which models like to write, non-breaking above all.
HYPHENS = str.maketrans(dict.fromkeys("\u2010\u2011\u2012\u2013\u2212", "-"))

PHONE = re.compile(r"(?:tel:)?[\d\s()+./-]+(?:(?:,|;)?\s*(?:ext(?:ension)?|x)[.:=]?\s*\d+)?", re.I)
DIGITS = {
    **{"zero": "0", "oh": "0", "o": "0", "one": "1", "two": "2", "three": "3", "four": "4"},
    **{"five": "5", "six": "6", "seven": "7", "eight": "8", "nine": "9", "plus": "+"},
}
SIGNS = {
    **{"at": "@", "dot": ".", "point": ".", "period": ".", "plus": "+", "underscore": "_"},
    **{"dash": "-", "hyphen": "-", "minus": "-"},
}
SPOKEN_SIGN = re.compile(rf"(?<=\S)\s+({'|'.join(SIGNS)})\s+(?=\S)", re.I)
DATE = re.compile(r"(\d{4})-(\d{2})-(\d{2})", re.ASCII)
CLOCK = re.compile(
    r"(?!0\d\d\b)(\d{1,2})(?::?(\d{2})(?:(?<=:\d\d):00(?:\.0+)?)?)?\s*(?:([ap])\.?\s?m\.?)?",
    re.ASCII,
)
INSTANT = re.compile(
    r"(\d{4}-\d{2}-\d{2})[T ](\d{2}:\d{2})(?::00(?:\.0+)?)?\s*(Z|[+-]\d{2}(?::?[0-5]\d)?)?",
    re.ASCII,
)
WORDS_OF_CLOCK = {
    "noon": time(12),
    "midday": time(12),
    "12 noon": time(12),
    "midnight": time(0),
    "12 midnight": time(0),
}


def is_absent(value: object) -> bool:
    """Whether an argument says nothing: empty, a placeholder, or a template left unrendered."""
    return value is None or (
        isinstance(value, str) and (value.strip().lower() in NOTHING or "{{" in value)
    )


def is_hidden_number(value: object) -> bool:
    """Whether there is no number to read: none, a withheld one, or a SIP address."""
    return is_absent(value) or (
        isinstance(value, str) and NO_NUMBER.fullmatch(value.strip()) is not None
    )


def parse_text(value: object, field: str) -> str:
    """One line of at most 254 characters, its white space collapsed, its invisible marks gone."""
    if not isinstance(value, str):
        raise InvalidRequest("INVALID_ARGUMENTS", field, "It must be text")
    text = " ".join((value if value.isascii() else value.translate(INVISIBLE)).split())
    is_printable = text.isprintable() or text.translate(JOINERS).isprintable()
    if not text or len(text) > LONGEST or not is_printable:
        problem = f"It must be 1 to {LONGEST} printable characters"
        raise InvalidRequest("INVALID_ARGUMENTS", field, problem)
    return text


def parse_phone(value: object, region: str) -> Phone:
    """Any spelling of a possible number, local ones read in `region` (ISO 3166, "US").

    Possible, not assigned: the reserved 555 numbers pass. An extension is dropped.
    """
    spoken = _text_or_digits(value, "INVALID_PHONE", "phone").translate(HYPHENS)
    if not PHONE.fullmatch(spoken):
        words = re.split(r"[\s,.-]+", spoken.lower())
        if any(word in DIGITS for word in words):
            spoken = "".join(DIGITS.get(word, word) for word in words)
    if PHONE.fullmatch(spoken):
        with contextlib.suppress(phonenumbers.NumberParseException):
            phone = spoken if E164.fullmatch(spoken) else _e164(phonenumbers.parse(spoken, region))
            if is_phone(phone):
                return Phone(phone)
    raise InvalidRequest("INVALID_PHONE", "phone", "It is not a complete phone number")


def parse_email(value: object) -> Email:
    """A written address, or a spoken one: "luis dot ortega at example dot com"."""
    if isinstance(value, str) and len(value) <= LONGEST:
        written = value.strip().rstrip(".").translate(HYPHENS)
        address = SPOKEN_SIGN.sub(lambda sign: SIGNS[sign[1].lower()], written)
        address = re.sub(r"\s*([@._+-])\s*", r"\1", address)
        # Letters may be spelled one by one; words side by side may be two things.
        address = "@".join(
            "".join(part.split()) if re.fullmatch(r"\S(\s+\S)*(\.\w+)*", part) else part
            for part in address.split("@")
        )
        if email := _normalized(address):
            return email
    raise InvalidRequest("INVALID_EMAIL", "email", "It is not an email address")


def parse_date(value: object) -> date:
    """YYYY-MM-DD."""
    if isinstance(value, str) and (match := DATE.fullmatch(value.strip())):
        try:
            day = date(int(match[1]), int(match[2]), int(match[3]))
        except ValueError:
            pass
        else:
            if day.year in YEARS:
                return day
    raise InvalidRequest("INVALID_DATE_TIME", "appointmentDate", "A date is needed, as YYYY-MM-DD")


def parse_time(value: object) -> time:
    """A time of day: 14:00, 2 PM, 2:30pm, noon. An hour up to 12 needs am or pm unless it is
    written as 09:00."""
    spoken = _text_or_digits(value, "INVALID_DATE_TIME", "appointmentTime").lower().rstrip(".")
    if spoken in WORDS_OF_CLOCK:
        return WORDS_OF_CLOCK[spoken]
    if match := CLOCK.fullmatch(spoken):
        hour, minute, half = int(match[1]), int(match[2] or 0), match[3]
        if half and 1 <= hour <= 12:
            hour = hour % 12 + (12 if half == "p" else 0)
        elif half == "a" or (half and hour == 0):
            hour = 24
        elif not half and hour <= 12 and not re.match(r"\d{2}:", spoken):
            problem = "It could be morning or afternoon: am or pm is needed"
            raise InvalidRequest("INVALID_DATE_TIME", "appointmentTime", problem)
        if hour < 24 and minute < 60:
            return time(hour, minute)
    raise InvalidRequest(
        "INVALID_DATE_TIME", "appointmentTime", "A time is needed, such as 14:00 or 2 PM"
    )


def parse_instant(value: object, zone: ZoneInfo) -> datetime:
    """ISO 8601 to the minute: with an offset it means itself, without one `zone`'s wall clock."""
    if isinstance(value, str) and (match := INSTANT.fullmatch(value.strip())):
        day, clock = parse_date(match[1]), parse_time(match[2])
        if match[3] is None:
            return at_wall_clock(day, clock, zone)
        try:
            return datetime.fromisoformat(f"{day}T{clock}{match[3]}")
        except ValueError:
            pass
    raise InvalidRequest(
        "INVALID_DATE_TIME", "scheduledAt", "A date and a time are needed, as 2026-12-01T14:00"
    )


def at_wall_clock(day: date, clock: time, zone: ZoneInfo) -> datetime:
    """The instant at which `zone`'s clocks show that time, where there is exactly one (PEP 495)."""
    first = datetime.combine(day, clock, zone)
    second = first.replace(fold=1)
    offsets = first.utcoffset(), second.utcoffset()
    if offsets[0] == offsets[1]:
        return first
    assert offsets[0] is not None and offsets[1] is not None
    readings = tuple(
        reading.astimezone(UTC).astimezone(zone)
        for reading in sorted((first, second), key=datetime.timestamp)
    )
    if offsets[0] > offsets[1]:
        problem = "The clocks go back, and this time comes twice"
        raise InvalidRequest("AMBIGUOUS_TIME", "appointmentTime", problem, readings)
    problem = "The clocks go forward, and this time is left out"
    raise InvalidRequest("NONEXISTENT_TIME", "appointmentTime", problem, readings)


def parse_duration(value: object) -> int:
    """Minutes, 5 to 480: a number or its digits."""
    if type(value) is int and 5 <= value <= 480:
        return value
    digits = _text_or_digits(value, "INVALID_ARGUMENTS", "duration")
    match = re.fullmatch(r"(\d{1,3})\s*(?:m|min|mins|minutes?)?", digits, re.ASCII | re.I)
    if match is None or not 5 <= int(match[1]) <= 480:
        raise InvalidRequest("INVALID_ARGUMENTS", "duration", "It must be 5 to 480 minutes")
    return int(match[1])


def check_person(*, phone: object, email: object, name: object) -> None:
    """Raise `InvalidRequest` for a phone, email or name that the parsers would not have made."""
    if phone is None and email is None:
        raise missing_contact()
    if phone is not None and not (isinstance(phone, str) and is_phone(phone)):
        raise InvalidRequest("INVALID_PHONE", "phone", "It is not E.164: use parse_phone")
    if email is not None and not (isinstance(email, str) and _normalized(email) == email):
        raise InvalidRequest("INVALID_EMAIL", "email", "It is not normalized: use parse_email")
    if name is not None:
        check_text(name, "name")


def check_text(value: object, field: str) -> None:
    """Raise `InvalidRequest` for what `parse_text` would have refused or changed."""
    if parse_text(value, field) != value:
        problem = "It may contain single spaces between words, and no other white space"
        raise InvalidRequest("INVALID_ARGUMENTS", field, f"{problem} or invisible mark")


def check_instant(value: object, field: str) -> None:
    """Raise `InvalidRequest` for what is not an aware datetime to the minute."""
    problem = None
    if not isinstance(value, datetime):
        problem = "It must be a datetime"
    elif value.utcoffset() is None:
        problem = "A date and time with a time zone is needed"
    elif value.second or value.microsecond or value.year not in YEARS:
        problem = f"It must be to the minute, from {YEARS.start} to {YEARS.stop - 1}"
    if problem is not None:
        raise InvalidRequest("INVALID_DATE_TIME", field, problem)


# A request is checked again where it is copied, and a caller says the same number again.
@lru_cache(maxsize=4096)
def is_phone(text: str) -> bool:
    """Whether it is a complete number in E.164."""
    if not E164.fullmatch(text):
        return False
    try:
        number = phonenumbers.parse(text)
    except phonenumbers.NumberParseException:
        return False
    # Read again, a row of zeros loses one each time: it is nobody's number.
    return _e164(number) == text and _is_complete(number)


@lru_cache(maxsize=4096)
def _normalized(address: str) -> Email | None:
    try:
        return Email(validate_email(address, check_deliverability=False).normalized)
    except (EmailNotValidError, UnicodeError):
        return None


def _is_complete(number: phonenumbers.PhoneNumber) -> bool:
    """Possible, and not only among the neighbours: where special numbers are short (Australia, New
    Zealand), a local number without its area code is possible too."""
    possible = phonenumbers.is_possible_number_with_reason(number)
    if possible != phonenumbers.ValidationResult.IS_POSSIBLE:
        return False
    as_subscriber = phonenumbers.is_possible_number_for_type_with_reason(
        number, phonenumbers.PhoneNumberType.FIXED_LINE_OR_MOBILE
    )
    return (
        as_subscriber != phonenumbers.ValidationResult.IS_POSSIBLE_LOCAL_ONLY
        or phonenumbers.is_valid_number(number)
    )


def _e164(number: phonenumbers.PhoneNumber) -> Phone:
    return Phone(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))


def _text_or_digits(value: object, code: InvalidCode, field: str) -> str:
    """Text, or what a JSON number would be as text: models send both."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    # Python refuses to write out an integer of some thousand digits.
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 10**LONGEST:
        value = str(value)
    if isinstance(value, str) and len(text := value.strip()) <= LONGEST:
        return text
    raise InvalidRequest(code, field, "It must be short text or a whole number")
