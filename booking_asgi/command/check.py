"""The command `check`, and how findings are written down."""

from __future__ import annotations

import dataclasses
import json
import textwrap
from collections.abc import Sequence

import click
import structlog

from booking_asgi.command.on_database import database_url, run_on
from booking_asgi.command.pool_fit import find_pool_faults
from booking_asgi.config import Config
from booking_core import Connection, Finding, preflight

log = structlog.get_logger("booking_asgi")


@click.command()
@click.option("--json", "as_json", is_flag=True, help="As a JSON list, for programs.")
@click.pass_obj
def check(config: Config, as_json: bool) -> None:
    """Find what can't work on the database, and which guarantee is missing; write nothing.

    Each finding comes with the SQL that mends it. The exit code is 1 where something can't work, 2
    where a guarantee is missing, else 0.
    """

    async def find(conn: Connection) -> list[Finding]:
        return [*await preflight(conn), *await find_pool_faults(conn, config.pool_size)]

    with database_url(config) as url:
        findings = run_on(url, find)
    if as_json:
        click.echo(json.dumps([dataclasses.asdict(finding) for finding in findings], indent=2))
    else:
        lines = [f"{finding.severity} {written(finding)}" for finding in findings]
        click.echo("\n".join(lines) or "Nothing found")
    severities = {finding.severity for finding in findings}
    raise SystemExit(1 if "error" in severities else 2 if "warning" in severities else 0)


def refuse_unfit(url: str) -> None:
    """Exit with 1 where the database can't serve, and say why; log what it does not guarantee."""
    findings = run_on(url, preflight)
    refuse([finding for finding in findings if finding.severity == "error"])
    for finding in findings:
        if finding.severity == "warning":
            log.warning(f"Preflight: ⚠️ {finding.problem}", what=finding.what, mend=finding.mend)


def refuse(errors: Sequence[Finding]) -> None:
    for finding in errors:
        click.echo(f"Error: {written(finding)}", err=True)
    if errors:
        raise SystemExit(1)


def written(finding: Finding) -> str:
    mend = f"\n{textwrap.indent(finding.mend, '    ')}" if finding.mend else ""
    return f"{finding.what}: {finding.problem}{mend}"
