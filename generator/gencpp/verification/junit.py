"""Reads what ctest wrote of its tests."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from pathlib import Path

from ..core.errors import UsageError


def read_junit(file: Path) -> tuple[str, list[str]]:
    """`12 passed, 1 skipped (pixels.jpg: skipped: no libjpeg)`, and the names of what failed."""
    try:
        root = ElementTree.parse(file).getroot()
    except ElementTree.ParseError as e:
        raise UsageError(f"{file} cannot be read: {e}") from None
    passed, failed = 0, []
    skipped: dict[str, list[str]] = {}
    for case in root.iter("testcase"):
        name = case.get("name", "?")
        if case.find("skipped") is not None or case.get("status") == "notrun":
            output = (case.findtext("system-out") or "").strip().splitlines()
            reason = output[-1].removeprefix("skipped: ") if output else "no reason given"
            skipped.setdefault(reason, []).append(name)
        elif case.find("failure") is not None:
            failed.append(name)
        else:
            passed += 1
    parts = [f"{passed} passed"]
    if failed:
        parts.append(f"{len(failed)} failed")
    if skipped:
        told = (f"{', '.join(names)}: {reason}" for reason, names in skipped.items())
        parts.append(f"{sum(map(len, skipped.values()))} skipped ({'; '.join(told)})")
    return ", ".join(parts), failed
