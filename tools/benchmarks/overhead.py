"""What a generated library costs on top of LibTorch: time, allocations, memory over many loads and runs.

    python tools/benchmarks/overhead.py [--project DIR | --model resnet18] [--pairs 500] [--loads 1000]
                                        [--runs 10000] [--threads 1] [--json FILE] [--full] [--no-small]

Times: pairs of the library's run and a bare `module.forward` on the same artifact and input memory, in one
process, where each side goes first in every second pair. Printed is the median of the paired ratios with
its 95 % interval (of the sign test: nothing is assumed of the times), and the same of two bare loads, which
tells what this machine can resolve. One thread on both sides, unless --threads says otherwise: what the
library adds does not depend on it, and on a busy machine threads wait for one another.
Allocations: operator new and LibTorch's allocator, counted; which operators read the caller's input memory.
Memory: the most that was resident after a load or run, in the first tenth of them and in the last.

Beside the project a small model (tests/support/models/photo.py) is measured. It takes all --loads and --runs,
the project a tenth of them without --full. Exit code 0 unless something fails to run: times are not judged.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(ROOT / "generator"), str(ROOT / "tests" / "support")]

from building import cmake, cmake_arguments  # noqa: E402 - beside conftest.py, which is no package

from gencpp.core.errors import GencppError  # noqa: E402

RATIO_WANTED = 1.02
GROWTH_WANTED = 0.01
FORMS = {"run": "run(inputs)", "run-into": "run(inputs, outputs)", "control": "bare, loaded again (control)"}
COPIES = {"aten::copy_", "aten::clone", "aten::_to_copy"}


class Failure(Exception):
    """A command that did not work."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """A generated project and the program that measures it."""

    name: str
    artifact: Path
    program: Path
    threads: int

    def measure(self, mode: str, count: int) -> Any:
        """What the program prints in a process of its own."""
        argv = [self.program, mode, self.artifact, str(count), str(self.threads)]
        return json.loads(succeed(list(map(str, argv))))


# Making -----------------------------------------------------------------------------------------------


def succeed(argv: list[str], cwd: Path | None = None) -> str:
    """Runs a command; its standard output."""
    paths = os.pathsep.join(filter(None, [str(ROOT / "generator"), os.environ.get("PYTHONPATH")]))
    env = {**os.environ, "PYTHONPATH": paths}
    done = subprocess.run(argv, capture_output=True, text=True, cwd=cwd, env=env, check=False)
    if done.returncode != 0:
        output = (done.stdout + done.stderr)[-4000:]
        raise Failure(f"{' '.join(argv)}\nexited with {done.returncode}:\n{output}")
    return done.stdout


def generate(arguments: list[str], folder: Path) -> Path:
    """What `gencpp new` writes; a folder of it that is there already is rewritten."""
    succeed([sys.executable, "-m", "gencpp", "new", *arguments, "--backend", "libtorch", str(folder)])
    return folder


def photo_arguments(folder: Path) -> list[str]:
    labels = folder / "labels.txt"
    labels.write_text("".join(f"class {i}\n" for i in range(10)))
    return [
        *("--model", "photo:model", "--path", str(ROOT / "tests" / "support" / "models")),
        *("--input", "image:1x3x32x32:float32", "--preprocess", "photo:transforms"),
        *("--labels", str(labels), "--name", "photo"),
    ]


def build(project: Path, folder: Path, threads: int) -> Subject:
    """Compiles overhead.cpp with the project."""
    manifest = project / "gencpp.json"
    if not manifest.is_file():
        raise Failure(f"{project} has no gencpp.json: it is no folder that gencpp wrote")
    facts = json.loads(manifest.read_text())["project"]
    name, backend = facts["name"], facts["backend"]
    if backend != "libtorch":
        raise Failure(f"{project} is for {backend}; only libtorch has a bare side here")
    definitions = [f"-DSUBJECT={project.resolve()}", f"-DSUBJECT_NAME={name}", "-DCMAKE_BUILD_TYPE=Release"]
    configure = ["-G", "Ninja", "-S", str(HERE), "-B", str(folder), *definitions, *cmake_arguments()]
    for arguments in (configure, ["--build", str(folder)]):
        done = cmake(*arguments)
        if done.returncode != 0:
            raise Failure(f"cmake {' '.join(arguments)}\n{(done.stdout + done.stderr)[-4000:]}")
    artifact = project / "assets" / facts["artifact"]["file"]
    return Subject(name=name, artifact=artifact, program=folder / "overhead", threads=threads)


# Statistics -------------------------------------------------------------------------------------------


def median_interval(samples: list[float]) -> tuple[float, float]:
    """The 95 % interval of the median by the sign test: two of the samples themselves."""
    ordered = sorted(samples)
    n = len(ordered)
    below, tail = 0, 1  # of 2**n equally likely signs, those with so few on one side; at most 2.5 %
    while below + 1 < n / 2 and 40 * (tail + math.comb(n, below + 1)) <= 2**n:
        below += 1
        tail += math.comb(n, below)
    return ordered[below], ordered[n - 1 - below]


def compare(pairs: list[list[float]]) -> dict[str, Any]:
    """Figures of (bare, other) pairs in microseconds."""
    ratios = [other / bare for bare, other in pairs]
    low, high = median_interval(ratios)
    return {
        "pairs": len(pairs),
        "median_ratio": statistics.median(ratios),
        "interval_95": [low, high],
        "median_difference_us": statistics.median(other - bare for bare, other in pairs),
        "bare_median_us": statistics.median(bare for bare, _ in pairs),
        "other_median_us": statistics.median(other for _, other in pairs),
        "samples_us": pairs,
    }


def growth(curve: dict[str, Any]) -> dict[str, Any]:
    """Memory of the first tenth of a curve against its last, in bytes."""
    count, points = curve["count"], curve["points"]
    first = [point for point in points if point[0] <= max(count / 10, points[0][0])]
    last = [point for point in points if point[0] > count * 0.9]
    most_first, most_last = (max(resident for _, resident, _, _ in part) for part in (first, last))
    return {
        "count": count,
        "resident_first_tenth": most_first,
        "resident_last_tenth": most_last,
        "resident_growth": most_last / most_first - 1,
        "resident_growth_of_last_values": last[-1][2] / first[-1][2] - 1,
        "in_use_growth": last[-1][3] - first[-1][3],
        "columns": ["done", "most resident", "last resident", "last in use"],
        "points": points,
    }


def per_run(figures: dict[str, Any]) -> dict[str, Any]:
    """The program's totals, divided by the runs that they are of."""
    runs, tensor_runs = figures["runs"], figures["tensor_runs"]
    return {
        "new_calls": figures["new_calls"] / runs,
        "our_new_calls": figures["our_new_calls"] / runs,
        "our_new_bytes": figures["our_new_bytes"] / runs,
        "our_new_sizes": figures["our_new_sizes_of_one"],
        "tensor_calls": figures["tensor_calls"] / tensor_runs,
        "tensor_bytes": figures["tensor_bytes"] / tensor_runs,
        "operators": figures["operators"],
        "reading_input": figures["reading_input"],
    }


def copied_input(bare: dict[str, Any], ours: dict[str, Any], input_bytes: int) -> str:
    """Whether the library copies its input: "no", or what speaks against it."""
    reading = ours["reading_input"]
    if not reading:
        return "unknown: no operator was seen that reads the caller's memory"
    if reading != bare["reading_input"]:
        return f"perhaps: other operators than the bare side's read it: {reading}"
    if ours["tensor_bytes"] > bare["tensor_bytes"] or ours["our_new_bytes"] >= input_bytes:
        return f"perhaps: {ours['tensor_bytes'] - bare['tensor_bytes']:+.0f} bytes of tensors"
    copies = COPIES & set(reading)
    return f"no, but the model itself does ({', '.join(sorted(copies))})" if copies else "no"


# Measuring and printing ---------------------------------------------------------------------------------


def measure(subject: Subject, pairs: int, loads: int, runs: int) -> dict[str, Any]:
    print(f"\n{subject.name}", flush=True)
    result: dict[str, Any] = {"name": subject.name, "artifact_bytes": subject.artifact.stat().st_size}
    if pairs:
        result["overhead"] = {}
        for form, title in FORMS.items():
            load = os.getloadavg()[0]
            raw = subject.measure(form, pairs)
            figures = {"threads": raw["threads"], "equal_bits": raw["equal_bits"], "load_before": load}
            result["overhead"][form] = {**figures, **compare(raw["pairs_us"])}
            print_overhead(form, title, result["overhead"][form])
        raw = subject.measure("allocations", 20)
        sides = {side: per_run(raw[side]) for side in ("bare", "run", "run-into")}
        copied = {s: copied_input(sides["bare"], sides[s], raw["input_bytes"]) for s in ("run", "run-into")}
        result["allocations"] = {"input_bytes": raw["input_bytes"], **sides, "copies_input": copied}
        print_allocations(result["allocations"])
    curves = {
        "loads": ("loads, each with a run", loads),
        "bare-loads": ("the same of bare LibTorch", loads),
        "runs": ("runs, both forms in turn", runs),
    }
    result["memory"] = {}
    for mode, (title, count) in curves.items():
        if count:
            result["memory"][mode] = growth(subject.measure(mode, count))
            print_growth(title, result["memory"][mode])
    return result


def print_overhead(form: str, title: str, figures: dict[str, Any]) -> None:
    if form == "run":
        columns = f"{'ratio':>7} {'95 % interval':>18} {'difference':>12} {'bare':>12} {'load':>6}"
        print(f"  {'time against bare forward':30} {columns}")
    low, high = figures["interval_95"]
    interval = f"[{low:.4f}, {high:.4f}]"
    times = f"{figures['median_difference_us']:+9.1f} us {figures['bare_median_us']:9.1f} us"
    verdict = "" if form == "control" else verdict_of(figures["median_ratio"] <= RATIO_WANTED, "1.02")
    row = f"{figures['median_ratio']:7.4f} {interval:>18} {times} {figures['load_before']:6.1f}"
    bits = "  THE BITS DIFFER" if figures["equal_bits"] is False else ""
    print(f"  {title:30} {row} {verdict}{bits}", flush=True)


def print_allocations(allocations: dict[str, Any]) -> None:
    print(f"  {'of one run':30} {'bare':>12} {FORMS['run']:>14} {FORMS['run-into']:>22}")
    rows = {
        "new_calls": "calls of operator new",
        "our_new_calls": "  by code outside LibTorch",
        "our_new_bytes": "  bytes of these",
        "tensor_calls": "tensors made by LibTorch",
        "tensor_bytes": "  bytes of these",
        "operators": "operators called",
    }
    for key, title in rows.items():
        bare, run, into = (allocations[side][key] for side in ("bare", "run", "run-into"))
        print(f"  {title:30} {bare:12.0f} {run:14.0f} {into:22.0f}")
    for form in ("run", "run-into"):
        sizes = allocations[form]["our_new_sizes"]
        print(f"  {FORMS[form]}: the library's own allocations: {sizes or 'none'} bytes")
    reading = ", ".join(allocations["run-into"]["reading_input"])
    print(f"  the caller's {allocations['input_bytes']} bytes of input are read by: {reading}")
    for form, answer in allocations["copies_input"].items():
        print(f"  {FORMS[form]}: copies of the input: {answer}")


def print_growth(title: str, figures: dict[str, Any]) -> None:
    first, last = (figures[key] / 2**20 for key in ("resident_first_tenth", "resident_last_tenth"))
    verdict = verdict_of(figures["resident_growth"] <= GROWTH_WANTED, "1 %")
    change = (
        f"{first:.1f} MiB in the first tenth, {last:.1f} in the last: {percent(figures['resident_growth'])}"
    )
    print(f"  {figures['count']:6} {title:27} {change} {verdict}")
    step = max(1, len(figures["points"]) // 10)
    chosen = figures["points"][step - 1 :: step]
    print("    most MiB resident:", *(f"{done}: {most / 2**20:.1f}" for done, most, _, _ in chosen))
    last_values = percent(figures["resident_growth_of_last_values"])
    in_use = f"malloc in use {figures['in_use_growth'] / 1024:+.1f} KiB"
    print(f"    after the first tenth and at the end: resident {last_values}, {in_use}", flush=True)


def percent(share: float) -> str:
    return f"{100 * share:+.2f} %"


def verdict_of(met: bool, target: str) -> str:
    return f"(wanted <= {target}: {'met' if met else 'MISSED'})"


def machine() -> dict[str, Any]:
    from importlib.metadata import version

    return {
        "cpus": os.cpu_count(),
        "system": platform.platform(),
        "python": platform.python_version(),
        "torch": version("torch"),
        "load": os.getloadavg()[0],
    }


def main() -> int:
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=raw)
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--project", type=Path, metavar="DIR", help="a folder that gencpp wrote for libtorch")
    what.add_argument("--model", default="resnet18", help="what to generate (default: %(default)s)")
    parser.add_argument("--pairs", type=int, default=500, help="0: no times, no allocations")
    parser.add_argument("--loads", type=int, default=1000, help="0: none")
    parser.add_argument("--runs", type=int, default=10_000, help="0: none")
    parser.add_argument("--threads", type=int, default=1, help="for both sides; 0: LibTorch's choice")
    parser.add_argument("--full", action="store_true", help="all loads and runs for the project too")
    parser.add_argument("--no-small", action="store_true", help="without the small model")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every figure and sample")
    work = "keep what was generated and built there, and use it again (default: a temporary folder)"
    parser.add_argument("--work", type=Path, metavar="DIR", help=work)
    options = parser.parse_args()
    about = machine()
    share = 1 if options.full else 10
    results = []
    try:
        with tempfile.TemporaryDirectory() as temporary:
            folder = options.work or Path(temporary)
            folder.mkdir(parents=True, exist_ok=True)
            subjects = []
            print("generating and building ...", flush=True)
            project = options.project
            if project is None:
                arguments = ["--model", options.model, "--weights", "none"]
                project = generate(arguments, folder / "project")
            subjects.append(build(project, folder / "build-project", options.threads))
            if not options.no_small:
                small = generate(photo_arguments(folder), folder / "small")
                subjects.append(build(small, folder / "build-small", options.threads))
            print(" ".join(f"{key} {value}" for key, value in about.items()))
            for index, subject in enumerate(subjects):
                divisor = share if index == 0 else 1
                loads, runs = options.loads // divisor, options.runs // divisor
                results.append(measure(subject, options.pairs, loads, runs))
    except (Failure, GencppError) as failure:
        print(failure, file=sys.stderr)
        return 1
    if options.json:
        content = {"schema": 1, "machine": about, "subjects": results}
        options.json.write_text(json.dumps(content) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
