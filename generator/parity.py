"""C++ against Python: runs the built program on the goldens and compares its answers with NumPy.

It shares no code with the project's own tests, which may have been edited.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .spec import GoldenCase, ParityResult, ProjectSpec
from .toolchain import Finished


@dataclass
class Comparison:
    """What was found; `problems` are failures that are no numbers, `notes` what was not compared."""

    results: tuple[ParityResult, ...] = ()
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    log: str = ""


def compare(folder: Path, project: ProjectSpec, run: Callable[[list[str]], Finished]) -> Comparison:
    """Runs `build/<name>` on every golden case of the project in `folder`."""
    found = Comparison()
    results: list[ParityResult] = []
    scratch = folder / "verify" / "parity"
    scratch.mkdir(parents=True, exist_ok=True)
    for case in project.goldens.cases:
        results += _compare_case(folder, project, case, scratch, run, found)
    found.results = tuple(results)
    if not results and not found.problems:
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
    if finished.code != 0:
        if case.image and "needs a build with" in finished.output:
            found.notes.append(f"{case.name} skipped: {finished.output.strip().splitlines()[-1]}")
        else:
            found.problems.append(f"{case.name}: {finished.output.strip() or f'exit code {finished.code}'}")
        return []

    results = []
    for output, file in zip(case.outputs, files, strict=True):
        ours, theirs = _load(file, found), _load(goldens / output.file, found)
        if ours is None or theirs is None:
            continue
        results.append(_difference(case.name, output.name, ours, theirs, output.tolerance))
        found.log += f"{results[-1]}\n"
    if case.image:
        _compare_fed(case, _load(fed, found), _load(goldens / case.inputs[0], found), found)
        _compare_top(case, finished.output, found)
    return results


def _difference(case: str, output: str, ours: Any, theirs: Any, tolerance: float) -> ParityResult:
    import numpy as np

    largest: float | None
    relative: float | None
    if ours.shape != theirs.shape or ours.dtype != theirs.dtype or not np.isfinite(ours.astype(float)).all():
        largest = relative = None
    else:
        largest = float(np.abs(ours.astype(np.float64) - theirs.astype(np.float64)).max(initial=0.0))
        scale = float(np.abs(theirs.astype(np.float64)).max(initial=0.0))
        relative = largest / scale if scale > 0 else (0.0 if largest == 0 else None)
    return ParityResult(
        case=case,
        output=output,
        max_abs_diff=largest,
        max_rel_diff=relative,
        tolerance=tolerance,
        passed=relative is not None and relative <= tolerance,
    )


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


def _compare_top(case: GoldenCase, output: str, found: Comparison) -> None:
    if not case.topk:
        return
    try:
        top = json.loads(output[output.index("{\n") :])["results"][0]["top"]
    except (ValueError, KeyError, IndexError) as e:
        found.problems.append(f"{case.name}: no JSON from the program: {type(e).__name__}: {e}")
        return
    ours = [entry["index"] for entry in top[: len(case.topk)]]
    theirs = [index for index, _ in case.topk]
    if ours != theirs:
        found.problems.append(f"{case.name}: best classes {ours}, Python's {theirs}")


def _load(file: Path, found: Comparison) -> Any:
    import numpy as np

    try:
        return np.load(file, allow_pickle=False)
    except (OSError, ValueError) as e:
        found.problems.append(f"cannot read {file.name}: {e}")
        return None
