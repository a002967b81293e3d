"""The plots of a report, as plain data for plotly's script: no colours, which the page has."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

_MOST_SETTINGS = 6
"""Latency plots of one project."""

_MOST_LINES = 3
"""Throughput plots of one project over the same thing."""

_WHISKERS = "p50; the bar ends at the median of the rounds, the whisker spans all."
_ONE_CALLER = "One caller; the median round."


@dataclass(frozen=True, slots=True, kw_only=True)
class Plot:
    """One drawing with its heading and what to know of it."""

    title: str
    note: str = ""
    data: tuple[dict[str, Any], ...]
    """Plotly's traces; `meta` is the subject, which decides the colour."""
    layout: dict[str, Any]
    height: int = 340
    """In pixels."""


def project_plots(report: dict[str, Any], project: str) -> list[Plot]:
    """Everything that was measured of one project, its growth last."""
    mine = {
        part: [r for r in report[part] if r["project"] == project]
        for part in ("runs", "ratios", "start", "stages", "growth")
    }
    found = []
    if mine["ratios"]:
        found.append(_ratios(mine["ratios"]))
    settings = list(dict.fromkeys((r["batch"], r["threads"]) for r in mine["runs"]))
    for batch, threads in settings[:_MOST_SETTINGS]:
        runs = [r for r in mine["runs"] if (r["batch"], r["threads"]) == (batch, threads)]
        found.append(_latency(runs, batch, threads))
    found += _throughput(mine["runs"])
    if mine["stages"]:
        found.append(_stages(mine["stages"]))
    found += [_memory(mine["runs"]), _start(mine["start"])]
    for growth in mine["growth"]:
        found += [_curve(curve) for curve in growth["curves"]]
    return found


def overview(report: dict[str, Any]) -> Plot | None:
    """The first setting's ratios of all projects; None for a single one."""
    first: dict[tuple[str, str], dict[str, Any]] = {}
    for r in report["ratios"]:
        first.setdefault((r["project"], r["peer"]), r)
    if len({project for project, _ in first}) < 2:
        return None
    traces = []
    for peer in dict.fromkeys(peer for _, peer in first):
        rows = [r for (_, p), r in first.items() if p == peer]
        traces.append(_ratio_trace(peer, rows, [r["project"] for r in rows]))
    return Plot(
        title="Time of the C++ program over each peer's",
        note=f"The first setting of each project. {_WHISKERS}",
        data=tuple(traces),
        layout=_ratio_layout(first.values()),
        height=_bars_height(len(first)),
    )


def _ratios(ratios: Sequence[dict[str, Any]]) -> Plot:
    traces = []
    for peer in dict.fromkeys(r["peer"] for r in ratios):
        rows = [r for r in ratios if r["peer"] == peer]
        traces.append(_ratio_trace(peer, rows, [_setting(r["batch"], r["threads"]) for r in rows]))
    return Plot(
        title="Time of the C++ program over each peer's",
        note=f"Left of 1 the C++ program is faster. {_WHISKERS}",
        data=tuple(traces),
        layout=_ratio_layout(ratios),
        height=_bars_height(len(ratios)),
    )


def _ratio_trace(peer: str, rows: Sequence[dict[str, Any]], labels: Sequence[str]) -> dict[str, Any]:
    """Bars from 1: to the left the C++ program is faster, to the right slower, as far as the factor."""
    return {
        "type": "bar",
        "orientation": "h",
        "name": peer,
        "meta": peer,
        "base": [1.0] * len(rows),
        "x": [r["median"] - 1 for r in rows],
        "y": list(labels),
        "customdata": [r["median"] for r in rows],
        "error_x": {
            "type": "data",
            "symmetric": False,
            "array": [r["high"] - r["median"] for r in rows],
            "arrayminus": [r["median"] - r["low"] for r in rows],
        },
        "hovertemplate": f"%{{y}}: %{{customdata:.3g}} of {peer}'s time<extra></extra>",
    }


def _ratio_layout(rows: Iterable[dict[str, Any]]) -> dict[str, Any]:
    one = {"type": "line", "x0": 1, "x1": 1, "y0": 0, "y1": 1, "yref": "paper"}
    ends = [1.0, *(r[end] for r in rows for end in ("low", "high"))]
    scale = logarithmic(ends)
    low, high = math.log10(min(ends)), math.log10(max(ends))
    margin = max(0.1, 0.05 * (high - low))
    return {
        "barmode": "group",
        "xaxis": {"title": {"text": "C++ / peer"}, **scale, "range": [low - margin, high + margin]},
        "yaxis": {"automargin": True, "autorange": "reversed"},
        "shapes": [one],
    }


def _bars_height(bars: int) -> int:
    return max(340, 160 + 16 * bars)


def logarithmic(values: Iterable[float]) -> dict[str, Any]:
    """A logarithmic axis with ticks at 1, 2 and 5 of each decade, or at decades where those are many."""
    present = [v for v in values if v > 0] or [1.0]
    low, high = math.floor(math.log10(min(present))) - 1, math.ceil(math.log10(max(present))) + 1
    steps = (1, 2, 5) if high - low < 6 else (1,)
    ticks = [float(f"{step}e{decade}") for decade in range(low, high + 1) for step in steps]
    return {"type": "log", "tickvals": ticks, "ticktext": [f"{tick:g}" for tick in ticks]}


def _latency(runs: Sequence[dict[str, Any]], batch: int, threads: int) -> Plot:
    traces = [
        {
            "type": "scatter",
            "mode": "lines",
            "name": r["subject"],
            "meta": r["subject"],
            "x": r["quantiles_ms"],
            "y": [100 * i / (len(r["quantiles_ms"]) - 1) for i in range(len(r["quantiles_ms"]))],
            "hovertemplate": f"{r['subject']}: %{{y:.0f}} % of runs within %{{x:.4g}} ms<extra></extra>",
        }
        for r in runs
    ]
    least = min(r["quantiles_ms"][0] for r in runs)
    most = max(r["quantiles_ms"][-1] for r in runs)
    x: dict[str, Any] = {"title": {"text": "ms"}}
    if most > 10 * least:
        x = {"title": {"text": "ms (logarithmic)"}, **logarithmic([least, most])}
    return Plot(
        title=f"Latency, {_setting(batch, threads)}",
        note="Share of all runs that took no longer; the steeper, the steadier.",
        data=tuple(traces),
        layout={"xaxis": x, "yaxis": {"title": {"text": "% of runs"}, "range": [0, 101]}},
    )


def _throughput(runs: Sequence[dict[str, Any]]) -> list[Plot]:
    """Over the batch for each count of threads, and over threads for each batch; bars for one setting."""
    found = []
    for over, other in (("batch", "threads"), ("threads", "batch")):
        if len({r[over] for r in runs}) > 1:
            fixed = sorted({r[other] for r in runs})[:_MOST_LINES]
            found += [_throughput_over(over, other, f, [r for r in runs if r[other] == f]) for f in fixed]
    if found:
        return found
    bars = _bars([r["subject"] for r in runs], [r["throughput_per_s"] for r in runs], "%{y:.4g} items/s")
    layout = {"yaxis": {"title": {"text": "items/s"}, "rangemode": "tozero"}, "showlegend": False}
    title = f"Throughput, {_setting(runs[0]['batch'], runs[0]['threads'])}"
    return [Plot(title=title, note=_ONE_CALLER, data=tuple(bars), layout=layout)]


def _throughput_over(over: str, other: str, fixed: int, runs: Sequence[dict[str, Any]]) -> Plot:
    traces = []
    for subject in dict.fromkeys(r["subject"] for r in runs):
        rows = sorted((r for r in runs if r["subject"] == subject), key=lambda r: r[over])
        traces.append(
            {
                "type": "scatter",
                "mode": "lines+markers",
                "name": subject,
                "meta": subject,
                "x": [str(r[over]) for r in rows],
                "y": [r["throughput_per_s"] for r in rows],
                "hovertemplate": f"{subject}, {over} %{{x}}: %{{y:.4g}} items/s<extra></extra>",
            }
        )
    where = _threads(fixed) if other == "threads" else f"batch {fixed}"
    return Plot(
        title=f"Throughput over {'the batch' if over == 'batch' else 'threads'}, {where}",
        note=_ONE_CALLER,
        data=tuple(traces),
        layout={
            "xaxis": {"title": {"text": over}, "type": "category"},
            "yaxis": {"title": {"text": "items/s"}, "rangemode": "tozero"},
        },
    )


def _stages(stages: Sequence[dict[str, Any]]) -> Plot:
    names = ("decode", "preprocess", "infer", "postprocess")
    subjects = [s["subject"] for s in stages]
    traces = [
        {
            "type": "bar",
            "orientation": "h",
            "name": name,
            "meta": f"stage-{i}",
            "x": [s[f"{name}_ms"] for s in stages],
            "y": subjects,
            "hovertemplate": f"%{{y}}, {name}: %{{x:.4g}} ms<extra></extra>",
        }
        for i, name in enumerate(names)
    ]
    return Plot(
        title="From a picture's bytes to the best classes",
        note="The golden picture; in Python with Pillow and torchvision.",
        data=tuple(traces),
        layout={
            "barmode": "stack",
            "xaxis": {"title": {"text": "ms"}, "rangemode": "tozero"},
            "yaxis": {"automargin": True, "autorange": "reversed"},
        },
    )


def _memory(runs: Sequence[dict[str, Any]]) -> Plot:
    subjects = list(dict.fromkeys(r["subject"] for r in runs))
    peaks = [max((r["peak_bytes"] or 0) for r in runs if r["subject"] == s) / 2**20 for s in subjects]
    return Plot(
        title="Peak memory",
        note="The most that was resident in any of its processes.",
        data=tuple(_bars(subjects, peaks, "%{y:.0f} MiB")),
        layout={"yaxis": {"title": {"text": "MiB"}, "rangemode": "tozero"}, "showlegend": False},
    )


def _start(starts: Sequence[dict[str, Any]]) -> Plot:
    values = [s["seconds"] for s in starts]
    return Plot(
        title="Start-up",
        note="From the start of the program to its first answer, files in the page cache.",
        data=tuple(_bars([s["subject"] for s in starts], values, "%{y:.3g} s")),
        layout={"yaxis": {"title": {"text": "s"}, "rangemode": "tozero"}, "showlegend": False},
    )


def _bars(subjects: Sequence[str], values: Sequence[float], hover: str) -> list[dict[str, Any]]:
    return [
        {
            "type": "bar",
            "name": subject,
            "meta": subject,
            "x": [subject],
            "y": [value],
            "hovertemplate": f"{subject}: {hover}<extra></extra>",
        }
        for subject, value in zip(subjects, values, strict=True)
    ]


_CURVES = {
    "batch": "Growth with the batch",
    "threads": "Growth with threads",
    "decode": "Decoding, over the size of a picture",
    "preprocess": "Preprocessing, over the size of a picture",
    "loads": "Memory over loads of the model",
    "runs": "Memory over runs",
}


def _curve(curve: dict[str, Any]) -> Plot:
    """A curve of growth; time on logarithms, where a straight line is a power of the size."""
    trace = {
        "type": "scatter",
        "mode": "lines+markers" if len(curve["x"]) < 40 else "lines",
        "name": "c++",
        "meta": "c++",
        "x": curve["x"],
        "y": curve["y"],
        "hovertemplate": f"%{{x}}: %{{y:.4g}} ({curve['y_title']})<extra></extra>",
    }
    x: dict[str, Any] = {"title": {"text": curve["x_title"]}}
    y: dict[str, Any] = {"title": {"text": curve["y_title"]}}
    if curve["name"] in ("batch", "decode", "preprocess"):
        y |= logarithmic(curve["y"])
        x |= logarithmic(curve["x"])
    else:
        y["rangemode"] = "tozero"
    if curve["name"] in ("batch", "threads"):
        x |= {"tickvals": curve["x"], "ticktext": [str(v) for v in curve["x"]]}
    early = f"Ends early: {curve['stopped']}." if curve["stopped"] else ""
    return Plot(
        title=_CURVES[curve["name"]],
        note=" ".join(filter(None, [curve["sentence"], early])),
        data=(trace,),
        layout={"xaxis": x, "yaxis": y, "showlegend": False},
    )


def _setting(batch: int, threads: int) -> str:
    return f"batch {batch}, {_threads(threads)}"


def _threads(count: int) -> str:
    return f"{count} thread{'' if count == 1 else 's'}"
