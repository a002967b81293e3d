"""Measures a LibTorch project's candidates in the generated C++ program and tells which is fastest.

Every candidate is proven on the goldens first; one that answers otherwise is shown and never chosen.
"""

from __future__ import annotations

import os
import shutil
import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ... import project
from ...core import jsonfile
from ...core.backend import Backend, RuntimeOptions
from ...core.errors import CheckFailed, EnvironmentLacks
from ...core.other_work import OtherWork, Watch
from ...core.progress import Progress
from ...core.spec import ProjectSpec
from ...core.toolchain import Finished, Toolchain, find_toolchain, run
from ...verification import parity
from .spec import LibTorchSpec, Tuned

NEARLY = 1.02
"""Medians this close are taken as equal: the earlier, simpler candidate is kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TuneOptions:
    """How much is measured."""

    threads: tuple[int, ...]
    """Thread counts for one run."""
    rounds: int = 5
    """All candidates take their turn in each."""
    seconds: float = 1.0
    """For one candidate in one round."""


def thread_counts(processors: int) -> tuple[int, ...]:
    """All processors, and half of them: where memory is the limit, or they are halves of cores."""
    return tuple(dict.fromkeys((processors, max(1, processors // 2))))


def tune(
    backend: Backend,
    candidates: Mapping[str, ProjectSpec],
    work: Path,
    options: TuneOptions,
    progress: Progress,
) -> tuple[tuple[Tuned, ...], OtherWork | None]:
    """One row for each candidate and thread count, in the order of `candidates`; and what others did.

    `work`/assets holds goldens and labels, `work`/<candidate>/assets the candidate's own artifact.
    Builds the project once in `work`; raises CheckFailed when that fails.
    """
    tools = find_toolchain()
    problems: dict[str, str] = {}
    worst: dict[str, float] = {}
    for name, made in candidates.items():
        progress(f"building {name}")
        folder = _built(backend, made, work, name, tools)
        progress(f"comparing {name} with the goldens")
        found = parity.compare(folder, made, lambda argv, f=folder, m=made: _run(argv, f, m))  # type: ignore[misc]
        problems[name] = found.problem()
        worst[name] = max((r.max_rel_diff or 0.0 for r in found.results), default=0.0)
    trials = [
        (name, threads)
        for name, made in candidates.items()
        for threads in _threads_for(made, options.threads)
        if not problems[name]
    ]
    watch = Watch()
    medians = _rounds(trials, candidates, work, options, progress)
    others = watch.other_work()
    rows = [
        Tuned(variant=name, threads=0, p50_ms=None, spread=None, max_rel_diff=worst[name], problem=problem)
        for name, problem in problems.items()
        if problem
    ]
    for (name, threads), found_ms in medians.items():
        middle = statistics.median(found_ms)
        rows.append(
            Tuned(
                variant=name,
                threads=threads,
                p50_ms=middle,
                spread=(min(found_ms) / middle, max(found_ms) / middle),
                max_rel_diff=worst[name],
            )
        )
    return tuple(rows), others


def fastest(rows: Sequence[Tuned]) -> Tuned:
    """The first that is nearly as fast as any; raises CheckFailed when nothing could be measured."""
    measured = [row for row in rows if row.p50_ms is not None]
    if not measured:
        told = "".join(f"\n  {row.variant}: {row.problem}" for row in rows)
        raise CheckFailed(f"no candidate could be measured:{told}", hint="Leave --tune out.")
    best = min(row.p50_ms for row in measured if row.p50_ms is not None)
    return next(row for row in measured if row.p50_ms is not None and row.p50_ms <= best * NEARLY)


def tuned(
    made: ProjectSpec, row: Tuned, rows: Sequence[Tuned], others: OtherWork | None = None
) -> ProjectSpec:
    """The candidate `made` as it was measured in `row`, with the table, and a note of a busy machine."""
    runtime = replace(
        LibTorchSpec.of(made), threads=row.threads, tuning=tuple(rows), tuning_other_work=others
    )
    busy = others.sentence() if others else ""
    notes = (*made.model.notes, f"--tune: {busy}") if busy else made.model.notes
    return replace(made, model=replace(made.model, notes=notes), runtime=runtime)


def _threads_for(made: ProjectSpec, threads: Sequence[int]) -> Iterator[int]:
    """Compiled code has its weights packed for one thread count."""
    compiled = LibTorchSpec.of(made).compiled
    yield from ([compiled.threads] if compiled is not None else threads)


def _built(backend: Backend, made: ProjectSpec, work: Path, name: str, tools: Toolchain) -> Path:
    """The folder of a candidate with build/<programs>; only facts differ, so little is compiled anew."""
    source, folder = work / "source", work / name
    for path, data in project.render(made, backend).items():
        target = source / path
        target.parent.mkdir(parents=True, exist_ok=True)
        if not target.is_file() or target.read_bytes() != data:
            target.write_bytes(data)
    shutil.copyfile(source / "assets" / "labels.txt", folder / "assets" / "labels.txt")
    (folder / "assets" / "goldens").symlink_to(work / "assets" / "goldens")
    build = work / "build"
    arguments, missing = backend.configure_arguments(made.name, RuntimeOptions())
    if missing:
        raise EnvironmentLacks(f"{backend.title} was not found: {missing}", hint=backend.remedy)
    configure = [
        *(str(tools.cmake), "-S", str(source), "-B", str(build), "-G", "Ninja"),
        *("-DCMAKE_BUILD_TYPE=Release", f"-DCMAKE_MAKE_PROGRAM={tools.ninja}"),
        *(f"-D{made.name.upper()}_BUILD_TESTS=OFF", *arguments),
    ]
    programs = (made.name, f"{made.name}_bench")
    commands = [[str(tools.cmake), "--build", str(build), "--target", f"{made.name}_app", programs[1]]]
    if not (build / "CMakeCache.txt").is_file():
        commands.insert(0, configure)
    for argv in commands:
        finished = run(argv, timeout=3600)
        if finished.code != 0:
            tail = "\n".join(finished.output.rstrip().splitlines()[-15:])
            raise CheckFailed(f"the project could not be built:\n{tail}", hint="Leave --tune out.")
    (folder / "build").mkdir()
    for program in programs:
        shutil.copy2(build / program, folder / "build" / program)
    return folder


def _run(argv: list[str], folder: Path, made: ProjectSpec) -> Finished:
    environment = {**os.environ, f"{made.name.upper()}_ASSETS": str(folder / "assets")}
    return run(argv, timeout=1800, env=environment)


def _rounds(
    trials: Sequence[tuple[str, int]],
    candidates: Mapping[str, ProjectSpec],
    work: Path,
    options: TuneOptions,
    progress: Progress,
) -> dict[tuple[str, int], list[float]]:
    """Median latency in ms of each trial in each round; what else the machine does hits all alike."""
    medians: dict[tuple[str, int], list[float]] = {trial: [] for trial in trials}
    for i in range(options.rounds):
        # Every second round backwards: a machine that slows down favours nobody.
        for name, threads in trials if i % 2 == 0 else reversed(trials):
            progress(f"round {i + 1} of {options.rounds}: {name}, {threads} threads")
            made, folder = candidates[name], work / name
            program = str(folder / "build" / f"{made.name}_bench")
            argv = [program, "--json", "--device", "cpu", "--threads", str(threads)]
            finished = _run([*argv, "--seconds", str(options.seconds)], folder, made)
            line = next((x for x in finished.output.splitlines() if x.startswith("{")), "")
            if finished.code != 0 or not line:
                raise CheckFailed(f"{name} could not be measured: {finished.output.strip()[-500:]}")
            told = jsonfile.loads(line, f"what the benchmark of {name} printed")
            medians[name, threads].append(float(told["p50_ms"]))
    return medians
