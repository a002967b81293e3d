"""What a report says, in sentences and in rows for people."""

from __future__ import annotations

from typing import Any

from ..backends import BACKENDS
from . import figures


def headline(report: dict[str, Any]) -> str:
    """The first setting's ratios: of the one project, or the geometric means over several."""
    if len(report["projects"]) == 1:
        return sentence(report, report["projects"][0])
    means = over_projects(report)
    if not means:
        return " ".join(sentence(report, project) for project in report["projects"])
    told = ", ".join(f"{value:.3g} of {peer}'s time" for peer, value in means.items())
    return f"{len(report['projects'])} projects in C++ take, in the geometric mean, {told}."


def sentence(report: dict[str, Any], project: dict[str, Any]) -> str:
    """The ratios of a project's first setting."""
    name = project["name"]
    ours = next(r for r in report["runs"] if r["project"] == name and r["subject"] == "c++")
    where = f"batch {ours['batch']}, {_threads(ours['threads'])}, {ours['device']}"
    text = f"{name} in C++ on {_backend(project['backend'])} takes {ours['p50_ms']:.3g} ms ({where})"
    parts = [
        f"{ratio_text(r)} of {r['peer']}'s time"
        for r in report["ratios"]
        if (r["project"], r["batch"], r["threads"]) == (name, ours["batch"], ours["threads"])
    ]
    return f"{text}: {', '.join(parts)}." if parts else f"{text}."


def artifact(project: dict[str, Any]) -> str:
    """Which of its possible artifacts a project has: LibTorch's variant, else the format."""
    found = project["artifact"]
    return str(found["variant"] or found["format"])


def ratio_text(ratio: dict[str, Any]) -> str:
    """`0.62 (0.61 to 0.64)`; a single round has no spread."""
    spread = f" ({ratio['low']:.3g} to {ratio['high']:.3g})" if len(ratio["rounds"]) > 1 else ""
    return f"{ratio['median']:.3g}{spread}"


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
            "peak",
            "c++ / it",
        )
    ]
    ratio = {(r["project"], r["peer"], r["batch"], r["threads"]): r for r in report["ratios"]}
    artifacts = {p["name"]: artifact(p) for p in report["projects"]}
    for run in report["runs"]:
        r = ratio.get((run["project"], run["subject"], run["batch"], run["threads"]))
        told = ratio_text(r) if r else ""
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
                told,
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
    """`123 MiB`."""
    return "unknown" if count is None else f"{count / 2**20:.0f} MiB"


def _threads(count: int) -> str:
    return f"{count} thread{'' if count == 1 else 's'}"


def _backend(name: str) -> str:
    return BACKENDS[name].title if name in BACKENDS else name
