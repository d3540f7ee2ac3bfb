"""The picture of a run: bookings a second, and how late an answer is at a given load."""

from __future__ import annotations

import re
from collections.abc import Mapping

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt

from bench.report import FOLDER, Measured

COLORS = {"limit": "#9aa5b1", "HTTP": "#9aa5b1", "peer": "#d98b5f"}
OURS = "#2f6f9f"


def draw(
    throughput: Mapping[str, Measured], ours: Mapping[int, Measured], peer: Mapping[int, Measured]
) -> None:
    """Write `results.png` and `results.svg`; `ours` and `peer` are by requests a second."""
    figure, (bars, curves) = plt.subplots(
        1, 2, figsize=(12, 5.5), width_ratios=(3, 2), layout="constrained"
    )
    names = list(throughput)
    rates = [line.rate for line in throughput.values()]
    spreads = [
        [line.rate - min(line.rates) for line in throughput.values()],
        [max(line.rates) - line.rate for line in throughput.values()],
    ]
    colors = [COLORS.get(re.split("[ ,]", name)[0], OURS) for name in names]
    bars.barh(names, rates, xerr=spreads, color=colors, error_kw={"lw": 1, "capsize": 2})
    for place, (rate, above) in enumerate(zip(rates, spreads[1], strict=True)):
        bars.text(rate + above, place, f"  {rate:,.0f}", va="center", fontsize=8)
    bars.margins(x=0.12)
    bars.invert_yaxis()
    bars.set_xlabel("bookings (requests) a second: median, slowest and fastest round")
    bars.tick_params(axis="y", labelsize=8)
    for name, lines, color in (("endpoint", ours, OURS), ("peer 1", peer, COLORS["peer"])):
        offered = sorted(lines)
        for percent, style in ((50, "o-"), (99, "s--")):
            late = [lines[rate].percentile(percent) for rate in offered]
            curves.plot(offered, late, style, color=color, label=f"{name}, p{percent}")
    curves.set_yscale("log")
    curves.set_xlabel("requests a second, offered")
    curves.set_ylabel("answered after, ms")
    curves.grid(alpha=0.3, which="both")
    curves.legend()
    for axes in (bars, curves):
        axes.spines[["top", "right"]].set_visible(False)
    for kind in ("png", "svg"):
        figure.savefig(FOLDER / f"results.{kind}", dpi=110)
