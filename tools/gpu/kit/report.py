"""docs/results/gpu.md, written from the JSON of runs; nothing in it is written by hand."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from . import machine
from .projects import ROOT
from .results import Results, check_rows, figure_rows, markdown, timing_rows

PAGE = ROOT / "docs" / "results" / "gpu.md"
STORE = ROOT / "docs" / "results" / "gpu"
"""The results.json of the runs that the page is about, by date."""


def keep(files: Sequence[Path]) -> None:
    """Copies results of real runs into the repository; raises ValueError for others."""
    for file in files:
        found = Results.read(file)
        if found.dry_run:
            raise ValueError(f"{file} is of a dry run, which proves nothing about a GPU")
        STORE.mkdir(parents=True, exist_ok=True)
        name = "".join(
            c if c.isalnum() else "-" for c in f"{found.date}-{found.machine['gpu'].get('name', '')}"
        )
        target = STORE / f"{name.strip('-')}.json"
        if target.is_file() and target.read_bytes() != file.read_bytes():
            raise ValueError(f"{file} is of the same second and GPU as {target}, which is another run")
        shutil.copyfile(file, target)


def page(store: Path = STORE) -> str:
    """The page's text."""
    runs = [Results.read(file) for file in sorted(store.glob("*.json"))]
    lines = [
        "# What was run on a GPU",
        "",
        "Written by `tools/gpu/run.sh --report` from the JSON files in `docs/results/gpu/`, which are what",
        "`tools/gpu/run.sh` wrote on machines with a GPU. Nothing here is written by hand.",
        "",
    ]
    if not runs:
        return "\n".join([*lines, "**No run on a GPU exists yet.**", ""])
    lines += [
        "Times are from host memory to host memory, of one caller, with random weights: medians of the",
        "rounds' percentiles. `x eager`: eager PyTorch's p50 over this one's, in the same precision, batch",
        "and run. `GPU ms`: computing by CUDA's events, or the kernels and copies that torch's profiler saw.",
        "float32 is not rounded to TF32.",
        "",
    ]
    for run in reversed(runs):
        lines += _run(run)
    return "\n".join(lines)


def _run(run: Results) -> list[str]:
    lines = [
        f"## {run.date}, {run.machine['gpu'].get('name', 'unknown GPU')}",
        "",
        f"Commit {run.commit}. {machine.line(run.machine)}. {run.seconds / 60:.1f} minutes.",
        "",
    ]
    figures = [row for part in run.parts for row in figure_rows(part)[1:]]
    if figures:
        titles = ("figure", "wanted", "measured", "", "where the time goes")
        lines += [markdown([titles, *figures]), ""]
    for part in run.parts:
        lines += [f"### {part.title}: {part.status}", ""]
        if any(t.p50_ms for t in part.timings):
            lines += [markdown(timing_rows(part)), ""]
        lines += [markdown(check_rows(part)), ""]
        if part.facts:
            lines += [*(f"- {key}: {value}" for key, value in part.facts.items()), ""]
    return lines
