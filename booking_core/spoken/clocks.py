"""Times of day, in the forms in which people, models and programs write them."""

from __future__ import annotations

import re
from datetime import time
from typing import Literal

from booking_core.errors import InvalidRequest

FORM = "A time is needed, such as 14:00 or 2 PM"
HALVES = "It could be morning or afternoon: am or pm is needed"

NUMBERS = {
    word: number
    for number, word in enumerate(
        [
            "zero",
            "one",
            "two",
            "three",
            "four",
            "five",
            "six",
            "seven",
            "eight",
            "nine",
            "ten",
            "eleven",
            "twelve",
            "thirteen",
            "fourteen",
            "fifteen",
            "sixteen",
            "seventeen",
            "eighteen",
            "nineteen",
            "twenty",
        ]
    )
}
TENS = {"twenty": 20, "thirty": 30, "forty": 40, "fifty": 50}
# What follows a time, and the half of the day that it is in; with the hours that people mean by it.
PARTS: list[tuple[re.Pattern[str], Literal["a", "p"], range]] = [
    (re.compile(r"(?:in the |this |de la )?(?:morning|ma\u00f1ana)"), "a", range(1, 12)),
    (re.compile(r"(?:in the |this |de la )?(?:afternoon|tarde)"), "p", range(1, 13)),
    (re.compile(r"(?:in the |this )?evening"), "p", range(4, 12)),
    (re.compile(r"(?:at |to|de la )?(?:night|noche)"), "p", range(6, 12)),
]
PART = re.compile(rf"(.*\d.*?)[ ,]+((?:{'|'.join(part.pattern for part, _, _ in PARTS)}))")
NOON = re.compile(r"(?:12(?::00)? ?)?(noon|midday|midnight)")
RELATIVE = re.compile(
    r"(quarter|half|\d{1,2})(?: minutes?)? (past|after|to|til|till"
    r"|before) (\d{1,2})(?: ?o'clock)?( .*|[ap]\.? ?m.*)?"
)
CLOCK = re.compile(
    r"(?!0\d\d\b)(\d{1,2})(?:([:.h ]?)(\d{2})(?:(?<=[:.]\d\d)[:.]00(?:\.0+)?)?)?"
    r"(?: ?(o'clock))?(?: ?(hours|hrs|hr|h|uhr|horas|heures))?(?: ?([ap])(?:\.? ?m)?\.?)?"
)


def read_clock(text: str, field: str) -> time:
    """The one time of day that `text`, plain and in lower case, can mean. An hour up to 12 needs am
    or pm, or a part of the day, unless it is written as 09:00."""
    text = _in_digits(text.strip().removeprefix("at ").rstrip(" .,"))
    if match := NOON.fullmatch(text):
        return time(0) if match[1] == "midnight" else time(12)
    half = None
    if match := PART.fullmatch(text):
        text, part = match[1].rstrip(" ,"), match[2]
        if (half := _half(text, part)) is None:
            raise InvalidRequest("INVALID_DATE_TIME", field, FORM)
    if match := RELATIVE.fullmatch(text):
        return _relative(match, half, field)
    if match := CLOCK.fullmatch(text):
        hour, minute = int(match[1]), int(match[3] or 0)
        said = match[6] or half
        is_of_24_hours = match[2] in (":", ".", "h") and len(match[1]) == 2 and match[3]
        is_of_24_hours = is_of_24_hours or (match[5] and match[3] and not match[2])  # 0900 hours
        if match[6] and half and match[6] != half:
            hour = 24
        if said and 1 <= hour <= 12:
            hour = hour % 12 + (12 if said == "p" else 0)
        elif said == "a" or (said and hour == 0):
            hour = 24
        elif not said and hour <= 12 and (match[4] or not is_of_24_hours):
            raise InvalidRequest("INVALID_DATE_TIME", field, HALVES, remedy="ask")
        if hour < 24 and minute < 60:
            return time(hour, minute)
    raise InvalidRequest("INVALID_DATE_TIME", field, FORM)


def _half(clock: str, part: str) -> Literal["a", "p"] | None:
    hour = re.search(r"(?:past |after |to |till? |before |^)(\d{1,2})", clock)
    for pattern, half, hours in PARTS:
        if pattern.fullmatch(part):
            return half if hour and (int(hour[1]) in hours or int(hour[1]) > 12) else None
    return None


def _relative(match: re.Match[str], half: str | None, field: str) -> time:
    """Half past 2 pm, quarter to 3 in the afternoon. "Half 3" is half past in English, and half to
    it elsewhere: it is no time."""
    minutes = {"quarter": 15, "half": 30}.get(match[1]) or int(match[1])
    is_past = match[2] in ("past", "after")
    if minutes >= 60 or (match[1] == "half" and not is_past) or not 1 <= int(match[3]) <= 12:
        raise InvalidRequest("INVALID_DATE_TIME", field, FORM)
    rest = (match[4] or "").strip() or {"a": "am", "p": "pm", None: ""}[half]
    whole = read_clock(f"{match[3]} {rest}".strip(), field)
    total = whole.hour * 60 + (minutes if is_past else -minutes)
    return time(total // 60 % 24, total % 60)


def _in_digits(text: str) -> str:
    """Two thirty pm as 2 30 pm, ten oh five am as 10 05 am."""
    if text.isascii() and not re.search(r"[a-z]{3}", text):
        return text
    words: list[str] = []
    for word in re.findall(r"[^\s-]+|-", text):
        before = words[-1] if words else ""
        if word == "-" and before.isdigit():
            continue
        if word in ("oh", "o") and before.isdigit():
            words.append("0")
        elif word in NUMBERS and NUMBERS[word] < 10 and before in ("0", "20", "30", "40", "50"):
            words[-1] = f"{int(before) + NUMBERS[word]:02}"
        elif word in NUMBERS or word in TENS:
            words.append(str(NUMBERS.get(word, TENS.get(word))))
        else:
            words.append(word)
    return " ".join(words)
