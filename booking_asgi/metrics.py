"""Metrics (observability): what Prometheus scrapes, on a port of its own.

A label is one of a few words of ours: the name of a tool, a code, a reason, a state. Nothing that a
caller or an operator wrote becomes a label, and no organization's id does.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Mapping, Sequence

import structlog
from prometheus_client import CollectorRegistry, Counter, Histogram, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector

from booking_asgi import logs
from booking_asgi.database import Database
from booking_asgi.door import Door
from booking_asgi.protocol import BoundedProtocol
from booking_asgi.refusals import Refusals
from booking_asgi.tools import TOOLS

# 4 s is the deadline, unless BOOKING_DEADLINE_SECONDS says otherwise.
SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 4.0)

log = structlog.get_logger("booking_asgi")


class Metrics:
    """The metrics of one application. Only the calls are counted as they come. All else is counted
    where it happens, with metrics or without, and read when somebody scrapes."""

    def __init__(self, database: Database, door: Door, refusals: Refusals) -> None:
        self.registry = CollectorRegistry()
        self._calls = Counter(
            "booking_calls",
            "Calls of a tool that were answered, by the code of the answer.",
            ["tool", "code"],
            registry=self.registry,
        )
        self._seconds = Histogram(
            "booking_call_seconds",
            "From the head of a request to its reply, for each call in it.",
            ["tool"],
            buckets=SECONDS,
            registry=self.registry,
        )
        for tool in TOOLS:  # so that they are there before the first call
            self._seconds.labels(tool.name)
        self.registry.register(_Counted(database, door, (refusals, BoundedProtocol.refusals)))
        ProcessCollector(registry=self.registry)

    def count(self, calls: Sequence[tuple[str, str]], seconds: float) -> None:
        """The calls of a request that is answered: the tool of each, and the code of its answer."""
        for tool, code in calls:
            self._calls.labels(tool, code).inc()
            self._seconds.labels(tool).observe(seconds)

    @contextlib.contextmanager
    def served(self, host: str, port: int) -> Iterator[None]:
        """Serve them until the end. Raises `OSError` where the port is taken."""
        try:
            # On a thread of its own, so that it answers when the event loop is held up.
            server, thread = start_http_server(port, host, self.registry)
        except OSError as error:
            log.error(
                "VapiTools: ❌ Metrics can't be served", host=host, port=port, reason=error.strerror
            )
            raise
        try:
            yield
        finally:
            server.shutdown()
            server.server_close()
            thread.join()


class _Counted(Collector):
    """What is counted where it happens. It is read on the thread of whoever scrapes."""

    def __init__(self, database: Database, door: Door, refusals: Sequence[Refusals]) -> None:
        self._database = database
        self._door = door
        self._refusals = refusals

    def collect(self) -> Iterable[Metric]:
        connections = self._database.connections
        yield GaugeMetricFamily(
            "booking_requests_in_flight",
            "Requests with a known token that are being answered.",
            self._door.inside,
        )
        yield _by(
            CounterMetricFamily(
                "booking_refusals", "Requests that were refused unread.", labels=["reason"]
            ),
            _sum_by_reason(self._refusals),
        )
        yield _by(
            GaugeMetricFamily(
                "booking_connections", "Connections to the database.", labels=["state"]
            ),
            {"idle": connections.idle, "busy": connections.busy},
        )
        yield GaugeMetricFamily(
            "booking_connections_most", "BOOKING_POOL_SIZE: connections at most.", connections.size
        )
        yield GaugeMetricFamily(
            "booking_connections_awaited",
            "Requests that wait for a connection.",
            connections.awaited,
        )
        yield CounterMetricFamily(
            "booking_retries",
            "Tries after a lost connection or a conflict in the database.",
            self._database.retries,
        )
        yield CounterMetricFamily(
            "booking_log_lines_dropped",
            "Log lines that the reader of standard output left no room for.",
            logs.dropped(),
        )


def _by(family: Metric, counts: Mapping[str, int]) -> Metric:
    """The family with a sample for each label."""
    assert isinstance(family, CounterMetricFamily | GaugeMetricFamily)
    for label, count in counts.items():
        family.add_metric([label], count)
    return family


def _sum_by_reason(refusals: Sequence[Refusals]) -> Mapping[str, int]:
    """A reason may name its bound behind a colon, which is no part of the label."""
    sums: dict[str, int] = {}
    for each in refusals:
        for kind, count in each.totals.copy().items():
            reason = kind.partition(":")[0]
            sums[reason] = sums.get(reason, 0) + count
    return sums
