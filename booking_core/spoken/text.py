"""Text: one line of it, its invisible marks gone; and the ways to say nothing."""

from __future__ import annotations

import re
import unicodedata
from typing import Literal

from booking_core.errors import InvalidCode, InvalidRequest

LONGEST = 254
# Some scripts need joiners within a word: they stay in a name; other marks that nobody sees go.
JOINERS = dict.fromkeys((0x200C, 0x200D))
INVISIBLE = dict.fromkeys(
    [
        *(0x00AD, 0x034F, 0x061C, 0x180E, 0x200B, 0x200E, 0x200F, 0xFEFF),
        *(*range(0x202A, 0x202F), *range(0x2060, 0x2070), *range(0xFE00, 0xFE10)),
    ]
)
# Typographic hyphens and apostrophes, which models like to write, and the marks above.
PLAIN = str.maketrans(
    {
        **dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2212\ufe58\ufe63\u301c", "-"),
        **dict.fromkeys("\u02bc\u2018\u2019\u201b\u2032\u00b4", "'"),
        **dict.fromkeys("\u201c\u201d\u201f\u2033", '"'),
        **{chr(mark): None for mark in (*INVISIBLE, *JOINERS)},
    }
)

# How all that says nothing begins, so that nearly all that says something is told at once.
MAY_BE_NOTHING = re.compile(
    r"[\W_]*(?:$|all|an[oy]|avail|blank|caller|calling|current|customer|decl|do|either|empty"
    r"|first|general"
    r"|incoming|left|n[./]a|name|next|ni|no|null|number|patient|phone|prefer|random|refus"
    r"|same|skip|tbd|th"
    r"|to|un|use|who|with)",
    re.I,
)

Meaning = Literal["name", "phone", "email", "service", "resource"]
# With case, brackets, full stops, hyphens and underscores taken away.
NOTHING = re.compile(
    r"|null|undefined|none|nil|n/a|n\.a|unknown|anonymous|tbd|to be (?:determined|confirmed)"
    r"|(?:not|none|nothing) (?:yet )?(?:provided|given|specified|stated|available|applicable"
    r"|known|mentioned"
    r"|disclosed|shared|collected|supplied|set|said|asked)"
    r"|unspecified|unavailable|undisclosed|declined|refused|withheld|skip|skipped|left blank"
    r"|blank|empty"
    r"|(?:caller |patient |customer |user )?(?:declined|refused|prefers not) to (?:say"
    r"|provide|give|share|answer)"
    r"|(?:caller |patient |customer |user )(?:declined|refused)|prefer not to say|no answer"
    r"|no response"
)
NOTHING_OF: dict[Meaning, re.Pattern[str]] = {
    "name": re.compile(
        r"no name|name (?:unknown|withheld)|(?:the )?(?:unknown )?caller|(?:the )?patient"
    ),
    "phone": re.compile(
        r"no|no (?:phone|number|phone number)|same|same (?:as "
        r"|number as )?(?:the )?(?:caller(?:'s)?|calling)"
        r"(?: ?id| number| phone)?|same (?:number|phone)|(?:use )?(?:this|the same"
        r"|the current) (?:number|phone)"
        r"|(?:use )?(?:the )?(?:caller|calling|incoming)(?:'s)? ?(?:id|number|phone)"
        r"|(?:the )?(?:number|phone)(?: number)? (?:i am|i'm|they are|they're|he is"
        r"|she is) calling from"
    ),
    "email": re.compile(
        r"no|no e ?mail|no e ?mail address|does(?: not|n't) have (?:one|an e ?mail|e ?mail)"
    ),
    "service": re.compile(r"any|anything|general"),
    "resource": re.compile(
        r"any|any ?(?:one|body|thing)|any (?:available|doctor|provider|dentist|practitioner"
        r"|therapist|staff"
        r"|staff member|of them|resource)|(?:no|without) (?:preference|preferred provider)"
        r"|no one in particular"
        r"|whoever(?: is|'s)? (?:available|free|first)|whoever|first available|next available"
        r"|the first available"
        r"|does(?: not|n't) matter|do(?: not|n't) care|either|either one|no particular"
        r"|available|all|random|\*"
    ),
}


def is_absent(value: object, meaning: Meaning | None = None) -> bool:
    """Whether an argument says nothing: empty, a placeholder, "not provided" or "declined", or a
    template left unrendered; of a `meaning`, also what means the default: "any" for a resource."""
    if value is None:
        return True
    if not isinstance(value, str) or len(value) > LONGEST:
        return False
    if "{{" in value:
        return True
    if not MAY_BE_NOTHING.match(value):
        return False
    said = re.sub(r"[\s_-]+|[.!](?=\s|$)", " ", plain(value).lower())
    said = said.strip(" <>()[]{}\"'.,;:")
    also = NOTHING_OF.get(meaning) if meaning else None
    return bool(NOTHING.fullmatch(said) or (also and also.fullmatch(said)))


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


def check_text(value: object, field: str) -> None:
    """Raise `InvalidRequest` for what `parse_text` would have refused or changed."""
    if parse_text(value, field) != value:
        problem = "It may contain single spaces between words, and no other white space"
        raise InvalidRequest("INVALID_ARGUMENTS", field, f"{problem} or invisible mark")


def plain(text: str) -> str:
    """In plain signs, for what is read and not stored: any script's digits, spaces, hyphens and
    apostrophes in ASCII, and no mark that nobody sees."""
    if text.isascii():
        return " ".join(text.split())
    folded = unicodedata.normalize("NFKC", text.translate(PLAIN)).translate(PLAIN)
    digits = (str(unicodedata.decimal(sign)) if sign.isdecimal() else sign for sign in folded)
    return " ".join("".join(digits).split())


def plain_text(value: object, code: InvalidCode, field: str) -> str:
    """Text, or what a JSON number would be as text: models send both."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    # Python refuses to write out an integer of some thousand digits.
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 10**LONGEST:
        value = str(value)
    if (
        isinstance(value, str)
        and len(value) <= 2 * LONGEST
        and len(text := plain(value)) <= LONGEST
    ):
        return text
    raise InvalidRequest(code, field, "It must be short text or a whole number")
