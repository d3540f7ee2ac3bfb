"""What PostgreSQL itself can do: pgbench with the very file that the library runs."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

from bench.asked import DAYS_OF_A_YEAR, RESOURCES, SLOTS, STEP
from bench.load import Sample
from booking_asgi.command.postgres import find_programs
from booking_core._statements import read_sql

# What `asked.Callers` asks for. pgbench's variables are whole numbers, sent as text: a date such as
# 20270301 and a phone can be one, an id can't, so each client fetches its organization's
# first; and, since it can send no NULL, an empty email, which costs what none does, and for the
# contact_id that an email would have found the organization's id, which no contact has.
ASK = f"""
\\if :is_open
\\else
select id as org_id, id as contact_id, '' as email
  from organizations where name = 'Clinic ' || :client_id \\gset
\\set is_open 1
\\endif
\\set n :n + 1
\\set slot :n * {STEP} % {SLOTS}
\\set resource 1 + :slot % {RESOURCES}
\\set day :slot / {RESOURCES}
\\set months 100 * (:day % {DAYS_OF_A_YEAR} / 28)
\\set scheduled_at 20000101 + 10000 * (:day / {DAYS_OF_A_YEAR}) + :months + :day % 28
\\set phone 15550000000 + :n / 2
\\set idempotency_key :n
\\set call_id :n
"""
GIVEN = {
    "is_open": "0",
    "name": "Sam Wilson",
    "service_type": "Consultation",
    "duration_minutes": "30",
    "by_own_number": "true",
    "most_per_call": "4",
    "most_per_contact": "1000000",
}


class Pgbench:
    """pgbench on a database of its own; it goes on where its last round ended."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._booked = 0

    async def book(self, clients: int, seconds: int) -> Sample:
        variables = {**GIVEN, "n": str(self._booked)}
        script = ASK + read_sql("book")
        sample, most = await _pgbench(self._url, clients, seconds, script, variables)
        self._booked += most
        return sample

    async def select_1(self, clients: int, seconds: int) -> Sample:
        return (await _pgbench(self._url, clients, seconds, "select 1;", {}))[0]


async def _pgbench(
    url: str, clients: int, seconds: int, script: str, variables: dict[str, str]
) -> tuple[Sample, int]:
    """The round, and how often the client of the most transactions ran the script."""
    with tempfile.TemporaryDirectory(prefix="booking-bench-") as folder:
        file, log = Path(folder) / "script.sql", Path(folder) / "log"
        file.write_text(script)
        defined = [part for name, text in variables.items() for part in ("-D", f"{name}={text}")]
        process = await asyncio.create_subprocess_exec(
            str(find_programs() / "pgbench"),
            *("--no-vacuum", "--protocol=prepared", f"--client={clients}", f"--file={file}"),
            *(f"--time={seconds}", "--log", f"--log-prefix={log}", *defined, url),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        said = (await process.communicate())[0].decode()
        if process.returncode != 0:
            raise SystemExit(f"pgbench: {said}")
        lines = [line.split() for line in log.with_name(f"log.{process.pid}").open()]
    tps = next(line.split()[2] for line in said.splitlines() if line.startswith("tps ="))
    booked = [int(line[2]) / 1000 for line in lines]
    sample = Sample(seconds=len(booked) / float(tps), booked=booked, slowest=max(booked) / 1000)
    return sample, 1 + max(int(line[1]) for line in lines)
