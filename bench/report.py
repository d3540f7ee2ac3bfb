"""What was measured, as a table, a verdict and a file."""

from __future__ import annotations

import os
import platform
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from statistics import median, quantiles

from bench.load import Sample

FOLDER = Path(__file__).parent


@dataclass
class Measured:
    """All rounds of one line: the rate is a median of rounds, the latencies are of all of them."""

    samples: list[Sample] = field(default_factory=list)

    @property
    def rates(self) -> list[float]:
        return [sample.per_second for sample in self.samples]

    @property
    def rate(self) -> float:
        return median(self.rates)

    @property
    def latencies(self) -> list[float]:
        return [latency for sample in self.samples for latency in sample.booked]

    @property
    def others(self) -> Counter[str]:
        return sum((sample.others for sample in self.samples), Counter())

    def percentile(self, percent: int) -> float:
        return percentile(self.latencies, percent)


def percentile(latencies: Sequence[float], percent: int) -> float:
    return quantiles(latencies, n=100, method="inclusive")[percent - 1]


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = [head, ["---"] + ["---:"] * (len(head) - 1), *rows]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines) + "\n"


def table_of_lines(measured: Mapping[str, Measured]) -> str:
    head = ("line", "per second", "slowest to fastest round", "p50 ms", "p99 ms", "not booked")
    return table(
        head,
        (
            (
                name,
                f"{line.rate:,.0f}",
                f"{min(line.rates):,.0f} to {max(line.rates):,.0f}",
                f"{line.percentile(50):.2f}",
                f"{line.percentile(99):.2f}",
                told(line.others),
            )
            for name, line in measured.items()
        ),
    )


def told(others: Mapping[str, int]) -> str:
    return ", ".join(f"{count:,} {what}" for what, count in others.items()) or "0"


def machine(postgres: str) -> str:
    """Where and when, in a line."""
    cpu = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ),
        platform.processor(),
    )
    ram = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return (
        f"{datetime.now(UTC):%Y-%m-%d}, {cpu}, {os.cpu_count()} cores, {ram:.0f} GB, "
        f"{platform.system()} {platform.release()}, PostgreSQL {postgres}, "
        f"Python {platform.python_version()}"
    )


def write(name: str, text: str) -> None:
    (FOLDER / name).write_text(text, encoding="utf-8")
    print(text)
