"""What other work on the processors costs a generated program, by how LibTorch's threads wait; one table.

    python tools/benchmarks/busy.py [--rounds 7] [--seconds 1] [--table FILE] [--work DIR] [--no-mid]

A small model (tests/support/models/photo.py, a batch of 8) and resnet18 with random weights, on all
processors and on one, idle, beside a neighbour that spins wherever the scheduler puts it, and beside one on
each processor. `sleep` is the program as it is
built; `spin` is what OpenMP's library does by itself (GOMP_SPINCOUNT=300000). All settings take their turn in
each round, each in a process of its own. Told are medians over the rounds of a process's p50 and mean, in ms,
and their range. Where others work meanwhile the table says so: run it on an idle machine.

Neighbours get their share of the processors whoever asks for it: of 2 processors one neighbour leaves two
thirds to a program of 2 threads, so that a run that fills both takes at least 1.5 times as long (`least`).
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(ROOT / "generator"), str(ROOT / "tests" / "support"), str(HERE)]

from overhead import generate, photo_arguments  # noqa: E402 - beside this file, which is no package
from provenance import write_page  # noqa: E402

from gencpp.bench.build import build  # noqa: E402
from gencpp.bench.machine import machine  # noqa: E402
from gencpp.core.errors import GencppError  # noqa: E402
from gencpp.core.other_work import OtherWork, Watch  # noqa: E402
from gencpp.core.processors import affinity  # noqa: E402
from gencpp.core.progress import silent  # noqa: E402

WAITS = {"sleep": {}, "spin": {"GOMP_SPINCOUNT": "300000"}}
CHOSEN = (
    *("OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME", "KMP_LIBRARY"),
    *("OMP_NUM_THREADS", "MKL_NUM_THREADS"),
)
"""Variables that the programs would take for the user's word."""
SPIN = "import os, sys\nos.sched_setaffinity(0, map(int, sys.argv[1:]))\nwhile True: pass"
SETTLE = 0.3
"""Seconds between the start of a neighbour and what is measured."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What one process is measured in."""

    model: str
    one_processor: bool
    threads: int
    """0: the program's own choice."""
    neighbours: int
    """Spinning processes: as many as processors stay on one each, fewer go where the scheduler puts them."""
    waits: str

    def places(self) -> tuple[int, ...]:
        """The processors that it may use."""
        return affinity()[:1] if self.one_processor else affinity()

    def least(self) -> float:
        """Time beside the neighbours over the idle one, for work that fills the processors fairly shared."""
        return (len(self.places()) + self.neighbours) / len(self.places())


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """A program with the options that are always given to it."""

    program: Path
    options: tuple[str, ...] = ()


def main() -> int:
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=raw)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=1.0, help="of one process")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--table", type=Path, help="markdown file to write")
    parser.add_argument("--no-mid", action="store_true", help="without resnet18")
    work = "keep what was generated and built there, and use it again (default: a temporary folder)"
    parser.add_argument("--work", type=Path, metavar="DIR", help=work)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        try:
            subjects = made(options.work or Path(temporary), mid=not options.no_mid)
        except GencppError as e:
            print(e, file=sys.stderr)
            return e.exit_code
        watch = Watch()
        found = measured(subjects, options)
        text = table(found, options, watch.other_work())
    print(text)
    if options.table:
        write_page(options.table, text)
    return 0


def made(folder: Path, *, mid: bool) -> dict[str, Subject]:
    """Generates and builds what is not there."""
    folder.mkdir(parents=True, exist_ok=True)
    wanted = {"small": (photo_arguments(folder), ("--batch", "8"))}
    if mid:
        wanted["resnet18"] = (["--model", "resnet18", "--weights", "none"], ())
    subjects = {}
    for name, (arguments, options) in wanted.items():
        if not (folder / name / "gencpp.json").is_file():
            generate(arguments, folder / name)
        subjects[name] = Subject(program=build(folder / name, silent).bench, options=options)
    return subjects


def settings_of(models: Sequence[str], threads: int) -> list[Setting]:
    """All that is measured, in the table's order."""
    return [
        Setting(model=model, one_processor=one, threads=count, neighbours=neighbours, waits=waits)
        for model in models
        for one, count in ((False, threads), (True, threads), (True, 0))
        for waits in WAITS
        for neighbours in ((0, 1) if one else sorted({0, 1, len(affinity())}))
    ]


def measured(
    subjects: dict[str, Subject], options: argparse.Namespace
) -> dict[Setting, list[tuple[float, float]]]:
    """(p50, mean) in ms of each round."""
    found: dict[Setting, list[tuple[float, float]]] = {
        setting: [] for setting in settings_of(list(subjects), options.threads)
    }
    for index in range(options.rounds):
        order = list(found)
        for setting in order if index % 2 == 0 else reversed(order):
            print(f"round {index + 1} of {options.rounds}: {setting}", file=sys.stderr, flush=True)
            with neighbours(setting):
                found[setting].append(time_of(subjects[setting.model], setting, options.seconds))
    return found


@contextlib.contextmanager
def neighbours(setting: Setting) -> Iterator[None]:
    """They spin while this is open."""
    places = [str(number) for number in setting.places()]
    each = setting.neighbours == len(places)
    spinning = [
        subprocess.Popen([sys.executable, "-S", "-c", SPIN, *(places[i : i + 1] if each else places)])
        for i in range(setting.neighbours)
    ]
    try:
        if spinning:
            time.sleep(SETTLE)
        yield
    finally:
        for process in spinning:
            process.kill()
            process.wait()


def time_of(subject: Subject, setting: Setting, seconds: float) -> tuple[float, float]:
    argv = [str(subject.program), "--json", "--device", "cpu", "--seconds", str(seconds), *subject.options]
    if setting.threads:
        argv += ["--threads", str(setting.threads)]
    env = {k: v for k, v in os.environ.items() if k not in CHOSEN} | WAITS[setting.waits]
    places = setting.places()
    done = subprocess.run(
        argv,
        capture_output=True,
        text=True,
        env=env,
        check=True,
        preexec_fn=lambda: os.sched_setaffinity(0, places),
    )
    told = json.loads(next(line for line in done.stdout.splitlines() if line.startswith("{")))
    return told["p50_ms"], told["mean_ms"]


def table(
    found: dict[Setting, list[tuple[float, float]]], options: argparse.Namespace, others: OtherWork | None
) -> str:
    """Markdown: a row for each model, place and way to wait; idle beside busy."""
    about = machine()
    told = "unknown" if others is None else f"{100 * others.share:.0f} %"
    lines = [
        "# A busy machine, by how LibTorch's threads wait",
        "",
        f"On {about['cores']} cores of {about['cpu']}, torch {about['versions']['torch']}. `sleep` is the",
        "program as it is built, `spin` is what the OpenMP library does by itself. `neighbours`:",
        "processes that spin on the processors that the program may use. Milliseconds, medians of",
        f"{options.rounds} rounds, ranges in brackets. Work of others than these programs took {told}",
        "of the processors meanwhile. `least`: what fair shares leave to a run that fills its",
        "processors. A run that is shorter than the scheduler's time slice mostly falls between the",
        "neighbour's: its median need not grow at all.",
        "",
        "| model | processors | threads | waiting | neighbours "
        "| p50 idle | p50 busy | busy / idle | least | mean idle | mean busy |",
        "|---|---|--:|---|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for setting, busy in found.items():
        if not setting.neighbours:
            continue
        idle = found[replace(setting, neighbours=0)]
        ratio = middle(busy, 0) / middle(idle, 0)
        places = "1" if setting.one_processor else f"all {len(affinity())}"
        lines.append(
            f"| {setting.model} | {places} | {setting.threads or 'own choice'} | {setting.waits} "
            f"| {setting.neighbours} | {cell(idle, 0)} | {cell(busy, 0)} | **{ratio:.2f}** "
            f"| {setting.least():.2f} | {cell(idle, 1)} | {cell(busy, 1)} |"
        )
    lines += ["", *idle_costs(found), ""]
    return "\n".join(lines)


def idle_costs(found: dict[Setting, list[tuple[float, float]]]) -> list[str]:
    """What sleeping costs where nobody else works: medians of the ratios within a round."""
    told = []
    for setting, sleep in found.items():
        if setting.neighbours or setting.one_processor or setting.waits != "sleep":
            continue
        spin = found[replace(setting, waits="spin")]
        ratios = [a[0] / b[0] for a, b in zip(sleep, spin, strict=True)]
        told.append(
            f"{setting.model}, idle: p50 with sleeping threads is {statistics.median(ratios):.2f} "
            f"({min(ratios):.2f} to {max(ratios):.2f}) of that with spinning ones."
        )
    return told


def middle(values: Sequence[tuple[float, float]], which: int) -> float:
    return statistics.median(v[which] for v in values)


def cell(values: Sequence[tuple[float, float]], which: int) -> str:
    each = [v[which] for v in values]
    return f"{statistics.median(each):.3g} ({min(each):.3g} to {max(each):.3g})"


if __name__ == "__main__":
    sys.exit(main())
