"""How far a program is, from the lines that it prints."""

from __future__ import annotations

import re

_NINJA = re.compile(r"\[\d+/\d+\] .+")
_CTEST = re.compile(r" *(\d+)/(\d+) Test +#\d+: (\S+)")


def count(line: str) -> str:
    """`[3/64] Building ...` of ninja's line or of ctest's; empty where it is another line."""
    if _NINJA.fullmatch(line):
        return line
    found = _CTEST.match(line)
    return f"[{found[1]}/{found[2]}] {found[3]}" if found else ""
