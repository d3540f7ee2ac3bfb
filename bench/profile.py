"""What a booking costs in Python: `python -m bench.profile` prints the functions that cost most.

With valgrind installed it counts instructions too: of 100 bookings more, so that what the start
costs is not among them.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import cProfile
import os
import pstats
import re
import shutil
import subprocess
import sys
from collections.abc import Awaitable, Callable
from time import process_time

import uvloop
from starlette.types import Message

from bench import library, server
from bench.asked import Callers, Envelopes
from booking_asgi import Config, create_app
from booking_asgi.logs import configure

WARM, COUNT = 300, 2_000
FEW, MORE = 50, 150


async def book_in_library(url: str, count: int, profile: cProfile.Profile | None) -> None:
    async with server.connections(url, 1) as held:
        ask = library.on_held(held, Callers())
        await _repeat(lambda: ask(0), count, profile)


async def answer_requests(url: str, count: int, profile: cProfile.Profile | None) -> None:
    """The application as a server calls it: without the server's own reading of HTTP."""
    app, envelopes = create_app(Config(database_url=url)), Envelopes()
    async with app.lifespan_context(app) as state:

        async def ask() -> None:
            head, _, body = envelopes.next().partition(b"\r\n\r\n")
            lines = [line.split(b": ", 1) for line in head.split(b"\r\n")[1:]]
            scope = {
                "type": "http",
                "method": "POST",
                "path": "/api/vapi/tools",
                "headers": [(name.lower(), value) for name, value in lines],
                "query_string": b"",
                "state": dict(state or {}),
            }

            async def receive() -> Message:
                return {"type": "http.request", "body": body}

            async def send(message: Message) -> None:
                assert message.get("status", 200) == 200

            await app(scope, receive, send)

        await _repeat(ask, count, profile)


async def _repeat(
    ask: Callable[[], Awaitable[object]], count: int, profile: cProfile.Profile | None
) -> None:
    for number in range(WARM * (profile is not None) + count):
        if profile is not None and number == WARM:
            profile.enable()
        await ask()
    if profile is not None:
        profile.disable()


WORK = {"library": book_in_library, "endpoint": answer_requests}


def instructions(what: str, url: str) -> int:
    """Of one booking, in Python's process; the library and the drivers in C are part of it."""

    def total(count: int) -> int:
        tool = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null"]
        command = [sys.executable, "-m", "bench.profile", f"--run={what}", f"--count={count}"]
        environ = {**os.environ, "BENCH_DATABASE_URL": url, "PYTHONHASHSEED": "0"}
        done = subprocess.run(
            [*tool, *command], env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        )
        collected = re.search(rb"Collected : (\d+)", done.stderr)
        if done.returncode != 0 or collected is None:
            raise SystemExit(done.stderr.decode())
        return int(collected[1])

    return (total(MORE) - total(FEW)) // (MORE - FEW)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.profile", description=__doc__)
    parser.add_argument("--run", choices=WORK, help=argparse.SUPPRESS)
    parser.add_argument("--count", type=int, default=COUNT)
    parser.add_argument("--top", type=int, default=25)
    options = parser.parse_args()
    # The log is written as `serve` writes it, but for nobody to read.
    with contextlib.redirect_stdout(open(os.devnull, "w")):
        configure("text")
    if options.run:
        uvloop.run(WORK[options.run](os.environ["BENCH_DATABASE_URL"], options.count, None))
        return
    with server.embedded() as server_url:
        asyncio.run(server.make_template(server_url))
        for what, work in WORK.items():
            profile = cProfile.Profile(process_time)
            uvloop.run(work(asyncio.run(server.a_database(server_url)), options.count, profile))
            print(f"\n{what}: {options.count:,} bookings under cProfile, by a function's own time")
            pstats.Stats(profile).sort_stats("tottime").print_stats(options.top)
            if shutil.which("valgrind"):
                url = asyncio.run(server.a_database(server_url))
                print(f"{what}: {instructions(what, url):,} instructions a booking", flush=True)


if __name__ == "__main__":
    main()
