"""Times and answers of generated programs, and of PyTorch beside them."""

from __future__ import annotations

import json
import re
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gencpp.verification import comparison

from .clock import Clock, Log, Ran, Skipped
from .projects import NAME, Failed, Made, Setup
from .results import FAILED, PASSED, SKIPPED, Part, Timing

STAGES = {"h2d_ms": "h2d", "compute_ms": "compute", "d2h_ms": "d2h"}
_WARMUP = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """A generated program with the options that it is measured with."""

    made: Made
    name: str
    flags: tuple[str, ...] = ()

    def time(self, setup: Setup, clock: Clock, log: Log, batch: int) -> dict[str, Any]:
        """The benchmark's JSON; raises Failed."""
        argv = [self.made.tool("bench"), "--json", "--seconds", str(setup.seconds), "--warmup", str(_WARMUP)]
        argv += ["--batch", str(batch), *self.flags]
        return program_json(argv, setup, clock, log)


def program_json(argv: Sequence[str | Path], setup: Setup, clock: Clock, log: Log) -> dict[str, Any]:
    """What a program that prints JSON says; raises Failed, or Skipped in a dry run without its device."""
    ran = clock.run(argv, log, limit=240, env=setup.environment())
    if ran.code == comparison.NO_DEVICE and setup.dry_run:
        raise Skipped(f"built, linked and started, but not run: {comparison.last_line(ran.output)}")
    if ran.code != 0:
        raise Failed(f"{Path(argv[0]).name}: exit code {ran.code}: {ran.problem()}")
    line = next((x for x in reversed(ran.output.splitlines()) if x.startswith("{")), "")
    try:
        found: dict[str, Any] = json.loads(line)
    except ValueError:
        raise Failed(f"{Path(argv[0]).name}: no JSON from it: {ran.output[-200:]!r}") from None
    return found


def keep(part: Part, timing: Timing, told: dict[str, Any]) -> None:
    """Adds one round's times."""
    if timing not in part.timings:
        part.timings.append(timing)
    timing.p50_ms.append(float(told["p50_ms"]))
    timing.p99_ms.append(float(told["p99_ms"]))
    timing.stages_ms.update({name: float(told[key]) for key, name in STAGES.items() if key in told})


def timing_of(part: Part, made: Made, subject: str, batch: int) -> Timing:
    """The timing with these names, which may be new."""
    names = {
        "model": made.wanted.model,
        "precision": made.wanted.precision,
        "subject": subject,
        "batch": batch,
    }
    return part.timing(*names.values()) or Timing(**names)  # type: ignore[arg-type]


def time_all(
    part: Part, subjects: Sequence[Subject], setup: Setup, clock: Clock, log: Log, batches: Sequence[int]
) -> None:
    """One round of each at each batch size; raises Failed."""
    for subject in subjects:
        for batch in batches:
            told = subject.time(setup, clock, log, batch)
            keep(part, timing_of(part, subject.made, subject.name, batch), told)


def peers(
    part: Part, made: Made, setup: Setup, clock: Clock, log: Log, batches: Sequence[int], *, compare: int = 0
) -> Path:
    """Times PyTorch on the project's model, at these batch sizes.

    With `compare`, it also answers the goldens and inputs of that batch size, into the folder that is given
    back, and profiles the first size. Raises Failed.
    """
    answers = made.folder.with_name(f"{made.folder.name}-answers")
    answers.mkdir(exist_ok=True)
    job = {
        "folder": str(made.folder),
        "device": setup.device,
        "precision": made.wanted.precision,
        "batches": list(batches),
        "seconds": setup.seconds,
        "warmup": _WARMUP,
        "threads": setup.threads,
        "path": list(made.wanted.path),
        "answers": str(answers) if compare else "",
        "further": further_size(made, compare),
        "torchscript": made.project.artifact.format == "torchscript",
        "profile": bool(compare and batches),
    }
    file = answers / "job.json"
    file.write_text(json.dumps(job), encoding="utf-8")
    told = program_json([sys.executable, "-m", "kit.peer", file], setup, clock, log)
    for who, times in told["timings"].items():
        subject, batch = who.rsplit(" ", 1)
        keep(part, timing_of(part, made, subject, int(batch)), times)
    for what, problem in told["problems"].items():
        name = f"{made.wanted.key}: {what}"
        if all(check.name != name for check in part.checks):  # once, not in every round
            part.add(name, FAILED, problem)
    if profile := told.get("profile"):
        part.facts[f"{made.wanted.key}: eager profile, batch {batches[0]}"] = profile
        eager = part.timing(made.wanted.model, made.wanted.precision, "eager", batches[0])
        if eager is not None and "kernels_ms" in profile and setup.device == "cuda":
            eager.stages_ms["kernels"] = profile["kernels_ms"]
    return answers


def further_size(made: Made, batch: int) -> int:
    """This batch size where it is compared beside the goldens, else 0: the model has to take it."""
    dims = [t.dims[0] for t in made.project.model.inputs if t.dims]
    return batch if batch > 1 and dims and all(d.dynamic and d.min <= batch <= d.max for d in dims) else 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """Inputs, and PyTorch's outputs for them."""

    name: str
    inputs: tuple[Path, ...]
    outputs: tuple[tuple[str, Path, float], ...]
    """name, file and tolerance of each"""


def questions(made: Made, answers: Path, further: int) -> list[Question]:
    """The goldens; and what the peer made of a further size, which is also timed."""
    cases = made.project.goldens.cases
    asked = [
        Question(
            name=case.name,
            inputs=tuple(made.folder / "assets" / "goldens" / file for file in case.inputs),
            outputs=tuple(
                (o.name, answers / f"{case.name}-{i}.npy", o.tolerance) for i, o in enumerate(case.outputs)
            ),
        )
        for case in cases
    ]
    if further and cases:
        name = f"batch-of-{further}"
        outputs = ((o.name, answers / f"{name}-{i}.npy", o.tolerance) for i, o in enumerate(cases[0].outputs))
        inputs = (answers / f"{name}-input-{i}.npy" for i in range(len(cases[0].inputs)))
        asked.append(Question(name=name, inputs=tuple(inputs), outputs=tuple(outputs)))
    return asked


def check_answers(
    part: Part,
    made: Made,
    setup: Setup,
    clock: Clock,
    log: Log,
    answers: Path,
    flags: Sequence[str] = (),
    *,
    compare: int = 0,
) -> bool:
    """The program's outputs for the goldens' inputs against PyTorch's of the same device; also for a batch of
    `compare`, where the model takes that.
    """
    import numpy as np

    name = f"{made.wanted.key}: parity with PyTorch on the same device"
    out = answers.with_name(f"{answers.name}-c++")
    out.mkdir(exist_ok=True)
    asked = questions(made, answers, further_size(made, compare))

    def answered(question: Question) -> tuple[Ran, list[Path]]:
        files = [out / file.name for _, file, _ in question.outputs]
        argv: list[str | Path] = [made.program, *flags]
        for file in question.inputs:
            argv += ["--input", file]
        for file in files:
            argv += ["--output", file]
        return clock.run(argv, log, limit=240, env=setup.environment()), files

    begin = time.monotonic()
    with ThreadPoolExecutor(setup.side_by_side) as pool:
        ran = list(pool.map(answered, asked))
    worst, count, seconds = 0.0, 0, time.monotonic() - begin
    for question, (done, files) in zip(asked, ran, strict=True):
        if done.code != 0:
            detail = f"{question.name}: exit code {done.code}: {done.problem()}"
            return part.add(name, FAILED, detail, seconds)
        for (output, theirs, tolerance), ours in zip(question.outputs, files, strict=True):
            arrays = (np.load(file, allow_pickle=False) for file in (ours, theirs))
            found = comparison.compared(question.name, output, *arrays, tolerance)
            count += 1
            worst = max(worst, found.max_rel_diff or 0.0)
            if not found.passed:
                told = (
                    "of another shape, or not finite"
                    if found.max_rel_diff is None
                    else f"{found.max_rel_diff:.2g}"
                )
                detail = f"{question.name}/{output} differs by {told}, allowed {tolerance:g}"
                return part.add(name, FAILED, detail, seconds)
    if not count:
        return part.add(name, FAILED, "nothing was compared", seconds)
    part.facts[name] = worst
    return part.add(name, PASSED, f"{count} outputs, largest relative difference {worst:.2g}", seconds)


def old_pillow() -> bool:
    """Whether pixels that this Pillow makes are others than those of 13, which the projects reproduce."""
    import PIL

    return int(PIL.__version__.split(".")[0]) < 13


def ctest(part: Part, made: Made, setup: Setup, clock: Clock, log: Log, program: Path, name: str) -> bool:
    """The project's own tests on the device."""
    import PIL

    argv: list[str | Path] = [
        program,
        "--test-dir",
        made.folder / "build",
        "--output-on-failure",
        "--no-tests=error",
        "--parallel",
        str(setup.side_by_side),
    ]
    note = ""
    if old_pillow():
        argv += ["-E", "pixels|picture"]
        note = f"; without those of pixels, which Pillow {PIL.__version__} makes otherwise than 13"
    where = {f"{NAME.upper()}_TEST_DEVICE": setup.device} if made.wanted.backend == "libtorch" else {}
    ran = clock.run(argv, log, limit=240, env={**setup.environment(), **where})
    lines = [line.strip() for line in ran.output.splitlines()]
    summary = next((x for x in lines if "tests passed" in x), ran.problem())
    lost = [
        m[1] for x in lines if (m := re.search(r"Test +#\d+: (\S+) .*\*\*\*(Failed|Timeout|Exception)", x))
    ]
    skipped = sum("***Skipped" in x for x in lines)
    status = FAILED if ran.code != 0 else PASSED
    if status == PASSED and skipped and re.search(rf"100% tests passed.* out of {skipped}$", summary):
        status = SKIPPED
    detail = f"{summary}{f', {skipped} skipped' if skipped else ''}{note}"
    return part.add(name, status, f"{detail}: {', '.join(lost)}" if lost else detail, ran.seconds)
