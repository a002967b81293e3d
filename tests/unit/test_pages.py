"""The pages for developers name files that there are."""

from __future__ import annotations

import re

import pytest
from places import ROOT

PAGES = sorted((ROOT / "docs" / "developing").glob("*.md"))
PATH = re.compile(r"`((?:generator|templates|tests|tools|docs)/[\w./*-]+)`")


@pytest.mark.parametrize("page", PAGES, ids=[p.stem for p in PAGES])
def test_every_file_of_a_page_exists(page: object) -> None:
    text = page.read_text()  # type: ignore[attr-defined]
    named = [path for path in PATH.findall(text) if "NAME" not in path]
    # In a table of C++, `tests/` is a project's own.
    layers = (ROOT, *(ROOT / "templates").glob("*"), *(ROOT / "templates" / "tasks").glob("*"))
    missing = [p for p in named if not any(list(root.glob(p.rstrip("/"))) for root in layers)]
    assert not missing


def test_every_page_is_named_where_a_developer_begins() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text()
    assert [p.name for p in PAGES if p.name not in text] == []
