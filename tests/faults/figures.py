"""The figures that fault tests measure: printed at the end, and kept where it is asked for."""

from __future__ import annotations

import os
import platform
import re
from datetime import UTC, datetime
from pathlib import Path

REPORT = Path(__file__).parents[2] / "docs" / "explanation" / "reliability.md"
TABLE = re.compile(r"(?<=<!-- figures -->\n).*?(?=<!-- end -->)", re.DOTALL)


class Figures:
    """One row for each fault: what was done, and what came of it."""

    def __init__(self) -> None:
        self.rows: list[tuple[str, str]] = []
        self.acknowledged = 0
        self.server = "PostgreSQL"

    def add(self, fault: str, outcome: str, *, acknowledged: int = 0) -> None:
        """`acknowledged` bookings were held against the rows, and none was lost or doubled."""
        self.rows.append((fault, outcome))
        self.acknowledged += acknowledged

    def lines(self) -> list[str]:
        total = f"{self.acknowledged:,} acknowledged bookings, none lost, none doubled"
        rows = [*self.rows, ("in all", total)]
        return ["| fault | outcome |", "| --- | --- |", *(f"| {a} | {b} |" for a, b in rows)]

    def keep(self, cases: str) -> None:
        """Put them into the report, in the place of those of the run before."""
        when = f"{datetime.now(UTC):%Y-%m-%d}, {platform.system()} {platform.machine()}"
        on = f"{os.cpu_count()} cores, Python {platform.python_version()}, {self.server}"
        table = "\n".join([f"\nMeasured {when}, {on}: {cases}.\n", *self.lines()])
        text, found = TABLE.subn(lambda _: f"{table}\n\n", REPORT.read_text())
        assert found == 1
        REPORT.write_text(text)
