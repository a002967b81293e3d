"""A line of a template fits where C++ is read: in a review, beside another file."""

from __future__ import annotations

import pytest
from places import ROOT

TEMPLATES = ROOT / "templates"
LONGEST = 120
"""Columns, with the placeholder of the project's name as it stands."""

FILES = sorted(p.relative_to(TEMPLATES).as_posix() for p in TEMPLATES.rglob("*") if p.is_file())


@pytest.mark.parametrize("name", FILES)
def test_no_line_is_too_long(name: str) -> None:
    lines = TEMPLATES.joinpath(name).read_text(encoding="utf-8").splitlines()
    # A row of a table in Markdown cannot be wrapped.
    tables = name.endswith(".md")
    long = [
        f"{i}: {len(s)}" for i, s in enumerate(lines, 1) if len(s) > LONGEST and not (tables and s[0] == "|")
    ]
    assert long == []
