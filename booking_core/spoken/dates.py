"""Days of the calendar, in the forms in which people, models and programs write them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date

from booking_core.errors import InvalidRequest

YEARS = range(1970, 2200)
FORM = "A date is needed, as YYYY-MM-DD"

_MONTHS = """
    january jan enero janvier januar gennaio janeiro
    february feb febrero f\u00e9vrier fevrier februar febbraio fevereiro
    march mar marzo mars m\u00e4rz maerz mar\u00e7o
    april apr abril avril aprile
    may mayo mai maggio maio
    june jun junio juin juni giugno junho
    july jul julio juillet juli luglio julho
    august aug agosto ao\u00fbt aout
    september sep sept septiembre septembre settembre setembro
    october oct octubre octobre oktober ottobre outubro
    november nov noviembre novembre novembro
    december dec diciembre d\u00e9cembre decembre dezember dicembre dezembro
"""
_WEEKDAYS = """
    monday mon lunes lundi montag luned\u00ec segunda-feira
    tuesday tue tues martes mardi dienstag marted\u00ec ter\u00e7a-feira
    wednesday wed mi\u00e9rcoles miercoles mercredi mittwoch mercoled\u00ec quarta-feira
    thursday thu thur thurs jueves jeudi donnerstag gioved\u00ec quinta-feira
    friday fri viernes vendredi freitag venerd\u00ec sexta-feira
    saturday sat s\u00e1bado sabado samedi samstag sabato
    sunday sun domingo dimanche sonntag domenica
"""
"""A line each, from the first on; English, Spanish, French, German, Italian, Portuguese."""


def _numbered(lines: str, first: int) -> dict[str, int]:
    return {
        word: number
        for number, line in enumerate(lines.strip().splitlines(), first)
        for word in line.split()
    }


MONTHS, WEEKDAYS = _numbered(_MONTHS, 1), _numbered(_WEEKDAYS, 0)
FILLERS = {
    "the",
    "of",
    "on",
    "de",
    "del",
    "do",
    "el",
    "le",
    "il",
    "den",
    "der",
    "am",
    "dia",
    "d\u00eda",
}
NUMERIC = re.compile(r"(\d{1,4}) ?([-/. ]) ?(\d{1,2}) ?\2 ?(\d{1,4})\.?")
BASIC = re.compile(r"\d{8}")
WORD = re.compile(r"segunda-feira|\w+-feira|[^\W\d_]+|\d+|'\d\d\b|[^\w\s]")
ORDINAL = re.compile(r"(?<=\d)(?:st|nd|rd|th|er|re|\u00ba|\u00aa|o|a)\b")


def read_date(text: str, field: str) -> date:
    """The one day that `text`, plain and in lower case, can mean.

    A day of the week beside it must be its own, and decides between readings. What is relative, or
    without its year, is never worked out.
    """
    text = ORDINAL.sub("", text)
    words = [word for word in WORD.findall(text) if word not in FILLERS and word not in ",()"]
    days = {WEEKDAYS[word] for word in words if word in WEEKDAYS}
    rest = [word for word in words if word not in WEEKDAYS]
    written = text if not days else " ".join(rest)
    candidates = {day for day in _readings(written, rest) if day.year in YEARS}
    fitting = {day for day in candidates if not days or days == {day.weekday()}}
    if len(fitting) == 1:
        return fitting.pop()
    if fitting:
        problem = f"It has more than one reading. {FORM}"
    elif candidates:
        problem = f"That date is not that day of the week. {FORM}"
    elif any(word in MONTHS for word in rest) and sum(word.isdigit() for word in rest) == 1:
        problem = f"The year is missing. {FORM}"
    else:
        problem = FORM
    raise InvalidRequest("INVALID_DATE_TIME", field, problem)


def _readings(text: str, words: list[str]) -> Iterator[date]:
    """Every day of the calendar that the text may mean."""
    compact = re.sub(r" ?([-/.]) ?", r"\1", text).strip(" ,")
    if match := NUMERIC.fullmatch(compact):
        first, _, middle, last = match.groups()
        yield from _in_numbers(first, middle, last)
    elif BASIC.fullmatch(compact):
        yield from _in_numbers(compact[:4], compact[4:6], compact[6:])
        yield from _in_numbers(compact[:2], compact[2:4], compact[4:])
    else:
        yield from _in_words([word.lstrip("'") for word in words if word not in "-/."])


def _in_numbers(first: str, middle: str, last: str) -> Iterator[date]:
    if len(first) == 4 and len(last) < 3:
        orders = [(first, middle, last)]
    elif len(first) < 3 and len(last) == 4:
        orders = [(last, middle, first), (last, first, middle)]
    elif len(first) < 3 and len(last) == 2:
        orders = [(f"20{last}", middle, first), (f"20{last}", first, middle)]
        if len(first) == 2:
            orders.append((f"20{first}", middle, last))
    else:
        return
    for year, month, day in orders:
        yield from _day(year, int(month), day)


def _in_words(words: list[str]) -> Iterator[date]:
    """January 5 2027, 5 January 2027, 2027 January 5, 05 Jan 27."""
    months = [place for place, word in enumerate(words) if word in MONTHS]
    numbers = [word for word in words if word.isdecimal()]
    if len(words) != 3 or len(months) != 1 or len(numbers) != 2:
        return
    month = MONTHS[words[months[0]]]
    if len(numbers[0]) == 4 and months == [1]:
        yield from _day(numbers[0], month, numbers[1])
    elif months != [2] and len(numbers[0]) < 3 and len(numbers[1]) in (2, 4):
        yield from _day(
            numbers[1] if len(numbers[1]) == 4 else f"20{numbers[1]}", month, numbers[0]
        )


def _day(year: str, month: int, day: str) -> Iterator[date]:
    try:
        yield date(int(year), month, int(day))
    except ValueError:
        return
