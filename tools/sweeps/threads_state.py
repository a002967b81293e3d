"""Many threads on models that keep something between runs, each in another way.

    python tools/sweeps/threads_state.py [--presets release,asan,tsan] [--models Cached,Counted,...]
        [--threads 24] [--rounds 20] [--sizes 12] [--work DIR] [--table FILE.md]

Generates the ten models of tests/support/models/stateful.py, builds each with the project's own presets,
and runs its golden tests and its threads test: every thread asks for sizes in an order of its own, and
every answer has the bits that one thread gets. Exit code 1 when one does not pass. With a sanitizer any
report is a failure, leaks among them; only LibTorch itself is not instrumented. The first build of a preset
compiles for minutes; the others take its objects.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path[:0] = [str(ROOT / "generator"), str(ROOT / "tests" / "support")]

import compile_cache  # noqa: E402
from building import cmake_arguments  # noqa: E402
from provenance import write_page  # noqa: E402 - below the path

from gencpp.core.toolchain import find_toolchain  # noqa: E402

MODELS = (
    *("Cached", "Counted", "Scratch", "KeyValues", "Lazy"),
    *("RunningStatistics", "Hidden", "Lists", "Nested", "Tied"),
)
FIXED_BATCH = ("RunningStatistics",)
"""Their items influence each other, so the batch does not vary."""
PRESETS = ("release", "asan", "tsan")
_REPORT = re.compile(
    r"(WARNING: ThreadSanitizer|ERROR: AddressSanitizer|runtime error:|ERROR: LeakSanitizer).*"
)


@dataclass(frozen=True)
class Row:
    """One model with one preset."""

    model: str
    preset: str
    passed: bool
    how: str = ""
    cases: str = ""
    seconds: float = 0.0
    problem: str = ""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--presets", default="release", help=f"of {', '.join(PRESETS)}")
    parser.add_argument("--models", default=",".join(MODELS))
    parser.add_argument("--threads", type=int, default=24)
    parser.add_argument("--rounds", type=int, default=20, help="runs of each case, by each thread")
    parser.add_argument("--sizes", type=int, default=12, help="of each dimension that varies")
    parser.add_argument("--work", type=Path, help="folder to keep the projects in (default: a scratch one)")
    parser.add_argument("--table", type=Path, help="markdown file to write")
    options = parser.parse_args()
    presets, models = options.presets.split(","), options.models.split(",")
    if unknown := [*({*presets} - {*PRESETS}), *({*models} - {*MODELS})]:
        parser.error(f"unknown: {', '.join(sorted(unknown))}")
    work: Path = options.work or Path(tempfile.mkdtemp(prefix="gencpp-threads-"))
    work.mkdir(parents=True, exist_ok=True)
    if compile_cache.LAUNCHER not in os.environ:
        objects = work / "objects"
        objects.mkdir(exist_ok=True)
        os.environ.update(compile_cache.environment(objects))
    load = [str(options.threads), str(options.rounds), str(options.sizes)]
    rows = []
    for model in models:
        if problem := generate(model, work / model):
            rows.append(Row(model, "", False, problem=problem))
            print(line(rows[-1]), flush=True)
            continue
        for preset in presets:
            rows.append(sweep(model, work / model, preset, load))
            print(line(rows[-1]), flush=True)
    if options.table:
        write_page(options.table, table(rows))
    return 0 if all(row.passed for row in rows) else 1


def generate(model: str, out: Path) -> str:
    """Why there is no project; empty where there is."""
    dynamic = ["--dynamic", "x:1=2:5:32"]
    dynamic += [] if model in FIXED_BATCH else ["--dynamic", "x:0=1:1:4"]
    argv = [
        "new",
        "--backend",
        "libtorch",
        "--model",
        f"models.stateful:{model}",
        "--path",
        str(ROOT / "tests" / "support"),
    ]
    argv += ["--input", "x:1x5x8", *dynamic, "--name", "state", "--force", str(out)]
    done = run([sys.executable, "-m", "gencpp", *argv], {"PYTHONPATH": str(ROOT / "generator")})
    return "" if done.returncode == 0 else done.stderr.strip() or done.stdout.strip()


def sweep(model: str, out: Path, preset: str, load: Sequence[str]) -> Row:
    tools = find_toolchain()
    build = out / ("build" if preset == "release" else f"build-{preset}")
    cmake = [str(tools.cmake)]
    steps = [
        [*cmake, "--preset", preset, "-S", str(out), "-DSTATE_BUILD_BENCH=OFF", *cmake_arguments()],
        [*cmake, "--build", str(build), "--target", "state_app", "state_test_threads", "state_test_golden"],
    ]
    for argv in steps:
        done = run(argv, cwd=out)
        if done.returncode != 0:
            return Row(model, preset, False, problem=(done.stdout + done.stderr)[-1500:].strip())
    settings = sanitizer_environment(preset)
    told = run([str(build / "state"), "--info"], settings)
    how = next(
        (t for t in told.stdout.splitlines() if "own copy" in t or "one run at a time" in t), "no state"
    )
    golden = run(
        [str(tools.ctest), "--test-dir", str(build), "-R", "golden", "--output-on-failure"], settings
    )
    begin = time.monotonic()
    done = run([str(build / "tests" / "state_test_threads"), *load], settings)
    seconds = time.monotonic() - begin
    cases = re.search(r"of (\d+) cases", done.stdout)
    problems = []
    for what, found in (("golden tests", golden), ("threads test", done), ("--info", told)):
        said = _REPORT.search(found.stdout + found.stderr)
        if found.returncode != 0 or said:
            text = said.group(0) if said else (found.stdout + found.stderr).strip()[-300:]
            problems.append(f"{what}: exit code {found.returncode}: {text}")
    return Row(
        model,
        preset,
        not problems,
        how=how.strip(),
        cases=cases.group(1) if cases else "",
        seconds=seconds,
        problem="; ".join(problems),
    )


def sanitizer_environment(preset: str) -> dict[str, str]:
    """Options of a sanitizer's run, those of the project's own test preset among them."""
    if preset == "tsan":
        return {"TSAN_OPTIONS": "ignore_noninstrumented_modules=1"}  # LibTorch's own locks are not seen
    return {}


def run(
    argv: Sequence[str], more: dict[str, str] | None = None, cwd: Path | None = None
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        argv, capture_output=True, text=True, check=False, cwd=cwd, env={**os.environ, **(more or {})}
    )


def line(row: Row) -> str:
    told = f"{row.cases} cases, {row.seconds:.1f} s, {row.how}" if row.passed else row.problem
    return f"{row.model:18} {row.preset:8} {'passed' if row.passed else 'FAILED'}  {told}"


def table(rows: Sequence[Row]) -> str:
    lines = ["| model | preset | | cases | seconds | state |", "|---|---|---|---|---|---|"]
    lines += [
        f"| {r.model} | {r.preset} | {'passed' if r.passed else 'failed'} | {r.cases} | {r.seconds:.1f} |"
        f" {r.how if r.passed else r.problem.splitlines()[0]} |"
        for r in rows
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
