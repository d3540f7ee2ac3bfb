"""`make bench`: run it all, print the table and the verdict, write `results.md` and the plot."""

from __future__ import annotations

import argparse
import asyncio
import resource
from collections.abc import Mapping

import uvloop

from bench import plot, server
from bench.library import count_round_trips
from bench.load import UNCONFIRMED
from bench.report import percentile, table, table_of_lines, told, write
from bench.run import OFFERED, QUICK, Results, Times, measure
from booking_asgi import Config

# "Back to normal": by no more than two medians on two cores may differ by chance.
NORMAL = 1.5


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one short round, to try it out")
    parser.add_argument("--rounds", type=int, default=Times.rounds)
    options = parser.parse_args()
    # An overload holds thousands of connections open; the endpoint's process inherits it.
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    times = QUICK if options.quick else Times(rounds=options.rounds)
    with server.embedded() as url:
        asyncio.run(server.make_template(url))
        results = uvloop.run(measure(url, times))
        # Not on uvloop, for the tests' proxy.
        round_trips = asyncio.run(count_round_trips(asyncio.run(server.a_database(url))))
    lines = results.lines
    plot.draw(
        {name: line for name, line in lines.items() if "/s" not in name and "select" not in name},
        {rate: lines[f"endpoint, {rate}/s"] for rate in OFFERED},
        {rate: lines[f"peer 1, {rate}/s"] for rate in OFFERED},
    )
    command = "make bench" if times != QUICK else "python -m bench --quick"
    write("results.md", document(results, round_trips, times, command))


def document(results: Results, round_trips: Mapping[str, int], times: Times, command: str) -> str:
    return f"""\
# Results of `{command}`

{results.machine}. Everything on that one machine, the load too; fsync is on.
{times.rounds} round(s) of {times.round} s a line after one to warm up, the lines by turns.

![bookings a second, and how late an answer is](results.svg)

## Verdict

{verdict(results, times)}
## Lines

The number behind a name is of concurrent callers, or with /s of requests a second that come whether
or not the last one is answered; their time is counted from when each was to be sent.

{table_of_lines(results.lines)}
## Callers who collide

The same person asks for the same time on several connections at once, again and again. A
second appointment for it is a chair that stays empty; an error is a caller who is sent away.

{collisions(results)}
## Round trips

{table(("a booking", "round trips"), round_trips.items())}"""


def verdict(results: Results, times: Times) -> str:
    lines, steady, overload = results.lines, results.steady, results.overload
    too_much = f"{times.overload} s at three times its capacity ({overload.offered:,}/s)"
    unknown = overload.sample.others.total() - overload.sample.others[UNCONFIRMED]

    def rates(one: str, other: str) -> float:
        return lines[one].rate / lines[other].rate

    def latencies(percent: int, one: str, other: str) -> float:
        return lines[one].percentile(percent) / lines[other].percentile(percent)

    rows: list[tuple[str, float, str, float]] = [
        (
            "library on held connections / pgbench, throughput at 8",
            *(rates("library, held, 8", "limit, pgbench, 8"), "≥", 0.95),
        ),
        (
            "library on the endpoint's pool / pgbench, throughput at 8",
            *(rates("library, pool, 8", "limit, pgbench, 8"), "≥", 0.8),
        ),
        (
            "library on a held connection / pgbench, p50 at 1",
            *(latencies(50, "library, held, 1", "limit, pgbench, 1 client"), "≤", 1.2),
        ),
        (
            "endpoint / peer 1, throughput at 8",
            *(rates("endpoint, 8", "peer 1, 8"), "≥", 3),
        ),
        (
            "endpoint / peer 1, p99 at 200/s",
            *(latencies(99, "endpoint, 200/s", "peer 1, 200/s"), "≤", 1),
        ),
        (f"not booked in {times.steady} s at 300/s", steady.others.total(), "≤", 0),
        (f"{too_much}: share of it served", overload.share, "≥", 0.7),
        (f"{too_much}: neither booked nor refused", unknown, "≤", 0),
        (
            f"{too_much}: slowest answer, s",
            *(overload.sample.slowest, "≤", Config().deadline_seconds),
        ),
        ("p50 of 50/s, 5 s later / before", overload.after / overload.before, "≤", NORMAL),
    ]
    judged = (
        (
            what,
            f"{value:.2f}",
            f"{relation} {bound:g}",
            "yes" if (value >= bound if relation == "≥" else value <= bound) else "no",
        )
        for what, value, relation, bound in rows
    )
    return f"""\
{table(("ratio", "measured", "wanted", "holds"), judged)}
At 300/s: p50 {percentile(steady.booked, 50):.1f} ms, p99 {percentile(steady.booked, 99):.1f} ms.
At three times its capacity: {len(overload.sample.booked):,} booked; {told(overload.sample.others)}.
"""


def collisions(results: Results) -> str:
    return table(
        ("flow", "asked", "errors", "appointments too many"),
        (
            (name, f"{found.requests:,}", told(found.errors), f"{found.doubled:,}")
            for name, found in results.collisions.items()
        ),
    )


if __name__ == "__main__":
    main()
