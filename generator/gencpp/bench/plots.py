"""The plots of a report, as plain data for plotly's script: no colours, which the page has by subject."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from . import figures

_MOST_SETTINGS = 6
"""Latency plots of one project."""

_MOST_LINES = 3
"""Throughput plots of one project over the same thing."""

_WHISKERS = (
    "By p50; right of 1 the C++ program is faster. The bar ends at the median of the rounds, the whisker "
    "spans all."
)
_ONE_CALLER = "One caller; the median round."


@dataclass(frozen=True, slots=True, kw_only=True)
class Plot:
    """One drawing with its heading and what to know of it."""

    title: str
    note: str = ""
    data: tuple[dict[str, Any], ...]
    """Plotly's traces; `meta` is the subject, which alone decides the colour, or `text`."""
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
    rows = {f"{project}: {peer}": r for (project, peer), r in first.items()}
    return _speeds(rows, f"The first setting of each project. {_WHISKERS}")


def _ratios(ratios: Sequence[dict[str, Any]]) -> Plot:
    varying = [key for key in ("batch", "threads") if len({r[key] for r in ratios}) > 1]
    told = {"batch": lambda r: f"batch {r['batch']}", "threads": lambda r: _threads(r["threads"])}
    rows = {", ".join([r["peer"], *(told[key](r) for key in varying)]): r for r in ratios}
    fixed = [told[key](ratios[0]) for key in told if key not in varying]
    return _speeds(rows, f"{', '.join(fixed)}. ".capitalize() * bool(fixed) + _WHISKERS)


def _speeds(rows: Mapping[str, dict[str, Any]], note: str) -> Plot:
    """Bars from 1 on logarithms: to the right the C++ program is faster, to the left slower."""
    traces = []
    for peer in dict.fromkeys(r["peer"] for r in rows.values()):
        mine = {label: _Speed.of(r) for label, r in rows.items() if r["peer"] == peer}
        traces.append(
            {
                "type": "bar",
                "orientation": "h",
                "name": peer,
                "meta": peer,
                "base": [1.0] * len(mine),
                "x": [_short(s.median - 1) for s in mine.values()],
                "y": list(mine),
                "customdata": [_short(s.median) for s in mine.values()],
                "error_x": {
                    "type": "data",
                    "symmetric": False,
                    "array": [_short(s.high - s.median) for s in mine.values()],
                    "arrayminus": [_short(s.median - s.low) for s in mine.values()],
                },
                "hovertemplate": "%{y}: %{customdata:.3g} times as fast<extra></extra>",
            }
        )
    every = {label: _Speed.of(r) for label, r in rows.items()}
    values = {  # beyond the whiskers, where a bar's own text would lie under them
        "type": "scatter",
        "mode": "text",
        "meta": "text",
        "x": [_short(max(1.0, s.high)) for s in every.values()],
        "y": list(every),
        "text": [f"\xa0{figures.times(s.median)}x" for s in every.values()],
        "textposition": "middle right",
        "hoverinfo": "skip",
        "cliponaxis": False,
    }
    ends = [1.0, *(end for s in every.values() for end in (s.low, s.high))]
    low, high = math.log10(min(ends)), math.log10(max(ends))
    span = max(0.3, high - low)
    return Plot(
        title="How many times faster the C++ program is",
        note=note,
        data=(*traces, values),
        layout={
            "barmode": "overlay",
            "xaxis": {
                "title": {"text": "times as fast"},
                **logarithmic(ends),
                "range": [low - 0.06 * span, high + 0.25 * span],
            },
            "yaxis": _names(every),
            "shapes": [{"type": "line", "x0": 1, "x1": 1, "y0": 0, "y1": 1, "yref": "paper"}],
            "showlegend": False,
        },
        height=_bars_height(len(every)),
    )


@dataclass(frozen=True, slots=True)
class _Speed:
    """A ratio of times the other way round."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, ratio: dict[str, Any]) -> _Speed:
        return cls(1 / ratio["median"], 1 / ratio["high"], 1 / ratio["low"])


def _names(labels: Iterable[str]) -> dict[str, Any]:
    """The axis of horizontal bars, the first on top."""
    return {
        "categoryorder": "array",
        "categoryarray": [*labels],
        "autorange": "reversed",
        "showgrid": False,
    }


def _short(value: float) -> float:
    """As exact as a picture is: the page has thousands of them."""
    return float(f"{value:.5g}")


def _bars_height(bars: int) -> int:
    return 100 + 30 * bars


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
            "x": [_short(q) for q in r["quantiles_ms"]],
            "y": [_short(100 * i / (len(r["quantiles_ms"]) - 1)) for i in range(len(r["quantiles_ms"]))],
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
        note="Share of all runs that took no longer; the steeper, the steadier. p50: "
        + ", ".join(f"{r['subject']} {r['p50_ms']:.3g} ms" for r in runs)
        + ".",
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
    title = f"Throughput, {_setting(runs[0]['batch'], runs[0]['threads'])}"
    return [_bars(title, _ONE_CALLER, {r["subject"]: r["throughput_per_s"] for r in runs}, "items/s")]


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
                "y": [_short(r["throughput_per_s"]) for r in rows],
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


_STAGES = ("decode", "preprocess", "infer", "postprocess")


def _stages(stages: Sequence[dict[str, Any]]) -> Plot:
    names = (*_STAGES, "all")
    traces = []
    for s in stages:
        times = [s[f"{name}_ms"] for name in _STAGES]
        traces.append(_bar(s["subject"], names, (*times, sum(times)), "ms"))
    most = max(max(t["x"]) for t in traces)
    return Plot(
        title="From a picture's bytes to the best classes",
        note="The golden picture; in Python with Pillow and torchvision.",
        data=tuple(traces),
        layout={"barmode": "group", "xaxis": _from_zero("ms", most), "yaxis": _names(names)},
        height=_bars_height(len(names) * len(traces) * 2 // 3),
    )


def _memory(runs: Sequence[dict[str, Any]]) -> Plot:
    subjects = dict.fromkeys(r["subject"] for r in runs)
    peaks = {s: max((r["peak_bytes"] or 0) for r in runs if r["subject"] == s) / 2**20 for s in subjects}
    return _bars("Peak memory", "The most that was resident in any of its processes.", peaks, "MiB")


def _start(starts: Sequence[dict[str, Any]]) -> Plot:
    note = "From the start of the program to its first answer, files in the page cache."
    return _bars("Start-up", note, {s["subject"]: s["seconds"] for s in starts}, "s")


def _bars(title: str, note: str, values: Mapping[str, float], unit: str) -> Plot:
    """A bar for each subject, its value at its end."""
    return Plot(
        title=title,
        note=note,
        data=tuple(_bar(subject, (subject,), (value,), unit) for subject, value in values.items()),
        layout={
            "barmode": "overlay",
            "xaxis": _from_zero(unit, max(values.values(), default=1)),
            "yaxis": _names(values),
            "showlegend": False,
        },
        height=_bars_height(len(values)),
    )


def _bar(subject: str, labels: Sequence[str], values: Sequence[float], unit: str) -> dict[str, Any]:
    return {
        "type": "bar",
        "orientation": "h",
        "name": subject,
        "meta": subject,
        "x": [_short(value) for value in values],
        "y": list(labels),
        "text": [f"\xa0{number(value)}" for value in values],
        "textposition": "outside",
        "textangle": 0,
        "cliponaxis": False,
        "hovertemplate": f"{subject}, %{{y}}: %{{x:.4g}} {unit}<extra></extra>",
    }


def number(value: float) -> str:
    """Three digits, and no fewer than a whole number has: `0.123`, `12.3`, `1234`."""
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _from_zero(unit: str, most: float) -> dict[str, Any]:
    """An axis with room for the value behind the longest bar."""
    return {"title": {"text": unit}, "range": [0, 1.2 * (most or 1)]}


_CURVES = {
    "batch": "Growth with the batch",
    "threads": "Growth with threads",
    "decode": "Decoding, over the size of a picture",
    "preprocess": "Preprocessing, over the size of a picture",
    "loads": "Memory over loads of the model",
    "runs": "Memory over runs",
    "sizes": "Memory over runs with inputs of other sizes each time",
}


def _curve(curve: dict[str, Any]) -> Plot:
    """A curve of growth; time on logarithms, where a straight line is a power of the size."""
    trace = {
        "type": "scatter",
        "mode": "lines+markers" if len(curve["x"]) < 40 else "lines",
        "name": "c++",
        "meta": "c++",
        "x": curve["x"],
        "y": [_short(y) for y in curve["y"]],
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
