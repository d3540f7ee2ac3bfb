"""The opening hours of a week, and how a person writes them. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import time
from itertools import chain, pairwise

from booking_core.errors import InvalidRequest
from booking_core.spoken.text import plain

FORM = "Write it as in: mon-fri 09:00-12:30 13:30-17:00 sat 9am-1pm sun closed"
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
WEEKDAYS = range(1, 8)
MIDNIGHT = time()
DAY_MINUTES = 24 * 60
WEEK_MINUTES = 7 * DAY_MINUTES
LONGEST = 1000

# Without an s at the end: "mondays" are each of them, and "tues" and "thurs" have one too.
LONG = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
NAMES: Mapping[str, tuple[int, ...]] = {
    **{name: (number,) for names in (DAYS, LONG) for number, name in enumerate(names, 1)},
    **{"thur": (4,), "weekday": (1, 2, 3, 4, 5), "weekend": (6, 7)},
    **{"daily": tuple(WEEKDAYS), "everyday": tuple(WEEKDAYS)},
}
CLOCK = r"(?:\d{1,2}(?:[:.h]\d{2})?(?: ?[ap]\.?m\b\.?)?|noon\b|midnight\b)"
SPAN = rf"(?P<opens>{CLOCK}) ?(?:-|to|until|till?) ?(?P<closes>{CLOCK})"
TOKEN = re.compile(
    rf" *(?:(?P<span>{SPAN})(?![\w:.])"
    r"|(?P<closed>closed)\b"
    r"|(?P<range>-|to\b|through\b|thru\b)"
    r"|(?P<skipped>[,;:&+]|and\b|from\b|open\b)"
    r"|(?P<day>every day|[a-z]+)\.?)"
)
TIME = re.compile(r"(\d{1,2})(?:[:.h](\d{2}))?(?: ?([ap])\.?m\.?)?")


@dataclass(frozen=True, slots=True, order=True)
class OpeningHours:
    """From `opens` to `closes` on a weekday, 1 being Monday, in the organization's local time.

    Where `closes` is not after `opens`, it is on the next day: `time(0)` is the end of the day, and
    the same time twice is 24 hours. Raises `InvalidRequest` for what is no such time or weekday.
    """

    weekday: int
    opens: time
    closes: time

    def __post_init__(self) -> None:
        check_weekday(self.weekday)
        for field in ("opens", "closes"):
            value = getattr(self, field)
            if not isinstance(value, time):
                raise InvalidRequest("INVALID_ARGUMENTS", field, "It must be a time")
            if value.tzinfo is not None or value.second or value.microsecond:
                problem = "It must be local time, without a zone, to the minute"
                raise InvalidRequest("INVALID_ARGUMENTS", field, problem)

    def __str__(self) -> str:
        return format_span(self.opens, self.closes)


def parse_hours(words: str) -> dict[int, tuple[OpeningHours, ...]]:
    """The hours of each weekday that the words name, as `set_hours` takes them; a weekday that is
    closed has none.

    It reads `mon-fri 09:00-12:30 13:30-17:00`, `sat closed`, `Monday to Friday 9am-5pm`, `mon, wed
    22:00-06:00`, which ends on the next day, and `daily 00:00-24:00`. Raises `InvalidRequest`,
    which names what was not understood: an hour up to 12 needs am or pm, unless it is written as
    09:00 or the other end is later than 12. Hours that overlap or meet are refused.
    """
    days: dict[int, tuple[OpeningHours, ...]] = {}
    closed: set[int] = set()
    for weekdays, spans in _groups(words):
        for weekday in weekdays:
            if not spans:
                closed.add(weekday)
            hours = tuple(OpeningHours(weekday, *span) for span in spans)
            days[weekday] = tuple(sorted((*days.get(weekday, ()), *hours)))
    if both := [DAYS[weekday - 1] for weekday in sorted(closed) if days[weekday]]:
        raise _wrong(f"{both[0]} is both closed and open")
    check_apart(chain.from_iterable(days.values()))
    return dict(sorted(days.items()))


def format_hours(days: Mapping[int, Sequence[OpeningHours]]) -> str:
    """The hours of these weekdays as `parse_hours` reads them: `mon-fri 09:00-17:00 sat closed`."""
    runs: list[tuple[int, int, str]] = []
    for day in sorted(days):
        written = " ".join(map(str, sorted(days[day]))) or "closed"
        if runs and runs[-1][1:] == (day - 1, written):
            runs[-1] = (runs[-1][0], day, written)
        else:
            runs.append((day, day, written))
    return " ".join(
        f"{DAYS[first - 1]}{'' if first == last else f'-{DAYS[last - 1]}'} {written}"
        for first, last, written in runs
    )


def check_apart(hours: Iterable[OpeningHours]) -> None:
    """Raise `InvalidRequest` where hours overlap, those that run into the next day too, or where
    two of one weekday meet: nobody could book across the moment at which they do."""
    spans = sorted(map(_minutes, hours))
    # After the last one of the week comes the first one of the next week.
    again = [(starts + WEEK_MINUTES, ends, each) for starts, ends, each in spans[:1]]
    for (_, ends, one), (starts, _, next) in pairwise((*spans, *again)):
        if starts < ends or (starts == ends and one.weekday == next.weekday):
            named = " and ".join(f"{DAYS[each.weekday - 1]} {each}" for each in (one, next))
            how = "overlap" if starts < ends else "meet: write them as one"
            raise InvalidRequest("INVALID_ARGUMENTS", "hours", f"{named} {how}")


def format_span(opens: time, closes: time) -> str:
    """As `parse_span` reads it: `22:00-06:00`, and `00:00-24:00` for a day."""
    return f"{opens:%H:%M}-{'24:00' if closes == MIDNIGHT else f'{closes:%H:%M}'}"


def parse_span(words: str) -> tuple[time, time]:
    """The hours of one span, such as `12:00-13:00`; see `parse_hours`."""
    [*tokens] = _tokens(words)
    if len(tokens) != 1 or tokens[0].lastgroup != "span":
        raise _wrong(f"{words!r} is no span of hours")
    return _span(tokens[0], words)


def check_weekday(value: object) -> None:
    if type(value) is not int or value not in WEEKDAYS:
        problem = "It must be an int from 1, which is Monday, to 7"
        raise InvalidRequest("INVALID_ARGUMENTS", "weekday", problem)


def _minutes(hours: OpeningHours) -> tuple[int, int, OpeningHours]:
    """The minutes of the week at which they start and end; the end may be in the next week."""
    midnight = (hours.weekday - 1) * DAY_MINUTES
    opens, closes = (clock.hour * 60 + clock.minute for clock in (hours.opens, hours.closes))
    return midnight + opens, midnight + closes + (DAY_MINUTES if closes <= opens else 0), hours


def _groups(words: str) -> Iterator[tuple[list[int], list[tuple[time, time]]]]:
    """Each list of weekdays with the hours behind it, which are none where it is closed."""
    weekdays: list[int] = []
    spans: list[tuple[time, time]] = []
    is_closed = is_range = starts_range = False
    for token in _tokens(words):
        kind, said = token.lastgroup, token[0].strip()
        if kind == "day" and (spans or is_closed):
            yield weekdays, spans
            weekdays, spans, is_closed = [], [], False
        if kind == "day":
            named = _named(said, weekdays[-1] if is_range else None)
            starts_range = len(named) == 1 and not is_range
            weekdays.extend(named)
            is_range = False
        elif kind != "skipped":
            # Hours without a day, a day that is closed and has hours, or a range that is none.
            is_misplaced = not weekdays or is_range or is_closed or (spans and kind != "span")
            if is_misplaced or (kind == "range" and not starts_range):
                raise _wrong(f"{said!r} was not understood")
            if kind == "span":
                spans.append(_span(token, said))
            is_range, is_closed = kind == "range", kind == "closed"
    if not spans and not is_closed:
        raise _wrong("The hours are missing" if weekdays else "Nothing was given")
    yield weekdays, spans


def _tokens(words: object) -> Iterator[re.Match[str]]:
    if not isinstance(words, str) or len(words) > LONGEST:
        raise _wrong(f"It must be text of at most {LONGEST} characters")
    text, position = plain(words).lower(), 0
    while position < len(text):
        token = TOKEN.match(text, position)
        if token is None:
            raise _wrong(f"{text[position:].split()[0]!r} was not understood")
        position = token.end()
        yield token


def _named(said: str, first: int | None) -> list[int]:
    """The weekdays of a name; where a range began before it, those that follow its first one."""
    numbers = NAMES.get(said.rstrip(".").replace(" ", "").removesuffix("s"), ())
    if not numbers or (first is not None and (len(numbers) > 1 or numbers[0] == first)):
        raise _wrong(f"{said!r} was not understood")
    if first is None:
        return list(numbers)
    return [(first + step) % 7 + 1 for step in range((numbers[0] - first) % 7)]


def _span(token: re.Match[str], said: str) -> tuple[time, time]:
    """A span whose hours are of 24, or whose halves of the day are said."""
    start, starts_clear, starts_half = _clock(token["opens"])
    end, ends_clear, ends_half = _clock(token["closes"])
    is_later = end > start or start >= 13 * 60 or start < 60
    # In 9:00-17:00 the other end tells that 9:00 is of 24 hours. In 10:00-5:00 it does not.
    is_clear = (starts_clear and ends_clear) or (
        (starts_clear or ends_clear) and is_later and not (starts_half or ends_half)
    )
    if not is_clear:
        raise _wrong(f"{said!r} could be morning or afternoon: am or pm is needed")
    if start >= DAY_MINUTES or end > DAY_MINUTES:
        raise _wrong(f"{said!r} is no time of a day")
    return time(*divmod(start, 60)), time(*divmod(end % DAY_MINUTES, 60))


def _clock(text: str) -> tuple[int, bool, bool]:
    """The minute of the day, whether it has no other reading, and whether its half was said. What
    is no time of a day is beyond all days."""
    if text in ("noon", "midnight"):
        return (12 * 60 if text == "noon" else 0), True, False
    match = TIME.fullmatch(text)
    assert match is not None  # of the same form as in TOKEN
    hour, minute, half = int(match[1]), int(match[2] or 0), match[3]
    if minute > 59 or (half and not 1 <= hour <= 12):
        return 2 * DAY_MINUTES, True, False
    if half:
        return (hour % 12 + (12 if half == "p" else 0)) * 60 + minute, True, True
    is_clear = hour > 12 or match[1].startswith("0") or (len(match[1]) == 2 and bool(match[2]))
    return hour * 60 + minute, is_clear, False


def _wrong(problem: str) -> InvalidRequest:
    return InvalidRequest("INVALID_ARGUMENTS", "hours", f"{problem}. {FORM}")
