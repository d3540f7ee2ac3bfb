"""The metrics, as Prometheus scrapes them: what happened is counted, and no label is a caller's."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeAlias

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from booking_asgi import Config, ConfigError, create_app, logs
from booking_asgi.openapi import ERRORS
from booking_asgi.tools import TOOLS
from tests.conftest import Endpoint, Logged, serving
from tests.support.commands import COMMAND, environ, free_port, served
from tests.support.factories import a_call, arguments, tool_calls

Samples: TypeAlias = dict[str, dict[tuple[str, ...], float]]

DOCS = Path(__file__).parent.parent / "docs"
PAGE = (DOCS / "reference" / "metrics.md").read_text()
# A row of the page: the metric, its kind, its labels.
ROW = re.compile(r"^\| `(\w+)` \| (counter|gauge|histogram) \| (.*?) \|", re.MULTILINE)
OUTCOMES = {"BOOKED", "FOUND", "MOVED", "CANCELLED"}
TOO_LATE = """
    create sequence tries;
    create function refuse() returns trigger language plpgsql as $$ begin
      if nextval('tries') <= 2 then
        raise exception using errcode = '40001';
      end if;
      return new;
    end $$;
    create trigger refuse before insert on appointments for each row execute function refuse();
    """
WITHOUT = 'raise ModuleNotFoundError("No module", name="prometheus_client")\n'


@dataclass(frozen=True)
class Measured:
    """An endpoint and its metrics."""

    endpoint: Endpoint
    port: int

    async def text(self) -> str:
        async with httpx.AsyncClient() as client:
            return (await client.get(f"http://127.0.0.1:{self.port}/metrics")).text

    async def scrape(self) -> Samples:
        return samples(await self.text())


def samples(text: str) -> Samples:
    """Each sample by its name, and by the values of its labels in the order of their names."""
    found: Samples = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            labels = tuple(value for _, value in sorted(sample.labels.items()))
            found.setdefault(sample.name, {})[labels] = sample.value
    return found


@pytest.fixture
async def measured(endpoint: Endpoint) -> AsyncIterator[Measured]:
    port = free_port()
    config = Config(database_url=endpoint.url, deadline_seconds=60, metrics_port=port)
    async with serving(config) as client:
        yield Measured(replace(endpoint, client=client), port)


async def test_a_call_is_counted_by_its_tool_and_its_code(measured: Measured) -> None:
    """Each call of a message for itself, whatever prefix its tool has; also those refused."""
    endpoint = measured.endpoint
    await endpoint.book(**arguments())
    await endpoint.book(**arguments(patientPhone="+15557654321"))
    await endpoint.book(**arguments(appointmentDate="whenever"))
    other = a_call({}, id="2", name="acme_bookAppointment")
    strange = a_call(arguments(), id="3", name="orderPizza")
    await endpoint.send(tool_calls(a_call(arguments(appointmentTime="16:00")), other, strange))
    found = await measured.scrape()
    assert found["booking_calls_total"] == {
        ("BOOKED", "bookAppointment"): 2,
        ("SLOT_UNAVAILABLE", "bookAppointment"): 1,
        ("INVALID_DATE_TIME", "bookAppointment"): 1,
        ("MISSING_CONTACT_INFO", "bookAppointment"): 1,
        ("UNKNOWN_TOOL", "unknown"): 1,
    }
    assert found["booking_call_seconds_count"][("bookAppointment",)] == 5


async def test_a_refusal_is_counted_by_its_reason(measured: Measured) -> None:
    """Each one, though the log has a line a second."""
    client = measured.endpoint.client
    for _ in range(3):
        await client.post("/api/vapi/tools", json={}, headers={"X-Vapi-Secret": "wrong"})
    await client.post("/api/vapi/tools", content=b"{")
    refusals = (await measured.scrape())["booking_refusals_total"]
    assert (refusals[("unknown token",)], refusals[("no JSON",)]) == (3, 1)


async def test_the_connections_are_counted_by_their_state(measured: Measured) -> None:
    await measured.endpoint.book(**arguments())
    found = await measured.scrape()
    assert found["booking_connections"] == {("idle",): 1, ("busy",): 0}
    assert found["booking_connections_most"] == {(): 10}
    assert found["booking_connections_awaited"] == {(): 0}
    assert found["booking_requests_in_flight"] == {(): 0}


async def test_each_try_is_counted(measured: Measured) -> None:
    """The booking that succeeds at the third try was retried twice."""
    await measured.endpoint.conn.execute(TOO_LATE)
    assert (await measured.endpoint.book(**arguments())).status_code == 200
    assert (await measured.scrape())["booking_retries_total"] == {(): 2}


async def test_a_line_that_is_lost_is_counted(
    measured: Measured, logged: Logged, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also after the log has told of it."""
    monkeypatch.setattr(logs, "MOST_LINES", 0)
    await measured.endpoint.book(**arguments())
    monkeypatch.undo()
    assert (await measured.scrape())["booking_log_lines_dropped_total"][()] >= 3


def test_metrics_are_served_on_their_own_port(url: str, folder: Path) -> None:
    """And on no other: the endpoint's own port has no such route."""
    port = free_port()
    with served(folder, database_url=url, metrics_port=port) as serving:
        found = samples(httpx.get(f"http://127.0.0.1:{port}/metrics").text)
        assert httpx.get(f"{serving.base}/metrics").status_code == 404
    assert found["booking_connections_most"] == {(): 10}
    assert found["process_cpu_seconds_total"][()] > 0


def test_a_port_that_is_taken_stops_the_start(url: str, folder: Path) -> None:
    """One line of the log says which port."""
    port = free_port()
    with served(folder, database_url=url, metrics_port=port):
        env = environ(database_url=url, metrics_port=port, port=free_port())
        done = subprocess.run(
            [COMMAND, "serve"], env=env, capture_output=True, text=True, timeout=60
        )
    assert done.returncode != 0
    [line] = [line for line in done.stdout.splitlines() if "Metrics can't be served" in line]
    assert f'"port":{port}' in line


def test_the_package_that_is_missing_is_named(url: str, tmp_path: Path) -> None:
    """In one line, before anything is served. Without the setting nobody needs the package."""
    (tmp_path / "prometheus_client.py").write_text(WITHOUT)
    env = {**environ(database_url=url, metrics_port=free_port()), "PYTHONPATH": str(tmp_path)}
    done = subprocess.run([COMMAND, "serve"], env=env, capture_output=True, text=True, timeout=60)
    said = done.stderr.splitlines()[1:]  # without the line that names the database
    assert (done.returncode, said) == (
        1,
        ["Error: BOOKING_METRICS_PORT needs prometheus-client: install the extra, as '.[metrics]'"],
    )
    env = {name: value for name, value in env.items() if name != "BOOKING_METRICS_PORT"}
    start = "import booking_asgi; booking_asgi.create_app()"
    subprocess.run([sys.executable, "-c", start], env=env, check=True, timeout=60)


def test_an_application_says_which_package_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    """`create_app` too, for who mounts it."""
    monkeypatch.delitem(sys.modules, "booking_asgi.metrics", raising=False)
    monkeypatch.setitem(sys.modules, "prometheus_client", None)
    with pytest.raises(ConfigError, match="BOOKING_METRICS_PORT needs prometheus-client"):
        create_app(Config(database_url="postgresql://localhost/x", metrics_port=9464))


async def test_each_metric_is_on_its_page(measured: Measured) -> None:
    """With its kind and its labels, and the page lists nothing else."""
    await measured.endpoint.book(**arguments())
    await measured.endpoint.client.post("/api/vapi/tools", content=b"{")
    text = await measured.text()
    there = {
        (
            family.name + ("_total" if family.type == "counter" else ""),
            family.type,
            frozenset(label for sample in family.samples for label in sample.labels) - {"le"},
        )
        for family in text_string_to_metric_families(text)
        # The client says of a histogram and of a counter when it was made, as metrics beside them.
        if family.name.startswith("booking_") and not family.name.endswith("_created")
    }
    listed = {
        (name, kind, frozenset(re.findall(r"`(\w+)`", labels)))
        for name, kind, labels in ROW.findall(PAGE)
    }
    assert listed == there


async def test_a_label_is_one_of_our_words(measured: Measured) -> None:
    """Whatever a caller sends, so that nobody can make metrics without end."""
    for name in ("bookAppointment", "acme_findTimes", "x" * 200, "sam@test.com", ""):
        await measured.endpoint.send(tool_calls(a_call(arguments(resource=name), name=name)))
        await measured.endpoint.client.post(f"/api/vapi/tools/{name or 'y'}", json={"orgId": name})
    found = await measured.scrape()
    tools = {tool.name for tool in TOOLS} | {"unknown"}
    codes = {*ERRORS, *(code for tool in TOOLS for code in tool.codes), *OUTCOMES}
    assert {tool for _, tool in found["booking_calls_total"]} <= tools
    assert {code for code, _ in found["booking_calls_total"]} <= codes
    reasons = (DOCS / "reference" / "log-lines.md").read_text()
    assert all(f"| `{reason}` |" in reasons for (reason,) in found["booking_refusals_total"])


def expressions(node: Any) -> list[str]:
    """Each query of a dashboard."""
    if isinstance(node, dict):
        own = [node["expr"]] if "expr" in node else []
        return own + [one for value in node.values() for one in expressions(value)]
    if isinstance(node, list):
        return [one for value in node for one in expressions(value)]
    return []


async def test_the_dashboard_asks_for_what_is_there(measured: Measured) -> None:
    """Each metric in docs/grafana.json exists, has the labels that are asked for, and none of ours
    is left out."""
    await measured.endpoint.book(**arguments())
    await measured.endpoint.client.post("/api/vapi/tools", content=b"{")
    text = await measured.text()
    labels = {
        sample.name: set(sample.labels)
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }
    asked = expressions(json.loads((DOCS / "grafana.json").read_text()))
    assert asked
    for expression in asked:
        names = re.findall(r"\b(?:booking|process)_\w+", expression)
        assert names and set(names) <= labels.keys(), expression
        by = re.findall(r"by \(([^)]*)\)", expression)
        wanted = {label.strip() for group in by for label in group.split(",")}
        wanted |= set(re.findall(r"[{,]\s*(\w+)\s*[=!]", expression))
        assert wanted <= set().union(*(labels[name] for name in names)), expression
    everything = " ".join(asked)
    assert [name for name, _, _ in ROW.findall(PAGE) if name not in everything] == []
