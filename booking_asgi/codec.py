"""JSON by msgspec, which takes half the time; what it is too strict for, by the standard library.

A text that was cut within an emoji ends in half of it, which is JSON all the same, though no UTF-8.
So is an integer of some thousand digits.
"""

from __future__ import annotations

import json

import msgspec

# msgspec's own reading of a float such as 1e308 takes 60 times as long as Python's.
ANY = msgspec.json.Decoder(float_hook=float)


def decode(text: bytes | str) -> object:
    """Raises `ValueError` if the text is no JSON, `RecursionError` if it is nested too deeply."""
    try:
        return ANY.decode(text)
    except ValueError:
        return json.loads(text, parse_int=float)


def encode(value: object) -> str:
    """A type that JSON lacks is written as `str(value)`."""
    try:
        return msgspec.json.encode(value, enc_hook=str).decode()
    except ValueError:
        return json.dumps(value, default=str)
