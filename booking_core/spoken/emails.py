"""Email addresses, written or spoken."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NewType

from email_validator import EmailNotValidError, validate_email

from booking_core.errors import InvalidRequest
from booking_core.spoken.text import LONGEST, plain

Email = NewType("Email", str)
"""An email address, normalized; two that differ in case only are one."""

SIGNS = {
    **dict.fromkeys(("at", "arroba", "arobase"), "@"),
    **dict.fromkeys(("dot", "point", "period", "punto", "punkt", "ponto"), "."),
    **dict.fromkeys(("dash", "hyphen", "minus", "guion", "gui\u00f3n", "bindestrich"), "-"),
    **{"plus": "+", "underscore": "_", "unterstrich": "_"},
}
# A sign between two parts, in a word or as it is.
BETWEEN = re.compile(rf"(?<=\S)\s+({'|'.join(SIGNS)})\s+(?=\S)|\s*(@)\s*", re.I)
# "sam(at)gmail[dot]com", as people write it where robots read.
BRACKETED_SIGN = re.compile(rf"\s*[(\[{{<]\s*({'|'.join(SIGNS)}|@|\.)\s*[)\]}}>]\s*", re.I)
# Two letters side by side: it is not spelled.
USUAL = re.compile(r"[\w.+'-]{0,64}[a-z\d]{2}[\w.+'-]{0,64}@[\w.-]{1,120}", re.ASCII)
MAILBOX = re.compile(r"(?:mailto:\s*)?(?:[^<>@]*<\s*(?:mailto:)?([^<>\s]+)\s*>|(\S.*))", re.I)
# Letters that are spelled one by one, however they are kept apart.
LETTER = r"(?:double\s+)?[^\W_]"
SPELLED = re.compile(rf"{LETTER}(?:[\s.,-]+{LETTER})+[.,-]?", re.I)


def parse_email(value: object) -> Email:
    """A written address, or a spoken one: "luis dot ortega at example dot com"."""
    if isinstance(value, str) and USUAL.fullmatch(value) and (email := _normalized(value)):
        return email
    if (
        isinstance(value, str)
        and len(value) <= 2 * LONGEST
        and len(text := plain(value)) <= LONGEST
    ):
        mailbox = MAILBOX.fullmatch(text.rstrip(".;, "))
        if mailbox and (email := _normalized(_written(mailbox[1] or mailbox[2]))):
            return email
    raise InvalidRequest("INVALID_EMAIL", "email", "It is not an email address")


def is_email(address: str) -> bool:
    """Whether it is an address as `parse_email` returns it."""
    return _normalized(address) == address


def _written(said: str) -> str:
    """The address that was said, with its signs. Text that is no address stays none."""
    said = BRACKETED_SIGN.sub(lambda sign: f" {SIGNS.get(sign[1].lower(), sign[1])} ", said)
    is_spoken = "@" not in said
    texts, words, ats = (BETWEEN.split(said)[start::3] for start in range(3))
    signs = [SIGNS[word.lower()] if word else at for word, at in zip(words, ats, strict=True)]
    parts = [_part(text, is_spoken) for text in texts]
    return "".join(part + sign for part, sign in zip(parts, [*signs, ""], strict=True))


def _part(said: str, is_spoken: bool) -> str:
    """What stands between two signs. Words side by side stay apart: they may be two things.

    Written with its signs, "a-b@c.com" is an address as it is, unless capitals or spaces show that
    it is spelled.
    """
    said = said.strip()
    is_spelled = SPELLED.fullmatch(said) and (
        is_spoken or " " in said or said.replace("-", "").isupper()
    )
    if not is_spelled:
        return re.sub(r"\s*([._+-])\s*", r"\1", said)
    letters = re.findall(r"(double\s+)?([^\W_])", said.lower())
    return "".join(letter * (2 if double else 1) for double, letter in letters)


@lru_cache(maxsize=4096)
def _normalized(address: str) -> Email | None:
    try:
        return Email(validate_email(address, check_deliverability=False).normalized)
    except (EmailNotValidError, UnicodeError):
        return None
