"""Every line on one embedded server, in rounds that take turns: A B C, A B C, ..."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial

from bench import library, peers, server
from bench.asked import Callers, Envelopes
from bench.limit import Pgbench
from bench.load import Ask, Client, Sample, closed, open_loop
from bench.peers import Collisions
from bench.report import Measured, machine, percentile

CALM = 50
OFFERED = (50, 200, 300)
COLLIDING = (8, 32)
Run = Callable[[int], Awaitable[Sample]]


@dataclass(frozen=True)
class Times:
    """In seconds."""

    rounds: int = 5
    round: int = 2
    steady: int = 60
    overload: int = 30
    calm: int = 5


QUICK = Times(rounds=1, round=1, steady=3, overload=5, calm=2)


@dataclass(frozen=True)
class Overload:
    """`capacity` and `offered` are requests a second; the capacity is the mean of right before and
    right after, since the machine's speed varies. `before` and `after` are the median latencies of
    a calm load, in ms."""

    capacity: float
    offered: int
    sample: Sample
    before: float
    after: float

    @property
    def share(self) -> float:
        return self.sample.per_second / self.capacity


@dataclass(frozen=True)
class Results:
    machine: str
    lines: Mapping[str, Measured]
    steady: Sample
    overload: Overload
    collisions: Mapping[str, Collisions]


async def measure(server_url: str, times: Times) -> Results:
    async with contextlib.AsyncExitStack() as stack:
        envelopes = Envelopes()
        ours = stack.enter_context(server.endpoint(await server.a_database(server_url)))
        orm_url = await server.a_database(server_url)
        orm = stack.enter_context(server.uvicorn("bench.peer_orm:app", orm_url))
        bare = stack.enter_context(server.uvicorn("bench.bare:app"))
        pgbench = Pgbench(await server.a_database(server_url))
        library_url = await server.a_database(server_url)
        held = await stack.enter_async_context(server.connections(library_url, 8))
        database = await stack.enter_async_context(library.pool_of_the_endpoint(library_url))
        callers, old_callers = Callers(), Callers()
        raw_url = await server.a_database(server_url)
        raw = await stack.enter_async_context(server.connections(raw_url, 8))
        upsert = peers.on_held(raw, Callers(), peers.upsert_then_insert)
        old_url = await server.a_database(server_url)
        await server.run(old_url, *peers.FORGET_GUARANTEES)
        old = await stack.enter_async_context(server.connections(old_url, 8))
        find = peers.on_held(old, old_callers, peers.find_then_insert)

        def asked(count: int, ask: Ask) -> Run:
            return lambda seconds: closed(count, seconds, ask)

        def by_http(process: server.Process, count: int) -> Run:
            return lambda seconds: _over_http(
                process, envelopes, lambda ask: closed(count, seconds, ask)
            )

        def offered(process: server.Process, rate: int) -> Run:
            return lambda seconds: _over_http(
                process, envelopes, lambda ask: open_loop(rate, seconds, ask)
            )

        lines: dict[str, Run] = {
            "limit, select 1, 1 client": partial(pgbench.select_1, 1),
            "limit, select 1, 8": partial(pgbench.select_1, 8),
            "limit, pgbench, 1 client": partial(pgbench.book, 1),
            "library, held, 1": asked(1, library.on_held(held, callers)),
            "library, pool, 1": asked(1, library.on_pool(database, callers)),
            "limit, pgbench, 8": partial(pgbench.book, 8),
            "library, held, 8": asked(8, library.on_held(held, callers)),
            "library, pool, 8": asked(8, library.on_pool(database, callers)),
            "peer 2, upsert then insert, 8": asked(8, upsert),
            "peer 3, find then insert, 8": asked(8, find),
            **{
                f"library, held, 8 on {count} hot": asked(8, library.on_held(held, callers, count))
                for count in (1, 10, 100)
            },
            "HTTP limit, 8": by_http(bare, 8),
            **{f"endpoint, {count}": by_http(ours, count) for count in (1, 8, 64)},
            "peer 1, 8": by_http(orm, 8),
            **{f"endpoint, {rate}/s": offered(ours, rate) for rate in OFFERED},
            **{f"peer 1, {rate}/s": offered(orm, rate) for rate in OFFERED},
        }
        measured = {name: Measured() for name in lines}
        for round in range(1 + times.rounds):
            for name, run in lines.items():
                # So that none pays for the writes of another.
                await server.run(server_url, "checkpoint")
                print(f"round {round} of {times.rounds}: {name}", flush=True)
                sample = await run(times.round)
                if round > 0:  # the first only warms up
                    measured[name].samples.append(sample)
        print("steady, overload, collisions", flush=True)
        steady = await offered(ours, 300)(times.steady)
        overload = await _overload(by_http(ours, 64), partial(offered, ours), times)
        collisions = {}
        for count in COLLIDING:
            for name, url, whose, how in (
                ("peer 3", old_url, old_callers, peers.find_then_insert),
                ("library", library_url, callers, peers.by_the_library),
            ):
                async with server.connections(url, count) as all_at_once:
                    collisions[f"{name}, {count} at once"] = await peers.collide(
                        all_at_once, whose, times.round, how
                    )
        version = await held[0].fetchval("show server_version")
        return Results(machine(version), measured, steady, overload, collisions)


async def _overload(at_most: Run, offer: Callable[[int], Run], times: Times) -> Overload:
    before = await offer(CALM)(times.calm)
    first = (await at_most(times.calm)).per_second
    offered = int(3 * first)
    sample = await offer(offered)(times.overload)
    await asyncio.sleep(5)
    after = await offer(CALM)(times.calm)
    last = (await at_most(times.calm)).per_second
    medians = [percentile(calm.booked, 50) for calm in (before, after)]
    return Overload((first + last) / 2, offered, sample, *medians)


async def _over_http(
    process: server.Process, envelopes: Envelopes, load: Callable[[Ask], Awaitable[Sample]]
) -> Sample:
    client = Client(process.port)
    try:
        return await load(lambda caller: client.post(envelopes.next()))
    finally:
        client.close()
