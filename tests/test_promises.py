"""The page of promises: each names its tests, and each of these has been seen to fail."""

from __future__ import annotations

import re

import pytest

from tests.promises import BREAKS, ROOT, Break


def promised() -> set[str]:
    """The tests that the page's table names."""
    page = (ROOT / "docs" / "explanation" / "promises.md").read_text()
    table = page.partition("| promise | kept by |")[2].partition("\n\n")[0]
    return set(re.findall(r"`(test_\w+)`", table))


def test_each_promise_can_be_broken() -> None:
    """The page names the tests of the table of breaks, all of them and no other."""
    assert promised() == {broken.test for broken in BREAKS}


def test_each_promise_has_its_test() -> None:
    tests = "".join(path.read_text() for path in (ROOT / "tests").rglob("test_*.py"))
    assert {name for name in promised() if f"def {name}(" not in tests} == set()


@pytest.mark.parametrize("broken", BREAKS, ids=lambda broken: broken.test)
def test_a_break_still_breaks_something(broken: Break) -> None:
    """The text that a Break replaces still stands in its file."""
    assert broken.old in (ROOT / broken.path).read_text()
