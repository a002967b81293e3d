"""Picture files to their five best classes: the generated program against Python, pictures a second.

    python tools/benchmarks/image_to_top5.py [--models a,b] [--sizes 500x375,4000x3000] [--threads 1,2]
                                             [--table docs/results/image-to-top5.md]

Every subject gets the same files in one start and tells each picture's answer as soon as it has it; the rate
is that from the first answer to the last, so that start-up and loading are not in it. Rounds are interleaved,
each in a process of its own, and another subject goes first in each. Subjects, all with as many threads:

  C++           the program of `gencpp new`, all files on its command line
  C++ fast      the same with --fast-jpeg: other pixels, so its answers are compared, not required
  eager         Pillow, torchvision's transforms, the eager model in inference_mode, picture after picture
  torchscript   the same with the project's own artifact
  eager apart   eager, with a thread pool: a picture a thread, one thread for each run

The pictures are synthetic JPEGs. Weights are random, initialised from data. The five classes of every picture
must be those of eager PyTorch before anything is timed (exit code 1 otherwise). Rates are not judged.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(ROOT / "generator"), str(ROOT / "tests" / "support")]

from provenance import write_page  # noqa: E402 - below the path

from gencpp.bench.build import build  # noqa: E402 - after the path
from gencpp.bench.machine import machine  # noqa: E402
from gencpp.bench.process import environment  # noqa: E402
from gencpp.bench.remake import remake  # noqa: E402
from gencpp.core.errors import GencppError  # noqa: E402
from gencpp.project import read_manifest  # noqa: E402

DISTINCT = 6  # pictures of a size; the files of a run go round them
WANTED = 2.0
SUBJECTS = ("C++", "C++ fast", "eager", "torchscript", "eager apart")
CLOSE = 1e-4  # of a probability: classes nearer than this may change places

Best = list[tuple[int, float]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """One side: its command for some threads and files, and how a line of its output reads."""

    name: str
    argv: Callable[[int], list[str]]
    read: Callable[[str], Best | None]


class Failure(Exception):
    """Something did not run, or answered otherwise."""


# Making -----------------------------------------------------------------------------------------------


def write_pictures(folder: Path, size: str) -> list[Path]:
    """JPEGs of smooth colours under noise, as large as photographs of their size."""
    import numpy as np
    from PIL import Image

    width, height = map(int, size.split("x"))
    files = []
    for seed in range(DISTINCT):
        file = folder / f"{size}-{seed}.jpg"
        files.append(file)
        if file.is_file():
            continue
        generator = np.random.default_rng(seed)
        x = np.linspace(0, 9, width, dtype=np.float32) + 3 * seed
        y = np.linspace(0, 7, height, dtype=np.float32)[:, None] * (1 + seed / 3)
        pixels = np.stack([(96 * np.sin(x * k + y) + 128).astype(np.uint8) for k in (1, 2, 3)], axis=-1)
        pixels += generator.integers(0, 24, pixels.shape, dtype=np.uint8)
        Image.fromarray(pixels).save(file, quality=90)
    return files


def make(name: str, work: Path) -> Path:
    """The project of a model, as gencpp writes it; one that is there is used again."""
    folder = work / name
    if not (folder / "gencpp.json").is_file():
        argv = [sys.executable, "-m", "gencpp", "new", "--model", name, "--weights", "none", str(folder)]
        done = subprocess.run(argv, capture_output=True, text=True, cwd=ROOT, check=False)
        if done.returncode != 0:
            raise Failure(f"{' '.join(argv)}\nexited with {done.returncode}:\n{done.stderr[-3000:]}")
    return folder


def subjects_of(folder: Path, scratch: Path, wanted: list[str]) -> list[Subject]:
    built = build(folder, lambda _: None)
    project = read_manifest(folder).project
    preprocess = project.model.preprocess
    if preprocess is None:
        raise Failure(f"{project.name} has no preprocessing")
    model, why = remake(project, ["eager"], scratch, ())["eager"]
    if model is None:
        raise Failure(why)
    artifact = folder / "assets" / project.artifact.file

    def program(*options: str) -> Callable[[int], list[str]]:
        return lambda threads: [str(built.program), "--threads", str(threads), *options]

    def python(file: Path, *, torchscript: bool = False, apart: bool = False) -> Callable[[int], list[str]]:
        def argv(threads: int) -> list[str]:
            job = scratch / f"{torchscript}-{apart}-{threads}.json"
            job.write_text(
                json.dumps(
                    {
                        "model": str(file),
                        "torchscript": torchscript,
                        "apart": apart,
                        "threads": threads,
                        "preprocess": preprocess.to_json(),
                    }
                ),
                encoding="utf-8",
            )
            return [sys.executable, str(HERE / "image_peer.py"), str(job)]

        return argv

    commands = {
        "C++": (program("--json", "--topk", "5"), from_program),
        "C++ fast": (program("--json", "--topk", "5", "--fast-jpeg"), from_program),
        "eager": (python(model), from_python),
        "torchscript": (python(artifact, torchscript=True), from_python),
        "eager apart": (python(model, apart=True), from_python),
    }
    return [Subject(name=n, argv=commands[n][0], read=commands[n][1]) for n in wanted]


def from_program(line: str) -> Best | None:
    """A picture's entry in the JSON object of the program, which has one line for each."""
    text = line.strip().rstrip(",")
    if not text.startswith('{"source"'):
        return None
    return [(entry["index"], entry["probability"]) for entry in json.loads(text)["top"]]


def from_python(line: str) -> Best | None:
    return [(index, probability) for index, probability in json.loads(line)]


# Measuring --------------------------------------------------------------------------------------------


def run(subject: Subject, threads: int, files: list[Path]) -> tuple[list[Best], float]:
    """The answers, and pictures a second from the first of them to the last."""
    argv = [*subject.argv(threads), *map(str, files)]
    answers, times = [], []
    with tempfile.TemporaryFile("w+") as errors:
        with subprocess.Popen(
            argv, stdout=subprocess.PIPE, stderr=errors, text=True, env=environment(threads)
        ) as process:
            assert process.stdout is not None
            for line in process.stdout:
                if (best := subject.read(line)) is not None:
                    times.append(time.perf_counter())
                    answers.append(best)
        errors.seek(0)
        said = errors.read()
    if process.returncode != 0 or len(answers) != len(files):
        raise Failure(
            f"{subject.name}: {len(answers)} of {len(files)} answers, "
            f"exit code {process.returncode}\n{said[-2000:]}"
        )
    return answers, (len(times) - 1) / (times[-1] - times[0])


def differing(ours: Best, theirs: Best) -> bool:
    """Whether the classes are others, beyond such as have next to one probability."""
    return any(a != b and abs(p - q) > CLOSE * max(p, q) for (a, p), (b, q) in zip(ours, theirs, strict=True))


def check(subjects: list[Subject], pictures: list[Path], threads: int) -> dict[str, int]:
    """How many pictures have another best class; all but the fast subject have to agree in all five."""
    answers = {s.name: run(s, threads, pictures)[0] for s in subjects}
    reference = answers["eager"]
    for name, found in answers.items():
        for picture, ours, theirs in zip(pictures, found, reference, strict=True):
            if name != "C++ fast" and differing(ours, theirs):
                raise Failure(f"{name} answers otherwise for {picture.name}: {ours}, eager {theirs}")
    return {n: sum(a[0][0] != b[0][0] for a, b in zip(v, reference, strict=True)) for n, v in answers.items()}


def measure(
    subjects: list[Subject], pictures: list[Path], threads: int, options: argparse.Namespace
) -> dict[str, Any]:
    others = check(subjects, pictures, threads)
    # As many files as one picture after the other takes the wanted seconds for.
    eager = next(s for s in subjects if s.name == "eager")
    rate = run(eager, threads, [*pictures, *pictures])[1]
    count = max(4 * DISTINCT, round(rate * options.seconds))
    rates: dict[str, list[float]] = {s.name: [] for s in subjects}
    for turn in range(options.rounds):
        for i in range(len(subjects)):
            subject = subjects[(turn + i) % len(subjects)]
            # A faster subject gets more files, so that all are measured for about as long.
            factor = rates[subject.name][0] / rate if rates[subject.name] else 1.0
            files = [pictures[k % DISTINCT] for k in range(max(count, round(count * factor)))]
            rates[subject.name].append(run(subject, threads, files)[1])
    return {"rates": rates, "other_best": others, "files": count}


# Printing ---------------------------------------------------------------------------------------------


def ratios(row: dict[str, Any], name: str, other: str) -> str:
    """Round by round, so that what the machine did in one hits both sides."""
    values = [a / b for a, b in zip(row["rates"][name], row["rates"][other], strict=True)]
    return f"{statistics.median(values):.2f} ({min(values):.2f} to {max(values):.2f})"


HEAD = ("model", "picture", "threads", *(f"{s} /s" for s in SUBJECTS), "C++ of eager", "fast of eager")


def cells(row: dict[str, Any], names: list[str]) -> list[str]:
    rates = [f"{statistics.median(row['rates'][n]):.1f}" if n in names else "" for n in SUBJECTS]
    of = [ratios(row, n, "eager") if n in names else "" for n in ("C++", "C++ fast")]
    return [row["model"], row["size"], str(row["threads"]), *rates, *of]


def table(rows: list[dict[str, Any]], options: argparse.Namespace, names: list[str]) -> str:
    about = machine()
    versions = ", ".join(f"{k} {v}" for k, v in about["versions"].items())
    fast = sum(r["other_best"].get("C++ fast", 0) for r in rows)
    lines = [
        "# From a picture's file to its five best classes",
        "",
        f"On {about['cores']} cores of {about['cpu']}",
        f"({versions}): synthetic JPEGs, random weights, {options.rounds} interleaved rounds, every subject",
        "in a process of its own with as many threads. Pictures a second from the first answer to the last:",
        "medians; ratios are those of the rounds, median and range. Above 1 the C++ program is faster.",
        "",
        "| " + " | ".join(HEAD) + " |",
        "|---|---|" + "--:|" * (1 + len(SUBJECTS)) + "---|---|",
    ]
    lines += ["| " + " | ".join(cells(r, names)) + " |" for r in rows]
    lines += [
        "",
        "All subjects but `C++ fast` give the five classes of eager PyTorch for every picture, which is",
        f"checked before anything is timed; `C++ fast` (`--fast-jpeg`) has another best class for {fast} of",
        f"{DISTINCT * len(rows)}. `eager apart` is Python with a thread pool: a picture a thread, one thread",
        "a run.",
        "",
    ]
    return "\n".join(lines)


def main() -> int:
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=raw)
    parser.add_argument("--models", default="mobilenet_v3_large,resnet18")
    parser.add_argument("--sizes", default="500x375,4000x3000", help="WIDTHxHEIGHT,...")
    parser.add_argument("--threads", default="2,1")
    parser.add_argument("--subjects", default=",".join(SUBJECTS), help="eager has to be among them")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=4.0, help="of each round and subject, about")
    parser.add_argument("--table", type=Path, help="markdown file to write")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every rate")
    parser.add_argument("--work", type=Path, default=Path(tempfile.gettempdir()) / "gencpp-image-figures")
    options = parser.parse_args()
    names = options.subjects.split(",")
    if unknown := sorted(set(names) - set(SUBJECTS)):
        parser.error(f"no subject is called {', '.join(unknown)}: there are {', '.join(SUBJECTS)}")
    if "eager" not in names:
        parser.error("eager has to be among the subjects: the others' answers are compared with its")
    options.work.mkdir(parents=True, exist_ok=True)
    rows: list[dict[str, Any]] = []
    print(f"{os.cpu_count()} cpus, load {os.getloadavg()[0]:.1f}; " + " | ".join(HEAD), flush=True)
    try:
        for model in options.models.split(","):
            scratch = options.work / f"{model}-python"
            scratch.mkdir(exist_ok=True)
            subjects = subjects_of(make(model, options.work), scratch, names)
            for size in options.sizes.split(","):
                pictures = write_pictures(options.work, size)
                for threads in map(int, options.threads.split(",")):
                    found = measure(subjects, pictures, threads, options)
                    rows.append({"model": model, "size": size, "threads": threads, **found})
                    print(" | ".join(cells(rows[-1], names)), flush=True)
                    if options.table:
                        write_page(options.table, table(rows, options, names))
    except (Failure, GencppError) as failure:
        print(failure, file=sys.stderr)
        return 1
    if options.json:
        options.json.write_text(json.dumps({"schema": 1, "machine": machine(), "rows": rows}) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
