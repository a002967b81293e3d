"""Part 4: compute-sanitizer's memcheck on one program of each backend."""

from __future__ import annotations

import re
import shutil
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from .clock import Clock, Log
from .part_tensorrt import tactics
from .projects import Made, Setup
from .results import FAILED, PASSED, SKIPPED, Part
from .steps import guarded

TITLE = "compute-sanitizer"
_PLACES = ("/usr/local/cuda/bin", "/usr/local/cuda/compute-sanitizer")
_ERROR = 86
"""Exit code that the tool is told to have when it found something."""
_UNABLE = r"Device not supported|Failed to initialize|not supported on this"
_SMALLEST = ("photo", "mobilenet_v3_small", "resnet18", "resnet50", "vit_b_16")


def find() -> Path | None:
    """The program, on the PATH or in a toolkit."""
    found = shutil.which("compute-sanitizer") or shutil.which("compute-sanitizer", path=":".join(_PLACES))
    return Path(found) if found else None


def run(part: Part, setup: Setup, clock: Clock, log: Log, made: Sequence[Made], root: Path | None) -> None:
    """Fills `part`; `made`: what the earlier parts built."""
    tool = find()
    if setup.device != "cuda":
        part.add("memcheck", SKIPPED, "there is no NVIDIA GPU")
        return
    if tool is None:
        part.add("memcheck", SKIPPED, "compute-sanitizer is not installed: it is part of the CUDA toolkit")
        return
    for backend in ("libtorch", "tensorrt"):
        mine = [m for m in made if m.wanted.backend == backend and not m.wanted.artifact]
        if not mine:
            part.add(f"memcheck, {backend}", SKIPPED, "no project of it was built in this run")
            continue
        one = min(mine, key=lambda m: (_SMALLEST.index(m.wanted.model), m.wanted.precision))
        flags = ("--device", "cuda") if backend == "libtorch" else tactics(one, root) if root else ()
        guarded(part, f"memcheck, {backend}", partial(_memcheck, part, setup, clock, log, tool, one, flags))


def _memcheck(
    part: Part, setup: Setup, clock: Clock, log: Log, tool: Path, made: Made, flags: Sequence[str]
) -> None:
    """One answer to the first golden's inputs; several runs of the model are in it, captured ones too."""
    case = next(c for c in made.project.goldens.cases if not c.image)
    argv: list[str | Path] = [
        tool,
        "--tool",
        "memcheck",
        "--error-exitcode",
        str(_ERROR),
        "--print-limit",
        "20",
        # Libraries ask the driver for what it may not have, and deal with its answer.
        "--report-api-errors",
        "no",
    ]
    argv += [made.program, *flags]
    for file in case.inputs:
        argv += ["--input", made.folder / "assets" / "goldens" / file]
    ran = clock.run(argv, log, limit=180, env=setup.environment())
    name = f"memcheck, {made.wanted.backend}, {made.wanted.key}"
    summary = next((x for x in ran.output.splitlines() if "ERROR SUMMARY" in x), "").lstrip("= ")
    first = _first(ran.output)
    if first or re.search(r"ERROR SUMMARY: [1-9]", summary):  # whatever else the program ended with
        said = "; the first: ".join(filter(None, [summary, first])) if summary else f"before its end: {first}"
        part.add(name, FAILED, said, ran.seconds)
    elif ran.code == 0 and summary:
        part.add(name, PASSED, summary, ran.seconds)
    elif not summary and (unable := re.search(_UNABLE, ran.output)):
        part.add(name, SKIPPED, f"the tool cannot work here: {unable.group()}", ran.seconds)
    elif ran.code == 124:
        part.add(name, SKIPPED, f"stopped after {ran.seconds:.0f} s", ran.seconds)
    else:
        part.add(name, FAILED, f"exit code {ran.code}: {ran.problem()}", ran.seconds)


def _first(output: str) -> str:
    """What the tool said of the first error, and where it was; empty: it found none."""
    lines = [x.lstrip("= ").strip() for x in output.splitlines() if x.startswith("=========")]
    at = next((i for i, x in enumerate(lines) if re.match(r"(Invalid|Misaligned|Out-of-)", x)), None)
    return "" if at is None else " ".join(lines[at : at + 2])
