"""How times, names and lists are written in a sentence. Pure."""

from __future__ import annotations

import textwrap
import unicodedata
from collections.abc import Sequence
from datetime import datetime
from typing import Literal
from zoneinfo import ZoneInfo

MOST_NAME_WORDS = 3
MOST_RESOURCE_WORDS = 4
PLAIN = str.maketrans(
    {**dict.fromkeys("\u2018\u2019\u02bc", "'"), **dict.fromkeys("\u2010\u2011\u2013\u2014", "-")}
)


def spoken(instant: datetime, zone: ZoneInfo) -> str:
    """Tuesday, December 1, 2026 at 2:00 PM"""
    return f"{instant.astimezone(zone):%A, %B %-d, %Y at %-I:%M %p}"


def spoken_day(local: datetime) -> str:
    """Tuesday, December 1, 2026"""
    return f"{local:%A, %B %-d, %Y}"


def city(zone: ZoneInfo) -> str:
    """New York, of America/New_York."""
    return zone.key.rpartition("/")[2].replace("_", " ")


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


def shorten(text: str, most_words: int) -> str:
    words = text.split()
    whole = " ".join(words)
    if len(words) <= most_words and len(whole) <= 80:
        return whole
    return textwrap.shorten(" ".join(words[:most_words]), 80, placeholder="") + "..."


def listed(names: Sequence[str], last: Literal["and", "or"]) -> str:
    """A, B and C."""
    return f" {last} ".join([*([", ".join(names[:-1])] if names[1:] else []), *names[-1:]])


def clock(local: datetime) -> str:
    return f"{local:%-I:%M %p}"
