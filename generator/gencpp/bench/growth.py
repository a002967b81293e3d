"""How a program's cost grows: with the batch, threads, the picture's size, loads, runs and other sizes."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from ..core.errors import CheckFailed
from ..core.progress import Progress
from . import figures, pictures
from .measure import takes_pictures
from .options import Growth, Options, cores
from .subjects import Program, Setting

_ROUNDS = 3
"""Of each curve at most; fewer where fewer were asked for."""
_CUT = "cut"
"""Of a curve: why it ends before its largest size."""
_OTHER_SIZES = 600
"""Runs with inputs of other sizes each time, at most."""
_SIZES = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0)
"""Of pictures, in megapixels."""


def grow(program: Program, options: Options, scratch: Path, progress: Progress) -> dict[str, Any]:
    """The curves of one project, each with what to say of it; of one that fails, why."""
    assert options.growth is not None
    wanted, threads = options.growth, max(options.threads or (cores(),))
    rounds = _rounds(options)
    parts: dict[str, Callable[[], list[dict[str, Any]]]] = {
        "batch": lambda: [_batches(program, wanted, options, threads, progress)],
        "threads": lambda: [_threads(program, options, progress)],
        "pictures": lambda: _pictures(program, wanted, threads, rounds, scratch, progress),
        "loads": lambda: [_memory(program, "loads", wanted.loads, threads, progress)],
        "runs": lambda: [_memory(program, "runs", wanted.runs, threads, progress)],
    }
    if _takes_other_sizes(program):
        sizes = min(_OTHER_SIZES, wanted.runs)
        parts["sizes"] = lambda: [_memory(program, "sizes", sizes, threads, progress)]
    curves: list[dict[str, Any]] = []
    failed: dict[str, str] = {}
    for name, measure in parts.items():
        try:
            for curve in measure():
                if problem := curve.pop(_CUT, ""):
                    failed[curve["name"]] = problem
                curves.append(curve)
        except CheckFailed as e:
            failed[name] = e.message
    return {"project": program.built.key, "curves": curves, "failed": failed}


def _rounds(options: Options) -> int:
    return min(_ROUNDS, options.rounds)


def batches(low: int, high: int, most: int) -> tuple[list[int], str]:
    """Sizes from `low`, doubled up to `most`, and why they stop before it."""
    top = min(high, most)
    sizes = [low * 2**i for i in range(32) if low * 2**i <= top]
    why = "" if high >= most else f"the model takes batches of {low} to {high}"
    return sizes, why


def time_sentence(what: str, fit: figures.Fit | None) -> str:
    """Whether time grows faster than the size, with the fitted exponent."""
    if fit is None:
        return ""
    told = f"time is proportional to {what} to the power of {fit.exponent:.2f}"
    if fit.linear:
        return f"No worse than linear: {told}."
    upper = f" ({fit.upper:.2f} over the larger half)" if abs(fit.upper - fit.exponent) > 0.02 else ""
    low, high = fit.steepest
    where = f"steepest from {low:.3g} to {high:.3g}, with {fit.steepest_exponent:.2f}"
    return f"Worse than linear: {told}{upper}, {where}."


def memory_sentence(of: str, points: Sequence[tuple[int, int]]) -> str:
    """What happened to the memory, first tenth against last."""
    if len(points) < 3:
        return ""
    growth = figures.memory_growth(points)
    first, last = points[0][1] / 2**20, points[-1][1] / 2**20
    told = f"{first:.1f} MiB after the first, {last:.1f} MiB after {points[-1][0]:,}"
    kept = f"the most in the last tenth is {100 * growth:+.2f} % of that in the first"
    if growth <= figures.STEADY:
        return f"Memory does not grow with {of}: {told}; {kept}."
    each = (points[-1][1] - points[0][1]) / max(1, points[-1][0] - points[0][0])
    return f"Memory grows with {of}: {told}; {kept}, {each:.0f} bytes for each."


def _batches(
    program: Program, wanted: Growth, options: Options, threads: int, progress: Progress
) -> dict[str, Any]:
    model = program.built.project.model
    sizes, why = batches(model.batch.min, model.batch.max, wanted.batch)
    if why:
        where = f"{model.batched_input.name}:{model.batched_input.batch_axis or 0}"
        why += f"; gencpp new --dynamic {where}=1:1:{wanted.batch} makes one that takes more"
    settings = [Setting(batch=b, threads=threads, seconds=options.seconds) for b in sizes]
    times, problem = _timed(program, settings, _rounds(options), progress, may_be_cut=True)
    if problem:
        why = f"a batch of {sizes[len(times)]} fails"
    points = list(zip(sizes, times, strict=False))
    fit = figures.fit(points)
    return {
        **_curve("batch", "batch", "p50 of a run, ms", points, fit),
        "stopped": why,
        _CUT: problem,
        "sentence": time_sentence("the batch", fit),
    }


def _threads(program: Program, options: Options, progress: Progress) -> dict[str, Any]:
    batch = program.built.project.model.batch.opt
    each = range(1, cores() + 1)
    settings = [Setting(batch=batch, threads=t, seconds=options.seconds) for t in each]
    points = list(zip(each, _timed(program, settings, _rounds(options), progress)[0], strict=True))
    best, least = min(points, key=lambda p: p[1])
    sentence = (
        "More threads than one do not help."
        if best == 1
        else f"{best} of {cores()} threads are fastest: {least / points[0][1]:.2f} of one thread's time."
    )
    return {**_curve("threads", "threads", "p50 of a run, ms", points, None), "sentence": sentence}


def _timed(
    program: Program,
    settings: Sequence[Setting],
    rounds: int,
    progress: Progress,
    *,
    may_be_cut: bool = False,
) -> tuple[list[float], str]:
    """The median over interleaved rounds of each setting's p50.

    With `may_be_cut`, of those before the first setting that fails, and why that does. Raises CheckFailed
    where there is none before it, and else for any failure.
    """
    each: list[list[float]] = [[] for _ in settings]
    problem = ""
    for index in range(rounds):
        for place, (setting, found) in enumerate(zip(settings, list(each), strict=False)):
            progress(
                f"growth, round {index + 1} of {rounds}: {program.built.key}, batch {setting.batch}, "
                f"threads {setting.threads}"
            )
            try:
                found.append(figures.quantile(program.time(setting).data["times_ms"], 0.5))
            except CheckFailed as e:
                if place == 0 or not may_be_cut:
                    raise
                problem, each = e.message, each[:place]
                break
    return [statistics.median(values) for values in each], problem


def _pictures(
    program: Program, wanted: Growth, threads: int, rounds: int, scratch: Path, progress: Progress
) -> list[dict[str, Any]]:
    """Decoding and preprocessing over the size of a picture; none for a project that takes none."""
    if not takes_pictures(program.built):
        return []
    setting = Setting(batch=1, threads=threads)
    sizes = [s for s in _SIZES if s <= wanted.megapixels]
    suffix = ".jpg" if program.reads_jpeg() else ".ppm"
    files = {}
    for size in sizes:
        width, height = pictures.sides(size)
        files[size] = scratch / f"growth-{size}{suffix}"
        progress(f"growth: writing a picture of {width}x{height}")
        pictures.write(files[size], width, height)
    found: dict[str, dict[float, list[float]]] = {n: {s: [] for s in sizes} for n in ("decode", "preprocess")}
    for index in range(rounds):
        for size, file in files.items():
            progress(f"growth, round {index + 1} of {rounds}: {program.built.key}, {size:g} megapixels")
            runs = max(3, min(30, round(20 / size)))
            data = program.stages(setting, file, iterations=runs).data
            for name, samples in found.items():
                samples[size].append(data[f"{name}_ms"])
    for file in files.values():
        file.unlink()
    kind = {".jpg": "JPEG, quality 90", ".ppm": "PPM, because this build reads no JPEG"}[suffix]
    curves = []
    for name, by_size in found.items():
        points = [(math.prod(pictures.sides(s)) / 1e6, statistics.median(v)) for s, v in by_size.items()]
        fit = figures.fit(points)
        curve = _curve(name, f"megapixels ({kind})", f"{name}, ms", points, fit)
        curves.append({**curve, "sentence": time_sentence("the pixels", fit)})
    return curves


def _memory(program: Program, of: str, count: int, threads: int, progress: Progress) -> dict[str, Any]:
    progress(f"growth: {program.built.key}, {count} {of}")
    points = program.memory(Setting(batch=_smallest(program), threads=threads), of, count)
    mebibytes = [(done, resident / 2**20) for done, resident in points]
    return {
        **_curve(of, of, "resident, MiB", mebibytes, None),
        "growth": figures.memory_growth(points),
        "sentence": memory_sentence(of, points),
    }


def _takes_other_sizes(program: Program) -> bool:
    return any(d.dynamic for t in program.built.project.model.inputs for d in t.dims)


def _smallest(program: Program) -> int:
    return program.built.project.model.batch.min


def _curve(
    name: str, x: str, y: str, points: Sequence[tuple[float, float]], fit: figures.Fit | None
) -> dict[str, Any]:
    return {
        "name": name,
        "x_title": x,
        "y_title": y,
        "x": [p[0] for p in points],
        "y": [p[1] for p in points],
        "fit": fit.to_json() if fit else None,
        "stopped": "",
        "sentence": "",
    }
