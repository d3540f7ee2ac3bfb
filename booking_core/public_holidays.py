"""The public holidays of a country, from the package `holidays`. Pure."""

from __future__ import annotations

import importlib
from collections.abc import Collection
from datetime import date
from typing import Any

from booking_core.errors import InvalidRequest
from booking_core.spoken import parse_text
from booking_core.spoken.dates import YEARS


def holidays_of(
    country: object, subdivision: object, years: Collection[int]
) -> list[tuple[date, str]]:
    """Each holiday with its name, by date. Raises ImportError where the package is not installed,
    and `InvalidRequest` for a country or a subdivision that it does not know, with `choices`."""
    package = _package()
    regions: dict[str, list[str]] = package.list_supported_countries()
    # It knows the codes of three letters as well, which would make the choices twice as many.
    code = _choice(country, "country", regions, [each for each in regions if len(each) == 2])
    region = subdivision
    if subdivision is not None:
        region = _choice(subdivision, "subdivision", regions[code], regions[code])
    if isinstance(years, str | int) or not years:
        raise InvalidRequest("INVALID_ARGUMENTS", "years", "It must be a list of years")
    for year in years:
        if type(year) is not int or year not in YEARS:
            problem = f"It must be an int from {YEARS.start} to {YEARS.stop - 1}"
            raise InvalidRequest("INVALID_ARGUMENTS", "years", problem)
    found = package.country_holidays(code, subdiv=region, years=sorted(set(years)))
    return [(day, parse_text(name, "note")) for day, name in sorted(found.items())]


def _package() -> Any:
    try:
        return importlib.import_module("holidays")
    except ImportError as error:
        problem = "the package holidays is not installed: install vapi-booking[holidays]"
        raise ImportError(problem) from error


def _choice(said: object, field: str, known: Collection[str], choices: Collection[str]) -> str:
    text = parse_text(said, field).upper()
    if matching := [each for each in known if each.upper() == text]:
        return matching[0]
    problem = "No holidays are known for it" if known else "No regions of this country are known"
    raise InvalidRequest("INVALID_ARGUMENTS", field, problem, choices=tuple(sorted(choices)))
