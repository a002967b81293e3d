"""The pages name files, and pages, that there are; each page of results says what made it."""

from __future__ import annotations

import re
from pathlib import Path

import provenance
import pytest
from places import ROOT

DEVELOPING = sorted((ROOT / "docs" / "developing").glob("*.md"))
RESULTS = sorted((ROOT / "docs" / "results").glob("*.md"))
PAGES = [
    *sorted(ROOT.glob("*.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
    *sorted((ROOT / "examples").glob("*.md")),
    *sorted((ROOT / "examples").glob("*/README.md")),
    *sorted((ROOT / "tools").rglob("*.md")),
]
PATH = re.compile(r"`((?:generator|templates|tests|tools|docs)/[\w./*-]+)`")
LINK = re.compile(r"\]\(([^)\s]+)\)")
MADE_BY = re.compile(r"\b(?:commit [0-9a-f]{7,12}\b.* \d{4}-\d\d-\d\d|Nothing here is written by hand)")


def names(pages: list[Path]) -> list[str]:
    return [p.relative_to(ROOT).as_posix() for p in pages]


@pytest.mark.parametrize("page", DEVELOPING, ids=names(DEVELOPING))
def test_every_file_of_a_page_exists(page: Path) -> None:
    text = page.read_text()
    named = [path for path in PATH.findall(text) if "NAME" not in path]
    # In a table of C++, `tests/` is a project's own.
    layers = (ROOT, *(ROOT / "templates").glob("*"), *(ROOT / "templates" / "tasks").glob("*"))
    missing = [p for p in named if not any(list(root.glob(p.rstrip("/"))) for root in layers)]
    assert not missing


def anchors(page: Path) -> set[str]:
    """Of its headings, as the pages' host makes them."""
    found = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", h.lower()).strip().replace(" ", "-") for h in found}


@pytest.mark.parametrize("page", PAGES, ids=names(PAGES))
def test_every_link_leads_somewhere(page: Path) -> None:
    dead = []
    for link in LINK.findall(page.read_text()):
        path, _, anchor = link.partition("#")
        if "://" in link:
            continue
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            dead.append(link)
    assert not dead


def test_every_page_is_in_the_table_of_contents() -> None:
    index = ROOT / "docs" / "README.md"
    linked = {(index.parent / link.partition("#")[0]).resolve() for link in LINK.findall(index.read_text())}
    speed = ROOT / "docs" / "results" / "speed.md"  # which has the table of its own pages
    linked |= {(speed.parent / link.partition("#")[0]).resolve() for link in LINK.findall(speed.read_text())}
    assert [p for p in (ROOT / "docs").rglob("*.md") if p.resolve() not in linked and p != index] == []


@pytest.mark.parametrize("page", RESULTS, ids=names(RESULTS))
def test_results_say_what_made_them(page: Path) -> None:
    if page.stem != "tensorrt":  # which claims no figure
        assert MADE_BY.search(page.read_text().replace("\n", " "))


def test_every_page_is_named_where_a_developer_begins() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text()
    assert [p.name for p in DEVELOPING if p.name not in text] == []


def test_a_program_writes_what_made_its_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = tmp_path / "page.md"
    argv = [str(ROOT / "tools" / "benchmarks" / "start.py"), "--starts", "2", "--table", str(page)]
    monkeypatch.setattr("sys.argv", argv)
    monkeypatch.setenv("GENCPP_COMMIT", "0123456789ab")
    provenance.write_page(page, "# Title\n\nText.\n")
    title, made, text = page.read_text().split("\n\n")
    assert (title, text) == ("# Title", "Text.\n")
    assert made.startswith(
        "Made by `python tools/benchmarks/start.py --starts 2 --table page.md`, commit 0123"
    )
    assert MADE_BY.search(made)
