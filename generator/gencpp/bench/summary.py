"""What a report says, in sentences and in rows for people."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..backends import BACKENDS
from . import figures


def headline(report: dict[str, Any]) -> str:
    """How many times faster than each peer: the one project, or in the geometric mean over several."""
    if len(report["projects"]) == 1:
        return sentence(report, report["projects"][0])
    means = over_projects(report)
    if not means:
        return " ".join(sentence(report, project) for project in report["projects"])
    told = listed([speed_text(peer, value, value, value) for peer, value in means.items()])
    return f"{len(report['projects'])} projects in C++ are, in the geometric mean, {told}."


def sentence(report: dict[str, Any], project: dict[str, Any]) -> str:
    """Of a project's first setting: `resnet18 in C++ on LibTorch is 2.2 times faster than eager: 12 ms`."""
    name = project["name"]
    ours = next(r for r in report["runs"] if r["project"] == name and r["subject"] == "c++")
    where = f"batch {ours['batch']}, {_threads(ours['threads'])}, {ours['device']}"
    who = f"{name} in C++ on {_backend(project['backend'])}"
    takes = f"{ours['p50_ms']:.3g} ms a run ({where})"
    parts = [
        speed_text(r["peer"], r["median"], r["low"], r["high"])
        for r in report["ratios"]
        if (r["project"], r["batch"], r["threads"]) == (name, ours["batch"], ours["threads"])
    ]
    return f"{who} is {listed(parts)}: {takes}." if parts else f"{who} takes {takes}."


def speed_text(peer: str, median: float, low: float, high: float) -> str:
    """`2.2 times faster than eager`, of the C++ program's time over the peer's: the median, the ends.

    `as fast as eager` below a hundredth, and below a tenth where rounds disagree on who is faster; that they
    disagree on more is said.
    """
    disagree = low < 1 < high
    if 0.99 < median < 1.01 or (disagree and 0.9 < median < 1.1):
        return f"as fast as {peer}"
    factor, word = (1 / median, "faster") if median < 1 else (median, "slower")
    return f"{figures.times(factor)} times {word} than {peer}" + " (rounds disagree)" * disagree


def listed(parts: Sequence[str]) -> str:
    """`a, b and c`."""
    return " and ".join(filter(None, [", ".join(parts[:-1]), *parts[-1:]]))


def artifact(project: dict[str, Any]) -> str:
    """Which of its possible artifacts a project has: LibTorch's variant, else the format."""
    found = project["artifact"]
    return str(found["variant"] or found["format"])


def over_projects(report: dict[str, Any]) -> dict[str, float]:
    """By peer, the geometric mean of the ratios of all projects that have it; where there are several."""
    first: dict[tuple[str, str], float] = {}
    for r in report["ratios"]:
        first.setdefault((r["project"], r["peer"]), r["median"])
    peers = dict.fromkeys(peer for _, peer in first)
    values = {peer: [v for (_, p), v in first.items() if p == peer] for peer in peers}
    return {peer: figures.geometric_mean(v) for peer, v in values.items() if len(v) > 1}


def table(report: dict[str, Any]) -> list[tuple[str, ...]]:
    """Titles, then a row for each subject in each setting, and for each that was skipped."""
    rows: list[tuple[str, ...]] = [
        (
            "project",
            "subject",
            "artifact",
            "batch",
            "threads",
            "p50 ms",
            "p99 ms",
            "items/s",
            "peak MiB",
            "c++ / it",
            "least",
            "most",
        )
    ]
    ratio = {(r["project"], r["peer"], r["batch"], r["threads"]): r for r in report["ratios"]}
    artifacts = {p["name"]: artifact(p) for p in report["projects"]}
    for run in report["runs"]:
        r = ratio.get((run["project"], run["subject"], run["batch"], run["threads"]))
        rows.append(
            (
                run["project"],
                run["subject"],
                artifacts[run["project"]] if run["subject"] in ("c++", "torchscript") else "",
                str(run["batch"]),
                str(run["threads"]),
                f"{run['p50_ms']:.4g}",
                f"{run['p99_ms']:.4g}",
                f"{run['throughput_per_s']:.4g}",
                mebibytes(run["peak_bytes"]),
                *((f"{r[key]:.3g}" if r else "") for key in ("median", "low", "high")),
            )
        )
    return rows


def start_table(report: dict[str, Any]) -> list[tuple[str, ...]]:
    """Start-up, and where there is a picture its stages."""
    rows: list[tuple[str, ...]] = [
        ("project", "subject", "start-up s", "decode ms", "preprocess ms", "infer ms", "postprocess ms")
    ]
    stages = {(s["project"], s["subject"]): s for s in report["stages"]}
    for start in report["start"]:
        s = stages.get((start["project"], start["subject"]))
        names = ("decode_ms", "preprocess_ms", "infer_ms", "postprocess_ms")
        told = tuple(f"{s[n]:.3g}" if s else "" for n in names)
        rows.append((start["project"], start["subject"], f"{start['seconds']:.2f}", *told))
    return rows


def groups(report: dict[str, Any]) -> list[tuple[str, list[tuple[str, ...]]]]:
    """The same for a terminal: a heading and a table of few columns, for each setting and each project."""
    ratio = {(r["project"], r["peer"], r["batch"], r["threads"]): r for r in report["ratios"]}
    found: dict[str, list[tuple[str, ...]]] = {}
    for run in report["runs"]:
        heading = f"{run['project']}, batch {run['batch']}, {_threads(run['threads'])}"
        rows = found.setdefault(heading, [("", "p50 ms", "p99 ms", "items/s", "peak MiB", "c++ is")])
        figures_ = (f"{run[key]:.4g}" for key in ("p50_ms", "p99_ms", "throughput_per_s"))
        r = ratio.get((run["project"], run["subject"], run["batch"], run["threads"]))
        told = _faster(r) if r else ""
        rows.append((run["subject"], *figures_, mebibytes(run["peak_bytes"]), told))
    titles, *starts = start_table(report)
    for start in starts:
        rows = found.setdefault(f"{start[0]}, from the start of the program, and a picture", [titles[1:]])
        rows.append(start[1:])
    return [(heading, _without_empty(rows)) for heading, rows in found.items()]


def _faster(ratio: dict[str, Any]) -> str:
    """`2.2x as fast (2.1 to 2.3)`; a single round has no spread."""
    low, high = (figures.times(1 / ratio[key]) for key in ("high", "low"))
    spread = f" ({low} to {high})" if len(ratio["rounds"]) > 1 else ""
    return f"{figures.times(1 / ratio['median'])}x as fast{spread}"


def _without_empty(rows: list[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """Without columns that no row has anything in."""
    kept = [i for i in range(len(rows[0])) if i == 0 or any(row[i] for row in rows[1:])]
    return [tuple(row[i] for i in kept) for row in rows]


def remarks(report: dict[str, Any]) -> list[str]:
    """Who was skipped and why, what grows how, what the baseline says; one line each."""
    found = [
        f"skipped: {p['name']}, {peer}: {why}"
        for p in report["projects"]
        for peer, why in p["skipped"].items()
    ]
    for growth in report["growth"]:
        for curve in growth["curves"]:
            told = " ".join(filter(None, [curve["sentence"], curve["stopped"]]))
            found.append(f"growth: {growth['project']}, {curve['name']}: {told}")
        for name, why in growth["failed"].items():
            found.append(f"growth: {growth['project']}, {name}: FAILED: {why}")
    if "baseline" in report:
        allowed = 1 + report["baseline"]["max_regression"]
        for row in report["baseline"]["rows"]:
            verdict = "SLOWER" if row["regressed"] else "passed"
            found.append(
                f"baseline: {row['project']}, batch {row['batch']}, {_threads(row['threads'])}: "
                f"{row['ratio']:.3f} of its p50 (allowed {allowed:.2f}): {verdict}"
            )
    return found


def mebibytes(count: int | None) -> str:
    """Empty where the system does not tell."""
    return "" if count is None else f"{count / 2**20:.0f}"


def _threads(count: int) -> str:
    return f"{count} thread{'' if count == 1 else 's'}"


def _backend(name: str) -> str:
    return BACKENDS[name].title if name in BACKENDS else name
