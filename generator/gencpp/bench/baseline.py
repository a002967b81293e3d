"""A run against the bench.json of an earlier one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..core import jsonfile
from ..core.errors import UsageError

_HINT = "Name a bench.json that `gencpp bench` wrote on this machine for the same projects and settings."


def read(file: Path, machine: dict[str, Any]) -> dict[str, Any]:
    """The stored report; raises UsageError for anything else, and for one of another machine."""
    try:
        stored = jsonfile.read(file)
    except UsageError as e:
        raise UsageError(f"--baseline {e.message}", hint=_HINT) from None
    try:
        if stored["schema"] != 1:
            raise UsageError(f"--baseline {file.name}: schema {stored['schema']} is not known", hint=_HINT)
        _settings(stored)
        there = {key: stored["machine"][key] for key in ("cpu", "cores")}
    except (ValueError, KeyError, TypeError, AttributeError) as e:
        raise UsageError(
            f"--baseline {file.name} is no bench.json: {type(e).__name__}: {e}", hint=_HINT
        ) from None
    here = {key: machine[key] for key in there}
    if here != there:
        told = "; ".join(f"{k} {here[k]} here, {there[k]} there" for k in there if here[k] != there[k])
        raise UsageError(f"--baseline {file.name} is of another machine: {told}", hint=_HINT)
    return dict(stored)


def compare(report: dict[str, Any], stored: dict[str, Any], allowed: float) -> dict[str, Any]:
    """The C++ programs' p50 now over then, in every setting that both have; UsageError when none is."""
    now, then = _settings(report), _settings(stored)
    rows: list[dict[str, Any]] = []
    for key in now:
        if key in then:
            ratio = now[key] / then[key]
            where = dict(zip(("project", "batch", "threads", "device"), key, strict=True))
            rows.append(
                {
                    **where,
                    "p50_ms": now[key],
                    "then_p50_ms": then[key],
                    "ratio": ratio,
                    "regressed": ratio > 1 + allowed,
                }
            )
    if not rows:
        raise UsageError("--baseline has none of the settings that were measured", hint=_HINT)
    return {"max_regression": allowed, "rows": rows, "regressed": any(r["regressed"] for r in rows)}


def _settings(report: dict[str, Any]) -> dict[tuple[str, int, int, str], float]:
    return {
        (r["project"], r["batch"], r["threads"], r["device"]): float(r["p50_ms"])
        for r in report["runs"]
        if r["subject"] == "c++"
    }
