"""Interleaved rounds: every subject in turn, each time in a process of its own."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..core.errors import CheckFailed, UsageError
from ..core.progress import Progress
from . import figures
from .build import Built
from .options import Options, cores
from .subjects import Field, Program, Sample, Setting, Subject

STAGES = ("decode_ms", "preprocess_ms", "infer_ms", "postprocess_ms")
_START_ROUNDS = 5


@dataclass
class _Series:
    """The samples of one subject in one setting, by round."""

    subject: Subject
    setting: Setting
    samples: list[Sample] = field(default_factory=list)


def measure(fields: Sequence[Field], options: Options, progress: Progress) -> dict[str, list[dict[str, Any]]]:
    """`runs`, `ratios`, `start` and `stages`, as bench.json has them.

    A peer whose process fails is taken out and named in its field's `skipped`; a C++ program that fails
    raises CheckFailed.
    """
    settings = {f.program.built.key: _settings(f.program.built, options) for f in fields}
    timed = [
        _Series(subject=s, setting=setting)
        for f in fields
        for setting in settings[f.program.built.key]
        for s in f.subjects
    ]
    _rounds(timed, fields, options.rounds, "time", lambda s: s.subject.time(s.setting), progress)
    threads = max(options.threads or (cores(),))
    once = Setting(batch=1, threads=threads)
    starts = [_Series(subject=s, setting=once) for f in fields for s in f.subjects]
    # The first round fills the page cache, and is not counted.
    rounds = min(options.rounds, _START_ROUNDS) + 1
    _rounds(starts, fields, rounds, "start-up", lambda s: s.subject.start(s.setting), progress)
    for series in starts:
        del series.samples[:1]
    pictures = {f.program.built.key: _picture(f.program) for f in fields if takes_pictures(f.program.built)}
    staged = [
        _Series(subject=s, setting=once)
        for f in fields
        if f.program.built.key in pictures
        for s in f.subjects
        if s.name in ("c++", "eager")
    ]

    def stages(series: _Series) -> Sample:
        return series.subject.stages(series.setting, pictures[series.subject.built.key])

    _rounds(staged, fields, options.rounds, "stages", stages, progress)
    runs = [_run(series) for series in timed if series.samples]
    return {
        "runs": runs,
        "ratios": ratios(runs),
        "start": [_start(series) for series in starts if series.samples],
        "stages": [_stages(series) for series in staged if series.samples],
    }


def ratios(runs: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The C++ program's p50 over each peer's, round by round, in every setting."""
    ours = {(r["project"], r["batch"], r["threads"]): r for r in runs if r["subject"] == "c++"}
    found = []
    for run in runs:
        mine = ours.get((run["project"], run["batch"], run["threads"]))
        if run["subject"] == "c++" or mine is None:
            continue
        each = [[r["p50_ms"] for r in side["rounds"]] for side in (mine, run)]
        where = {key: run[key] for key in ("project", "batch", "threads")}
        found.append({**where, "peer": run["subject"], **figures.ratio(*each).to_json()})
    return found


def takes_pictures(built: Built) -> bool:
    """Whether the project has preprocessing, and runs one picture at a time."""
    return any(c.image for c in built.project.goldens.cases) and built.project.model.batch.min == 1


def _picture(program: Program) -> Path:
    """The golden picture: as JPEG where the program reads that."""
    built = program.built
    case = next(c for c in built.project.goldens.cases if c.image)
    return built.folder / "assets" / "goldens" / ("golden.jpg" if program.reads_jpeg() else case.image)


def _settings(built: Built, options: Options) -> list[Setting]:
    """Every batch that the model allows with every count of threads."""
    model = built.project.model
    wanted = options.batches or (model.batch.opt,)
    allowed = [b for b in wanted if model.batch.min <= b <= model.batch.max]
    if not allowed:
        where = f"{model.batched_input.name}:{model.batched_input.batch_axis or 0}"
        raise UsageError(
            f"--batch {','.join(map(str, wanted))}: {built.key} takes {model.batch.min} to {model.batch.max}",
            hint=f"gencpp new --dynamic {where}=MIN:OPT:MAX widens that.",
        )
    return [
        Setting(batch=b, threads=t, seconds=options.seconds, warmup=options.warmup)
        for b in allowed
        for t in options.threads or (cores(),)
    ]


def _rounds(
    series: list[_Series],
    fields: Sequence[Field],
    rounds: int,
    what: str,
    once: Callable[[_Series], Sample],
    progress: Progress,
) -> None:
    """Runs each in turn, `rounds` times; who goes first changes, and a peer that fails goes."""
    for index in range(rounds):
        start = index % len(series) if series else 0
        for one in (*series[start:], *series[:start]):
            subject = one.subject
            own = next(f for f in fields if f.program.built.key == subject.built.key)
            if subject.name in own.skipped:
                continue
            progress(f"{what}, round {index + 1} of {rounds}: {subject.built.key}, {subject.name}")
            try:
                one.samples.append(once(one))
            except CheckFailed as e:
                if isinstance(subject, Program):
                    raise
                own.skipped[subject.name] = f"it failed while it was measured: {e.message}"
    gone = {(f.program.built.key, name) for f in fields for name in f.skipped}
    for one in series:
        if (one.subject.built.key, one.subject.name) in gone:
            one.samples.clear()


def _run(series: _Series) -> dict[str, Any]:
    """Medians over rounds, and the quantiles of all samples together."""
    batch = series.setting.batch
    each = []
    for sample in series.samples:
        times = sorted(sample.data["times_ms"])
        each.append(
            {
                **{f"p{q}_ms": figures.quantile(times, q / 100) for q in (50, 90, 99)},
                "throughput_per_s": batch * len(times) / sample.data["wall_s"],
                "load_ms": sample.data["load_ms"],
                "peak_bytes": sample.peak_bytes,
                "iterations": len(times),
            }
        )
    together = [t for sample in series.samples for t in sample.data["times_ms"]]
    medians = {
        key: statistics.median(r[key] for r in each)
        for key in ("p50_ms", "p90_ms", "p99_ms", "throughput_per_s", "load_ms")
    }
    return {
        **_who(series),
        "batch": batch,
        "device": series.samples[0].data.get("device", "cpu"),
        **medians,
        "peak_bytes": _largest(r["peak_bytes"] for r in each),
        "rounds": each,
        "quantiles_ms": figures.quantiles(together),
    }


def _start(series: _Series) -> dict[str, Any]:
    each = [s.first_output_s for s in series.samples if s.first_output_s is not None]
    peak = _largest(s.peak_bytes for s in series.samples)
    return {**_who(series), "seconds": statistics.median(each), "rounds": each, "peak_bytes": peak}


def _stages(series: _Series) -> dict[str, Any]:
    each = [{stage: s.data[stage] for stage in STAGES} for s in series.samples]
    medians = {stage: statistics.median(r[stage] for r in each) for stage in STAGES}
    return {**_who(series), **medians, "rounds": each}


def _who(series: _Series) -> dict[str, Any]:
    built = series.subject.built
    return {"project": built.key, "subject": series.subject.name, "threads": series.setting.threads}


def _largest(values: Any) -> int | None:
    return max((v for v in values if v is not None), default=None)
