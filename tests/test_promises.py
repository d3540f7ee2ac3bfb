"""The README's promises: each names its tests, and each of these has been seen to fail."""

from __future__ import annotations

import dataclasses
import re

import pytest

from booking_asgi import Config
from tests.promises import BREAKS, ROOT, Break


def promised() -> set[str]:
    """The tests that the README's table names."""
    readme = (ROOT / "README.md").read_text()
    table = readme.partition("| promise | kept by |")[2].partition("\n\n")[0]
    return set(re.findall(r"`(test_\w+)`", table))


def test_each_promise_can_be_broken() -> None:
    """The README names the tests of the table of breaks, all of them and no other."""
    assert promised() == {broken.test for broken in BREAKS}


def test_each_promise_has_its_test() -> None:
    tests = "".join(path.read_text() for path in (ROOT / "tests").rglob("test_*.py"))
    assert {name for name in promised() if f"def {name}(" not in tests} == set()


@pytest.mark.parametrize("broken", BREAKS, ids=lambda broken: broken.test)
def test_a_break_still_breaks_something(broken: Break) -> None:
    """The text that a Break replaces still stands in its file."""
    assert broken.old in (ROOT / broken.path).read_text()


def test_each_setting_is_explained() -> None:
    """Each setting stands in the README's table, under the name of its variable."""
    variables = {f"BOOKING_{field.name.upper()}" for field in dataclasses.fields(Config)}
    assert (
        variables - set(re.findall(r"BOOKING_[A-Z_]+", (ROOT / "README.md").read_text())) == set()
    )
