"""A fault that is found in a database."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Severity = Literal["error", "warning", "note"]


@dataclass(frozen=True, slots=True)
class Finding:
    """A fault. An error means that it can't work, a warning that a guarantee is missing. A note is
    information.

    `problem` is one sentence that repeats no contact's data; `mend` is the SQL that ends it, to be
    read before it is run, with what only you know as a variable of psql (`:'timezone'`).
    """

    what: str
    severity: Severity
    problem: str
    mend: str | None = None
