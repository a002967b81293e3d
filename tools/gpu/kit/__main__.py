"""Runs the kit's parts, most valuable first, within the time that there is."""

from __future__ import annotations

import argparse
import datetime
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from . import machine, part_libtorch, part_rtx, part_sanitizer, part_tensorrt, rehearsal, report
from .clock import Clock, Log
from .projects import ROOT, Made, Setup
from .results import (
    PASSED,
    SKIPPED,
    Part,
    Results,
    check_rows,
    figure_rows,
    table,
    timing_rows,
)
from .steps import guarded

TITLES = {
    1: part_libtorch.TITLE,
    2: part_tensorrt.TITLE,
    3: part_rtx.TITLE,
    4: part_sanitizer.TITLE,
}
_WEIGHTS = {1: 6.0, 2: 6.0, 3: 0.5, 4: 1.5}
"""How a part's time relates to the others'; what one does not use goes to the later ones."""
PACKING = "TensorRT packed, carried and unpacked"
_RESERVE_S = 10.0
"""For writing, at the end."""


def main(argv: Sequence[str] | None = None) -> int:
    """0: nothing failed; 1: something did; 2: wrong usage; 3: there is no GPU; 4: all of it was skipped."""
    options = _arguments(argv)
    if options.report is not None:
        return _report([Path(f) for f in options.report])
    why = machine.has_gpu()
    if why and not options.dry_run:
        print(f"run.sh: {why}. --dry-run goes as far as it can on the CPU.", file=sys.stderr)
        return 3
    options.out.mkdir(parents=True, exist_ok=True)
    for old in ("results.json", "table.txt", *(f"part-{n}.log" for n in TITLES)):
        (options.out / old).unlink(missing_ok=True)
    scratch = None if options.work else tempfile.mkdtemp(prefix="gencpp-gpu-")
    work = Path(options.work or str(scratch)).resolve()
    work.mkdir(parents=True, exist_ok=True)
    # Engines of an earlier run would hide what the first start takes.
    caches = work / "gencpp-kit-caches"
    shutil.rmtree(caches, ignore_errors=True)
    os.environ["XDG_CACHE_HOME"] = str(caches)
    os.environ["TORCHINDUCTOR_CACHE_DIR"] = str(caches / "inductor")
    if not options.dry_run:
        os.environ.update(machine.compiler_environment(work))
    try:
        results = _run(options, work)
    finally:
        if scratch is not None:
            shutil.rmtree(scratch, ignore_errors=True)
    text = _text(results)
    (options.out / "table.txt").write_text(text, encoding="utf-8")
    print(f"\n{text}\nJSON and logs: {options.out}")
    if results.failed:
        return 1
    if not results.passed:
        print("run.sh: nothing was proven: the table says why each part was skipped.", file=sys.stderr)
        return 4
    return 0


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="run.sh",
        description="Proves on a machine with an NVIDIA GPU what can be proven nowhere else: answers of "
        "LibTorch and TensorRT projects equal PyTorch's on the same GPU, and how fast they are. "
        "Nothing is installed, nothing is downloaded.",
    )
    parser.add_argument("--budget-minutes", type=float, default=9.0, help="for everything (default 9)")
    parser.add_argument(
        "--out", type=Path, default=Path("gpu-results"), help="folder for JSON, table and logs"
    )
    parser.add_argument(
        "--parts", default="1,2,3,4", help="which: " + ", ".join(f"{n} {t}" for n, t in TITLES.items())
    )
    parser.add_argument(
        "--tensorrt", type=Path, help="folder with lib/ and include/ (pack_tensorrt.py unpack)"
    )
    parser.add_argument("--rtx", type=Path, help="folder with the Python packages of TensorRT-RTX")
    parser.add_argument(
        "--work",
        type=Path,
        help="folder for projects, which is kept, and from which a later run takes what is made already "
        "(default: a temporary one)",
    )
    parser.add_argument(
        "--only",
        metavar="KEY,...",
        default="",
        help="of the projects of parts 1 and 2 these alone, as the table names them: resnet50_fp32,...",
    )
    parser.add_argument("--seconds", type=float, default=0.7, help="of one measurement (default 0.7)")
    parser.add_argument(
        "--dry-run", action="store_true", help="as far as it goes on the CPU, with small models"
    )
    parser.add_argument(
        "--report",
        nargs="*",
        metavar="JSON",
        help="write docs/results/gpu.md from docs/results/gpu/, to which these results.json are added first",
    )
    options = parser.parse_args(argv)
    try:
        options.parts = sorted({int(p) for p in options.parts.split(",")})
        if not set(options.parts) <= set(TITLES):
            raise ValueError
    except ValueError:
        parser.error(f"--parts: numbers from {min(TITLES)} to {max(TITLES)}, as in 1,4")
    options.only = tuple(filter(None, options.only.split(",")))
    known = {one.key for one in (*part_libtorch.ALL, *part_libtorch.DRY, *part_tensorrt.ALL)}
    if strange := [key for key in options.only if key not in known]:
        parser.error(f"--only: there is no {', '.join(strange)}; there are {', '.join(sorted(known))}")
    if options.budget_minutes <= 0 or options.seconds <= 0:
        parser.error("--budget-minutes and --seconds are above 0")
    return options


def _report(files: Sequence[Path]) -> int:
    try:
        report.keep(files)
        report.PAGE.write_text(report.page(), encoding="utf-8")
    except ValueError as e:
        print(f"run.sh: {e}", file=sys.stderr)
        return 2
    print(f"wrote {report.PAGE.relative_to(ROOT)}")
    return 0


def _run(options: argparse.Namespace, work: Path) -> Results:
    begin = time.monotonic()
    whole = Clock.of(max(1.0, 60 * options.budget_minutes - _RESERVE_S))
    results = Results(
        date=datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M:%S UTC"),
        dry_run=options.dry_run,
        commit=machine.commit(ROOT),
        machine=machine.machine(),
        budget_minutes=options.budget_minutes,
    )
    setup = Setup(
        work=work,
        device="cpu" if options.dry_run else "cuda",
        dry_run=options.dry_run,
        seconds=min(options.seconds, 0.2) if options.dry_run else options.seconds,
        # Beside CI's other work, threads that wait for each other make every run take its time slices.
        threads=1 if options.dry_run else min(4, results.machine["cores"]),
        cores=len(os.sched_getaffinity(0)),
        only=options.only,
        made_on=(
            str(results.machine["versions"].get("torch", "")),
            "" if options.dry_run else str(results.machine["gpu"].get("name", "")),
        ),
    )
    file = options.out / "results.json"

    def saved() -> None:
        results.seconds = time.monotonic() - begin
        results.write(file)

    print(machine.line(results.machine), flush=True)
    made: list[Made] = []
    weights = shares(options)
    for index, number in enumerate(options.parts):
        weight = weights[number] / sum(weights[n] for n in options.parts[index:])
        part = Part(number=number, title=TITLES[number])
        results.parts.append(part)
        clock, log = whole.share(weight), Log(options.out / f"part-{number}.log")
        print(f"part {number}, {part.title}: at most {clock.left() / 60:.1f} minutes", flush=True)
        started = time.monotonic()
        step = partial(_part, part, options, setup, clock, log, saved, made)
        guarded(part, "the part", step, skipped="the rest")
        part.seconds = time.monotonic() - started
        for check in part.checks:
            print(f"  {check.status:7} {check.name}: {check.detail}", flush=True)
        saved()
    return results


def shares(options: argparse.Namespace) -> dict[int, float]:
    """By part, its weight; next to none for one that will be skipped for want of what it needs."""
    names = {1: part_libtorch.DRY if options.dry_run else part_libtorch.ALL, 2: part_tensorrt.ALL}
    chosen = {
        n: not options.only or any(one.key in options.only for one in all_) for n, all_ in names.items()
    }
    can = {
        1: chosen[1],
        2: chosen[2] and options.tensorrt is not None,
        3: options.rtx is not None,
        4: not options.dry_run and part_sanitizer.find() is not None,
    }
    return {number: weight if can[number] else 0.01 for number, weight in _WEIGHTS.items()}


def _part(
    part: Part,
    options: argparse.Namespace,
    setup: Setup,
    clock: Clock,
    log: Log,
    saved: Callable[[], None],
    made: list[Made],
) -> None:
    if part.number == 1:
        part_libtorch.run(part, setup, clock, log, saved, made)
    elif part.number == 2:
        if options.dry_run:
            began = time.monotonic()
            part.add(PACKING, PASSED, rehearsal.packing(setup.work), time.monotonic() - began)
        if options.tensorrt is None:
            part.add("TensorRT", SKIPPED, "no --tensorrt DIR: pack_tensorrt.py makes one")
        else:
            part_tensorrt.run(part, setup, clock, log, saved, made, options.tensorrt.resolve())
    elif part.number == 3:
        if options.rtx is None:
            part.add("TensorRT-RTX", SKIPPED, f"no --rtx DIR: {part_rtx.INSTALL}")
        else:
            part_rtx.run(part, setup, clock, log, options.rtx.resolve())
    else:
        root = options.tensorrt.resolve() if options.tensorrt else None
        part_sanitizer.run(part, setup, clock, log, made, root)


def _text(results: Results) -> str:
    """The table at the end: short, because what comes back may be short."""
    lines = [
        f"{results.date}, commit {results.commit}, {results.seconds:.0f} s",
        machine.line(results.machine),
    ]
    if results.dry_run:
        lines.append("DRY RUN on the CPU: it shows that the kit works. Its times mean nothing.")
    for part in results.parts:
        passed = sum(c.status == "passed" for c in part.checks)
        title = f"part {part.number}, {part.title}: {part.status}"
        lines += ["", f"{title}, {passed} of {len(part.checks)} checks passed, {part.seconds:.0f} s"]
        for rows in (timing_rows(part), figure_rows(part), check_rows(part, all_of_them=False)):
            if len(rows) > 1:
                lines += ["", table(rows)]
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    sys.exit(main())
