"""The argument at fault, as the caller wrote it: its name, and its value where that is not private.
Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping

from booking_asgi.phrases import MOST_RESOURCE_WORDS, clean, shorten
from booking_asgi.speech import Given
from booking_asgi.tools.arguments import names_by_meaning
from booking_core import InvalidRequest
from booking_core.spoken.dates import FILLERS, MONTHS, WEEKDAYS

# A value is repeated only if it is built of numbers and of these words: any other word in the place
# of a date may be somebody's name.
WORDS = {*MONTHS, *WEEKDAYS, *FILLERS} | set(
    re.findall(
        r"\w+",
        "t z utc gmt am pm a p m h at in past to half quarter noon midday midnight o clock"
        " morning afternoon evening night today tomorrow next this last week weeks month"
        " hour hours hr hrs min mins minute minutes day days while soon later now and",
    )
)
# No phone number: it has groups of three digits, or of five and more.
NUMBERS = re.compile(r"\d{1,2}|\d{4}")
ZONE = re.compile(r"[A-Za-z]{2,20}/[A-Za-z_+-]{2,30}(?:/[A-Za-z_]{2,20})?|[A-Z]{2,5}")
# Signs around the letters are the caller's own choice: a name may not hold just any.
PLAIN_NAME = re.compile(r"[A-Za-z][A-Za-z_ .-]{0,39}")
LONGEST = 40
TIMES = ("date", "time", "instant", "duration")
NAMES = ("service", "resource")


def as_given(refusal: InvalidRequest, arguments: Mapping[str, object]) -> Given:
    """What the caller wrote where `refusal.field` stands."""
    names = names_by_meaning(arguments)
    meaning = names_by_meaning({refusal.field: "x"}).popitem()[0]
    # A time that is refused for what it is, and not for being left out, may be in the instant.
    if meaning in ("date", "time") and meaning not in names and refusal.remedy == "correct":
        meaning = "instant"
    if meaning is None or meaning not in names:
        return Given(refusal.field)
    name = names[meaning]
    field = name if PLAIN_NAME.fullmatch(name) else refusal.field
    return Given(field, _shown(meaning, arguments[name]))


def _shown(meaning: str, value: object) -> str:
    """The value, and an empty text where it may be private."""
    text = str(value) if type(value) in (str, int) else ""
    if meaning in NAMES:
        return shorten(clean(text), MOST_RESOURCE_WORDS)
    if len(text) > LONGEST or not text.isprintable():
        return ""
    if meaning == "zone":
        return text if ZONE.fullmatch(text) else ""
    parts = re.findall(r"[^\W\d_]+|\d+", text)
    numbers = [part for part in parts if part.isdigit()]
    words = [part for part in parts if not part.isdigit()]
    is_time = (
        meaning in TIMES
        and all(word.lower() in WORDS for word in words)
        and all(NUMBERS.fullmatch(number) for number in numbers)
        and len(numbers) <= (6 if ":" in text else 3)
    )
    return text if is_time else ""
