"""From a program's start to its first answer, and its peak memory, against a bare LibTorch program.

    python tools/benchmarks/start.py [--models a,b] [--starts 10] [--threads 2]
         [--table docs/results/start.md]

Each start is a process of its own, timed from exec to the first byte of its answer; all files are in the page
cache (a first round is not counted). Rounds are interleaved. Subjects:

  C++         the generated program with one JPEG: load, checks, warm-up, decode, preprocess, run, classes
  C++ CPU     the same, built with <NAME>_CUDA=OFF: no library of CUDA is loaded
  bare        tools/benchmarks/start: the same artifact and fusion, torch::jit::load and three forwards on
              zeros, as many as the program makes with a fused artifact, whose first answer has the bits
              of all later ones; linked with all of LibTorch
  bare CPU    the same, linked with what the CPU needs
  bare CPU 1  the same with a single forward, before which nothing is fused

Weights are random. Nothing is judged; run it on an idle machine.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import textwrap
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(ROOT / "generator"), str(ROOT / "tests" / "support")]

from building import cmake, cmake_arguments  # noqa: E402 - beside conftest.py, which is no package
from image_to_top5 import Failure, make, write_pictures  # noqa: E402 - beside this file
from provenance import write_page  # noqa: E402 - below the path

from gencpp.backends.libtorch.spec import LibTorchSpec  # noqa: E402
from gencpp.bench.machine import machine  # noqa: E402
from gencpp.bench.process import Ran, environment, spawn  # noqa: E402
from gencpp.project import read_manifest  # noqa: E402

BARE_OF = {"C++": "bare", "C++ CPU": "bare CPU"}
RUNS = 3
STEPS = ("libraries", "torch::jit::load", "first run", "two more runs")


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """One start of one subject."""

    seconds: float
    peak_bytes: int
    steps: tuple[float, ...] = ()
    """Of a bare program: before main(), loading, the first forward, the others."""


def built(folder: Path, where: Path, *arguments: str, target: str = "all") -> Path:
    """Configures and builds with CMake; the build folder."""
    for argv in (
        (
            "-G",
            "Ninja",
            "-S",
            folder,
            "-B",
            where,
            "-DCMAKE_BUILD_TYPE=Release",
            *arguments,
            *cmake_arguments(),
        ),
        ("--build", where, "--target", target),
    ):
        done = cmake(*argv)
        if done.returncode != 0:
            raise Failure(f"cmake {' '.join(map(str, argv))}\n{(done.stdout + done.stderr)[-4000:]}")
    return where


def commands(model: str, work: Path, threads: int) -> dict[str, list[str]]:
    """The command of each subject."""
    folder = make(model, work)
    project = read_manifest(folder).project
    facts = LibTorchSpec.of(project)
    if project.artifact.format != "torchscript":
        raise Failure(
            f"{model}: the bare program loads TorchScript, the artifact is {project.artifact.format}"
        )
    upper = project.name.upper()
    lean = [f"-D{upper}_BUILD_{part}=OFF" for part in ("BENCH", "TESTS")]
    everything = built(folder, work / f"{model}-all", *lean, target=project.name)
    cpu = built(folder, work / f"{model}-cpu", *lean, f"-D{upper}_CUDA=OFF", target=project.name)
    bare = built(HERE / "start", work / "bare", f"-DSUBJECT={folder}")
    picture = write_pictures(work, "500x375")[0]
    artifact = folder / "assets" / project.artifact.file
    sizes = "x".join(map(str, project.model.inputs[0].shape(1)))
    program = ["--threads", str(threads), str(picture)]

    def bare_command(name: str, runs: int) -> list[str]:
        switches = [str(int(facts.fusion)), str(int(facts.channels_last))]
        return [str(bare / name), str(artifact), str(threads), *switches, str(runs), sizes]

    return {
        "C++": [str(everything / project.name), *program],
        "C++ CPU": [str(cpu / project.name), *program],
        "bare": bare_command("bare_all", RUNS),
        "bare CPU": bare_command("bare_cpu", RUNS),
        "bare CPU 1": bare_command("bare_cpu", 1),
    }


def start(name: str, argv: list[str], threads: int) -> Start:
    ran = spawn(argv, environment(threads), timeout=600)
    if ran.code != 0 or ran.first_output_s is None or ran.peak_bytes is None:
        raise Failure(f"{name}: {' '.join(argv)}\nexited with {ran.code}: {ran.problem()}")
    return Start(seconds=ran.first_output_s, peak_bytes=ran.peak_bytes, steps=steps_of(ran))


def steps_of(ran: Ran) -> tuple[float, ...]:
    assert ran.first_output_s is not None
    told = [(line.split()[0], float(line.split()[1])) for line in ran.errors.splitlines() if is_step(line)]
    if not told or told[-1][0] != "answered":
        return ()
    loaded = told[0][1]
    runs = [seconds for step, seconds in told if step == "run"]
    return (ran.first_output_s - told[-1][1], loaded, runs[0] - loaded, runs[-1] - runs[0])


def is_step(line: str) -> bool:
    return line.startswith(("loaded ", "run ", "answered "))


def measure(model: str, options: argparse.Namespace) -> dict[str, list[Start]]:
    of = commands(model, options.work, options.threads)
    found: dict[str, list[Start]] = {name: [] for name in of}
    for turn in range(-1, options.starts):  # the first round brings the files into the page cache
        names = list(of)
        for i in range(len(names)):
            name = names[(turn + i) % len(names)]
            sample = start(name, of[name], options.threads)
            if turn >= 0:
                found[name].append(sample)
    return found


# Printing ---------------------------------------------------------------------------------------------


def seconds(samples: list[Start]) -> str:
    values = [s.seconds for s in samples]
    return f"{statistics.median(values):.3f} ({min(values):.3f} to {max(values):.3f})"


def mebibytes(samples: list[Start]) -> float:
    return statistics.median(s.peak_bytes for s in samples) / 2**20


HEAD = ("model", "subject", "first answer, s", "peak MiB", "of its bare")


def rows(model: str, found: dict[str, list[Start]]) -> list[tuple[str, ...]]:
    made = []
    for name, samples in found.items():
        bare = BARE_OF.get(name)
        ratio = f"{mebibytes(samples) / mebibytes(found[bare]):.2f}" if bare else ""
        made.append((model, name, seconds(samples), f"{mebibytes(samples):.0f}", ratio))
    return made


def step_row(model: str, found: dict[str, list[Start]]) -> tuple[str, ...]:
    medians = [statistics.median(s.steps[i] for s in found["bare CPU"]) for i in range(len(STEPS))]
    extra = statistics.median(s.steps[0] for s in found["bare"]) - medians[0]
    return (model, *(f"{m:.3f}" for m in medians), f"{extra:.3f}")


def markdown(head: tuple[str, ...], lines: list[tuple[str, ...]]) -> list[str]:
    rule = "|" + "---|" * len(head)
    return ["| " + " | ".join(head) + " |", rule, *("| " + " | ".join(line) + " |" for line in lines)]


def table(results: dict[str, dict[str, list[Start]]], options: argparse.Namespace) -> str:
    about = machine()
    versions = ", ".join(f"{k} {v}" for k, v in about["versions"].items() if k == "torch")
    steps = [step_row(model, found) for model, found in results.items()]
    made = (
        f"On {about['cores']} cores of {about['cpu']} "
        f"({versions}): {options.threads} threads, batch 1, medians of {options.starts} interleaved starts "
        f"and their range, every file in the page cache."
    )
    told = (
        "`C++ CPU` is built with `-D<NAME>_CUDA=OFF`. `bare` loads the same artifact with the same fusion "
        f"and runs {RUNS} times on zeros, without a picture or checks: as often as the generated program "
        "does, whose first answer has the bits of all later ones. Where the time of `bare CPU` goes, in "
        "seconds, and what the CUDA libraries of `bare` add before main():"
    )
    lines = [
        "# From start to the first answer",
        "",
        *textwrap.wrap(made, 110),
        "",
        *markdown(HEAD, [row for model, found in results.items() for row in rows(model, found)]),
        "",
        *textwrap.wrap(told, 110),
        "",
        *markdown(("model", *STEPS, "CUDA libraries"), steps),
        "",
    ]
    return "\n".join(lines)


def main() -> int:
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=raw)
    parser.add_argument("--models", default="resnet18,mobilenet_v3_large,resnet50")
    parser.add_argument("--starts", type=int, default=10)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--table", type=Path, help="markdown file to write")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every start")
    parser.add_argument("--work", type=Path, default=Path(tempfile.gettempdir()) / "gencpp-start-figures")
    options = parser.parse_args()
    options.work = options.work.resolve()
    options.work.mkdir(parents=True, exist_ok=True)
    results: dict[str, dict[str, list[Start]]] = {}
    print(f"{os.cpu_count()} cpus, load {os.getloadavg()[0]:.1f}; " + " | ".join(HEAD), flush=True)
    try:
        for model in options.models.split(","):
            results[model] = measure(model, options)
            for row in rows(model, results[model]):
                print(" | ".join(row), flush=True)
            print(
                "  ",
                ", ".join(
                    map(
                        ": ".join,
                        zip((*STEPS, "CUDA libraries"), step_row(model, results[model])[1:], strict=True),
                    )
                ),
            )
            if options.table:
                write_page(options.table, table(results, options))
    except Failure as failure:
        print(failure, file=sys.stderr)
        return 1
    if options.json:
        told: dict[str, Any] = {
            model: {
                name: [[s.seconds, s.peak_bytes, *s.steps] for s in samples]
                for name, samples in found.items()
            }
            for model, found in results.items()
        }
        options.json.write_text(json.dumps({"schema": 1, "machine": machine(), "starts": told}) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
