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
    read before it is run. It runs as it stands, in psql and in any editor. What only you know
    stands in it as `Region/City` or `XX`, which `preflight` finds again until you put it in.
    """

    what: str
    severity: Severity
    problem: str
    mend: str | None = None
