"""C++ against Python: runs the built program on the goldens and compares its answers with NumPy.

It shares no code with the project's own tests, which may have been edited.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..core import jsonfile
from ..core.errors import UsageError
from ..core.spec import GoldenCase, ParityResult, ProjectSpec
from ..core.toolchain import Finished
from ..tasks import TASKS
from .comparison import NO_DEVICE, Comparison, compared, last_line, load_array


def compare(folder: Path, project: ProjectSpec, run: Callable[[list[str]], Finished]) -> Comparison:
    """Runs `build/<name>` on every golden case of the project in `folder`."""
    found = Comparison()
    results: list[ParityResult] = []
    scratch = folder / "verify" / "parity"
    scratch.mkdir(parents=True, exist_ok=True)
    for case in project.goldens.cases:
        results += _compare_case(folder, project, case, scratch, run, found)
        if found.no_device:
            break
    found.results = tuple(results)
    if not found.no_device and not results and not found.problems:
        found.problems.append("no golden case could be compared")
    return found


def _compare_case(
    folder: Path,
    project: ProjectSpec,
    case: GoldenCase,
    scratch: Path,
    run: Callable[[list[str]], Finished],
    found: Comparison,
) -> list[ParityResult]:
    goldens = folder / "assets" / "goldens"
    program = folder / "build" / (project.name + (".exe" if os.name == "nt" else ""))
    files = [scratch / f"{case.name}-{i}.npy" for i in range(len(case.outputs))]
    for file in files:
        file.unlink(missing_ok=True)
    fed = scratch / f"{case.name}-fed.npy"
    argv = [str(program), "--json"]
    for file in files:
        argv += ["--output", str(file)]
    if case.image:
        argv += ["--save-input", str(fed), str(goldens / case.image)]
    else:
        for name in case.inputs:
            argv += ["--input", str(goldens / name)]
    finished = run(argv)
    found.log += f"$ {' '.join(argv)}\n{finished.output}"
    if finished.code == NO_DEVICE:
        found.no_device = last_line(finished.output)
        return []
    if finished.code != 0:
        if case.image and "needs a build with" in finished.output:
            found.notes.append(f"{case.name} skipped: {finished.output.strip().splitlines()[-1]}")
        else:
            found.problems.append(f"{case.name}: {finished.output.strip() or f'exit code {finished.code}'}")
        return []

    results = []
    references = [load_array(goldens / output.file, found) for output in case.outputs]
    for output, file, theirs in zip(case.outputs, files, references, strict=True):
        ours = load_array(file, found)
        if ours is None or theirs is None:
            continue
        results.append(compared(case.name, output.name, ours, theirs, output.tolerance))
        found.log += f"{results[-1]}\n"
    if case.image:
        _compare_fed(case, load_array(fed, found), load_array(goldens / case.inputs[0], found), found)
    if case.answer:
        _compare_answer(project, case, finished.output, references, found)
    return results


def _compare_fed(case: GoldenCase, ours: Any, theirs: Any, found: Comparison) -> None:
    """The tensor that the model was fed has to be torchvision's, bit for bit."""
    if ours is None or theirs is None:
        return
    if ours.shape != theirs.shape:
        found.problems.append(f"{case.name}: the input has shape {ours.shape}, torchvision's {theirs.shape}")
        return
    different = int((ours.view("uint32") != theirs.view("uint32")).sum())
    if different:
        found.problems.append(
            f"{case.name}: {different} of {ours.size} input values differ from torchvision's"
        )
    else:
        found.notes.append(f"{case.name}: input equal to torchvision's, bit for bit")


def _compare_answer(
    project: ProjectSpec, case: GoldenCase, output: str, outputs: list[Any], found: Comparison
) -> None:
    """What the program printed, by the task's own comparison."""
    if any(t is None for t in outputs):
        return
    try:
        printed = jsonfile.loads(output[output.index("{\n") :], "what it printed")["results"][0]
    except (UsageError, ValueError, KeyError, IndexError, TypeError) as e:
        found.problems.append(f"{case.name}: no JSON from the program: {type(e).__name__}: {e}")
        return
    if problem := TASKS[project.model.task].difference(case, printed, outputs):
        found.problems.append(f"{case.name}: {problem}")
