"""docs/runbook.md: each log line, metric, code and command that it names exists."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import get_args

import click
import pytest

from booking_asgi.command import main
from booking_asgi.openapi import ERRORS
from booking_asgi.speech import FailureCode
from tests.support.pages import DOCS, ROOT

PAGE = (DOCS / "runbook.md").read_text()
WORDS = re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```", "", PAGE, flags=re.M | re.S))
LINES = (DOCS / "reference" / "log-lines.md").read_text()
METRICS = (DOCS / "reference" / "metrics.md").read_text()
SECTIONS = re.findall(r"^## \d+\. (.+)\n((?:(?!## ).*\n)*)", PAGE, re.MULTILINE)
# What `check` says stands between quotation marks.
CHECKED = re.findall(r'"([^"]+)"', " ".join(re.findall(r"\*\*`check`\*\*: (.*)", PAGE)))


def test_it_has_ten_faults_on_two_pages() -> None:
    """Each with what is seen, in all three places, and with what to do."""
    assert len(SECTIONS) == 10
    assert len(PAGE.splitlines()) <= 120
    for title, text in SECTIONS:
        heads = re.findall(r"^\* \*\*(.+?)\*\*: ", text, re.MULTILINE)
        assert heads == ["Log", "Metric", "`check`", "Do"], title


@pytest.mark.parametrize("line", [word for word in WORDS if word.startswith("VapiTools: ")])
def test_each_log_line_exists(line: str) -> None:
    """On its page, which is held against the code."""
    assert f"| `{line}` |" in LINES


@pytest.mark.parametrize(
    "reason", re.findall(r"`([a-z ]+)`", " ".join(re.findall(r"the reasons? ([^.]*)", PAGE)))
)
def test_each_reason_exists(reason: str) -> None:
    assert f"| `{reason}` |" in LINES


@pytest.mark.parametrize("metric", sorted({w for w in WORDS if re.match(r"(booking|process)_", w)}))
def test_each_metric_exists(metric: str) -> None:
    """On its page, which is held against a scrape."""
    assert f"`{metric}`" in METRICS


@pytest.mark.parametrize("code", sorted({w for w in WORDS if re.fullmatch(r"[A-Z]+(_[A-Z]+)+", w)}))
def test_each_code_exists(code: str) -> None:
    assert code in {*ERRORS, *get_args(FailureCode)}


@pytest.mark.parametrize("command", sorted({w for w in WORDS if w.startswith("booking-asgi ")}))
def test_each_command_exists(command: str) -> None:
    """With its options."""
    _, *words = command.split()
    found: click.Command = main
    for word in words:
        if word.startswith("--"):
            assert word in {opt for param in found.params for opt in param.opts}
        else:
            assert isinstance(found, click.Group)
            found = found.commands[word]


@pytest.mark.parametrize("said", CHECKED)
def test_what_check_says_exists(said: str) -> None:
    """In the code or in a statement."""
    assert any(said in text for text in sources())


def sources() -> Iterator[str]:
    for folder, ending in (("booking_core", "py"), ("booking_asgi", "py"), ("sql", "sql")):
        for path in (ROOT / folder).rglob(f"*.{ending}"):
            yield path.read_text()
