"""The documentation: each page does what it says, and each link and each name leads somewhere."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import SCHEMA, psql
from tests.support import pages
from tests.support.pages import DOCS, ROOT, RUN, SHOWN, Reader, blocks
from tests.support.processes import a_folder

PAGES = pages.pages()
ALL = [*PAGES, *ROOT.glob("[CS]*.md"), *(ROOT / "bench").glob("*.md")]
NOT_RUN = [
    pytest.param(page, block, id=f"{pages.name(page)}:{block.line}")
    for page in PAGES
    for block in blocks(page)
    if block.not_run
]
MOST_NOT_RUN = 13
CLINIC = """
    insert into organizations (id, name, timezone, phone_region)
    values ('5f0c3a52-6a0e-4b8e-9c41-2d6f1f0b7a10', 'Bright Dental', 'America/New_York', 'US');
    insert into resources select id, 'main' from organizations;
    insert into vapi_credentials (token_sha256, org_id, label) 
    select sha256('first'), id, 'first' from organizations
    """
# What a page counts on: most begin on an empty database.
BEFORE = {
    "docs/how-to/erase-a-person.md": ("-f", str(SCHEMA), "-c", CLINIC),
    "docs/how-to/trace-a-call.md": ("-f", str(SCHEMA), "-c", CLINIC),
    "docs/how-to/back-up-and-restore.md": ("-f", str(SCHEMA), "-c", CLINIC),
    "docs/how-to/rotate-secrets.md": ("-f", str(SCHEMA), "-c", CLINIC),
    "docs/how-to/upgrade.md": ("-f", str(ROOT / "tests" / "releases" / "baseline.sql")),
}


def followed() -> list[Path]:
    return [page for page in PAGES if any(block.language in RUN for block in blocks(page))]


@pytest.fixture
def reader(empty_url: str) -> Iterator[Reader]:
    with a_folder() as folder:
        reader = Reader(folder, empty_url)
        yield reader
        reader.close()


@pytest.mark.parametrize("page", followed(), ids=pages.name)
def test_a_page_does_what_it_says(page: Path, reader: Reader) -> None:
    """Followed to the letter, each command works, and prints what the page shows."""
    if before := BEFORE.get(pages.name(page)):
        psql(reader.database_url, *before)
    reader.follow(page)


@pytest.mark.parametrize(
    "wrong",
    [
        "```sh\necho one\n```\n\n```text\ntwo\n```\n",
        "```sh\nfalse\n```\n",
        "```sh\nfalse\n```\n\n```sh\ntrue\n```\n",
        "```sh\nfalse; true\n```\n",
        "```sh\necho one\n```\n\n```text\none\ntwo\n...\n```\n",
        "```python\nraise SystemExit(1)\n```\n",
        '```sh\necho \'{"a": 1}\'\n```\n\n```json\n{"a": 2}\n```\n',
    ],
)
def test_a_page_that_is_wrong_is_noticed(wrong: str, tmp_path: Path) -> None:
    """Another output, or a command that fails and of which the page does not say so."""
    page = tmp_path / "page.md"
    page.write_text(wrong)
    (folder := tmp_path / "folder").mkdir()
    with pytest.raises(AssertionError):
        Reader(folder, "postgresql://localhost/none").follow(page)


@pytest.mark.parametrize("page", PAGES, ids=pages.name)
def test_each_block_is_of_a_kind_that_is_known(page: Path) -> None:
    """What is of another kind would pass unnoticed."""
    assert {block.language for block in blocks(page)} <= RUN | SHOWN


@pytest.mark.parametrize(("page", "block"), NOT_RUN)
def test_what_is_not_run_says_why(page: Path, block: pages.Block) -> None:
    """It is printed as a skipped test, and there are few."""
    assert len(NOT_RUN) <= MOST_NOT_RUN
    pytest.skip(f"{pages.name(page)}:{block.line} is not run: {block.not_run}")


@pytest.mark.parametrize("page", ALL, ids=pages.name)
def test_each_link_leads_somewhere(page: Path) -> None:
    """To a file of the checkout, and to a heading of it."""
    broken = []
    for link in re.findall(r"\]\((?!https?:)([^)]+)\)", pages.prose(page)):
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.is_file() or (anchor and anchor not in pages.anchors(target)):
            broken.append(link)
    assert broken == []


@pytest.mark.parametrize("page", ALL, ids=pages.name)
def test_each_name_is_there(page: Path) -> None:
    """Each test, each file of ours and each target of make that a page names."""
    text = page.read_text()
    tests = "".join(path.read_text() for path in (ROOT / "tests").rglob("test_*.py"))
    targets = (ROOT / "Makefile").read_text()
    missing = [test for test in re.findall(r"`(test_\w+)`", text) if f"def {test}(" not in tests]
    paths = re.findall(r"`?\b((?:docs|tests|sql|bench|booking_core|booking_asgi)/[\w./-]*\w)", text)
    missing += [path for path in paths if not (ROOT / path).exists()]
    named = re.findall(r"`make ([a-z-]+)`", text)
    missing += [target for target in named if f"\n{target}:" not in targets]
    assert missing == []


def test_each_page_is_in_the_list() -> None:
    """docs/README.md leads to all of them."""
    listed = set(re.findall(r"\]\(([^)]+\.md)\)", (DOCS / "README.md").read_text()))
    there = {str(page.relative_to(DOCS)) for page in DOCS.rglob("*.md")}
    assert listed == there - {"README.md"}


def test_the_readme_is_two_screens() -> None:
    assert len((ROOT / "README.md").read_text().splitlines()) <= 110
