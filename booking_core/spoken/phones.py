"""Phone numbers, written or said digit by digit, as E.164."""

from __future__ import annotations

import contextlib
import re
from functools import lru_cache
from typing import NewType

import phonenumbers

from booking_core.errors import InvalidRequest
from booking_core.spoken.text import is_absent, plain, plain_text

Phone = NewType("Phone", str)
"""A phone number in E.164: `+15551234567`."""

E164 = re.compile(r"\+[1-9]\d{1,14}", re.ASCII)
WRITTEN = re.compile(
    r"(?:(?:tel|sms|callto|whatsapp|phone|mobile"
    r"|cell):\s*(?://)?)?(?P<number>[\d\s()+./-]+?)[\s.]*"
    r"(?:(?:,|;)?\s*(?:ext(?:ension)?|x)[.:=]?\s*\d+)?(?:\((?:mobile|cell|home|work|office)\))?",
    re.I,
)
DIGITS = {
    **{"zero": "0", "oh": "0", "o": "0", "one": "1", "two": "2", "three": "3", "four": "4"},
    **{"five": "5", "six": "6", "seven": "7", "eight": "8", "nine": "9", "plus": "+"},
}
TIMES = {"double": 2, "triple": 3}
# Telephone systems send these when a number is withheld. The digits spell ANONYMOUS, RESTRICTED,
# BLOCKED, UNKNOWN and UNAVAILABLE on a keypad; the last could pass for a Chinese subscriber.
WITHHELD = {"266696687", "7378742833", "2562533", "8656696", "86282452253"}
NO_NUMBER = re.compile(
    r"(?:private|restricted|blocked|unavailable|withheld|hidden|unknown"
    r"|anonymous)(?: (?:number|caller|call))?"
    r"|(?:no|unknown|private|blocked|withheld|hidden) caller ?id|caller ?id (?:blocked"
    r"|withheld|unavailable)"
    r"|out of area|payphone|sips?:.*|client:.*",
    re.I,
)
# The spellings that a change of a country's numbering plan left behind: what follows its code, and
# what it is today. Argentina's 9 and 15 are in phonenumbers' own metadata.
OLD_PLANS: dict[str, tuple[re.Pattern[str], str]] = {
    # Mexico dropped the 1 of mobiles, and 01, 044 and 045, in 2019: IFT, plan of 3 August 2019.
    "52": (re.compile(r"(?:1|01|044|045)(\d{10})"), r"\1"),
    # Brazil gave all mobiles a ninth digit until 2016: Anatel, resolution 553/2010.
    "55": (re.compile(r"([1-9][1-9])([6-9]\d{7})"), r"\g<1>9\2"),
    # Benin put 01 before all numbers on 30 November 2024: ARCEP Benin.
    "229": (re.compile(r"(\d{8})"), r"01\1"),
}


def is_hidden_number(value: object) -> bool:
    """Whether there is no number to read: none, a withheld one in any spelling, a SIP address."""
    if isinstance(value, str) and E164.fullmatch(value):
        return value[1:] in WITHHELD
    if is_absent(value, "phone"):
        return True
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value) in WITHHELD
    if not isinstance(value, str):
        return False
    said = plain(value[:500]).strip("+ ()[]<>")
    return bool(NO_NUMBER.fullmatch(said)) or re.sub(r"[\s().+-]", "", said) in WITHHELD


def parse_phone(value: object, region: str) -> Phone:
    """Any spelling of a possible number, local ones read in `region` (ISO 3166, "US").

    Possible, not assigned: the reserved 555 numbers pass. An extension is dropped, and what a
    country's change of plan left behind is today's number.
    """
    if isinstance(value, str) and is_phone(value):
        return Phone(value)
    text = plain_text(value, "INVALID_PHONE", "phone")
    if not (written := WRITTEN.fullmatch(text)):
        written = WRITTEN.fullmatch(_digits(text))
    if written:
        spoken = written["number"]
        with contextlib.suppress(phonenumbers.NumberParseException):
            phone = spoken if E164.fullmatch(spoken) else _e164(phonenumbers.parse(spoken, region))
            if is_phone(phone := _of_today(phone)):
                return Phone(phone)
    raise InvalidRequest("INVALID_PHONE", "phone", "It is not a complete phone number")


# A request is checked again where it is copied, and a caller says the same number again.
@lru_cache(maxsize=4096)
def is_phone(text: str) -> bool:
    """Whether it is a complete number in E.164, by today's plan."""
    if not E164.fullmatch(text):
        return False
    try:
        number = phonenumbers.parse(text)
    except phonenumbers.NumberParseException:
        return False
    return _e164(number) == text == _of_today(text) and _is_complete(number) and _can_exist(number)


def _digits(said: str) -> str:
    """Words for digits as digits, "double five" as two; other words stay, and are refused."""
    words = re.split(r"[\s,.-]+", said.lower())
    digits = ""
    times = 1
    for word in words:
        if word in TIMES and times == 1:
            times = TIMES[word]
            continue
        digit = DIGITS.get(word, word)
        digits += digit * times if len(digit) == 1 else digit if times == 1 else " ? "
        times = 1
    return digits if times == 1 else "?"


def _of_today(phone: str) -> str:
    for code, (old, today) in OLD_PLANS.items():
        if phone.startswith(f"+{code}") and old.fullmatch(rest := phone[1 + len(code) :]):
            return f"+{code}{old.sub(today, rest)}"
    return phone


def _can_exist(number: phonenumbers.PhoneNumber) -> bool:
    """Whether anybody can have it, assigned yet or not: no row of one digit, no trunk prefix."""
    if phonenumbers.is_valid_number(number):
        return True
    digits = phonenumbers.national_significant_number(number)
    first = "01" if number.country_code == 1 else "0"
    return len(set(digits)) > 1 and digits[0] not in first


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
