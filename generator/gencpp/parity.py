"""C++ against Python: runs the built program on the goldens and compares its answers with NumPy.

It shares no code with the project's own tests, which may have been edited.
"""

from __future__ import annotations

import importlib.util
import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import jsonfile
from .errors import UsageError
from .spec import GoldenCase, ParityResult, ProjectSpec
from .toolchain import Finished

if TYPE_CHECKING:
    from .network.plan import NetworkPlan

NETWORK_PLAN = "network.json"
"""The plan of a network that is C++, beside the manifest."""

NO_DEVICE = 3
"""Exit code of generated programs that find no GPU to run on."""


@dataclass
class Comparison:
    """What was found; `problems` are failures that are no numbers, `notes` what was not compared."""

    no_device: str = ""
    """What the program says is missing to run the model."""
    lacking: str = ""
    """What this Python lacks for the comparison."""
    results: tuple[ParityResult, ...] = ()
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    log: str = ""

    def problem(self) -> str:
        """Everything that did not hold; empty when all did."""
        wrong = [f"{r.case}/{r.output}: {_relative(r)}" for r in self.results if not r.passed]
        return "; ".join([*self.problems, *wrong])

    def summary(self) -> str:
        """How many outputs were compared, and the largest difference."""
        worst = max((r.max_rel_diff or 0.0 for r in self.results), default=0.0)
        text = f"{len(self.results)} outputs, largest relative difference {worst:.2g}"
        return "; ".join([text, *self.notes])


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


def compare_onnx(folder: Path, project: ProjectSpec) -> Comparison:
    """Runs the project's ONNX file in ONNX Runtime on every golden case."""
    found = Comparison()
    try:
        import onnxruntime
    except ImportError as e:
        found.lacking = f"onnxruntime cannot be imported: {e} To enable it: pip install onnxruntime."
        return found
    # Its optimisations rewrite the graph, so that another one would be compared; and with all of them
    # ONNX Runtime 1.31 crashes on some networks in float16 (vit_b_16).
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL

    def load() -> _Model:
        model = folder / "assets" / project.artifact.file
        session = onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
        return lambda feeds: dict(
            zip([o.name for o in session.get_outputs()], session.run(None, feeds), strict=True)
        )

    return _compare_model(folder, project, load, "ONNX Runtime", found)


def compare_plan(folder: Path, project: ProjectSpec) -> Comparison:
    """Computes the project's network plan with its weights, by PyTorch, on every golden case."""
    found = Comparison()
    if importlib.util.find_spec("torch") is None:
        found.lacking = "no Python package torch. To enable it: pip install torch."
        return found

    def load() -> _Model:
        from .network import interpreter, weights_file

        plan = network_plan(folder)
        weights = weights_file.read(folder / "assets" / project.artifact.file, plan.weights)
        return lambda feeds: interpreter.run(plan, weights, feeds)

    return _compare_model(folder, project, load, "the network plan", found)


def network_plan(folder: Path) -> NetworkPlan:
    """The plan of a project whose network is C++; raises UsageError when it is damaged."""
    from .network.plan import read_plan

    return read_plan(folder / NETWORK_PLAN)


_Model = Callable[[dict[str, Any]], Mapping[str, Any]]


def _compare_model(
    folder: Path, project: ProjectSpec, load: Callable[[], _Model], what: str, found: Comparison
) -> Comparison:
    """The goldens' outputs by what `load` gives, a function from inputs to outputs, both by name."""
    goldens = folder / "assets" / "goldens"
    results: list[ParityResult] = []
    try:
        model = load()
        for case in project.goldens.cases:
            inputs = [_load(goldens / file, found) for file in case.inputs]
            if any(value is None for value in inputs):
                continue
            names = [t.name for t in project.model.inputs]
            outputs = model(dict(zip(names, inputs, strict=True)))
            for output in case.outputs:
                theirs = _load(goldens / output.file, found)
                if theirs is not None:
                    ours = outputs[output.name]
                    results.append(difference(case.name, output.name, ours, theirs, output.tolerance))
                    found.log += f"{results[-1]}\n"
    except Exception as e:  # noqa: BLE001 - ONNX Runtime and PyTorch have no root of their exceptions
        found.problems.append(f"{what}: {' '.join(str(e).split())[:500]}")
    found.log += "".join(f"{p}\n" for p in found.problems)
    found.results = tuple(results)
    if not results and not found.problems:
        found.problems.append("no golden case could be compared")
    return found


def main(argv: Sequence[str]) -> int:
    """`compare_onnx` or `compare_plan` as a program: argv[1] is the job's file."""
    job = json.loads(Path(argv[1]).read_text(encoding="utf-8"))
    project = ProjectSpec.from_json(job["project"])
    compared = compare_plan if project.artifact.format == "network" else compare_onnx
    found = compared(Path(job["folder"]), project)
    results = [r.to_json() for r in found.results]
    told = {"results": results, "problems": found.problems, "lacking": found.lacking, "log": found.log}
    Path(job["result"]).write_text(json.dumps(told), encoding="utf-8")
    return 0


def last_line(output: str) -> str:
    """The last line that a program printed, without its name in front."""
    lines = output.strip().splitlines() or [""]
    return lines[-1].partition(": ")[2] or lines[-1]


def _relative(result: ParityResult) -> str:
    if result.max_rel_diff is None:
        return "another shape or type, or not finite"
    return f"relative difference {result.max_rel_diff:.2g}"


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
    for output, file in zip(case.outputs, files, strict=True):
        ours, theirs = _load(file, found), _load(goldens / output.file, found)
        if ours is None or theirs is None:
            continue
        results.append(difference(case.name, output.name, ours, theirs, output.tolerance))
        found.log += f"{results[-1]}\n"
    if case.image:
        _compare_fed(case, _load(fed, found), _load(goldens / case.inputs[0], found), found)
        _compare_top(case, finished.output, _load(goldens / case.outputs[0].file, found), found)
    return results


def difference(case: str, output: str, ours: Any, theirs: Any, tolerance: float) -> ParityResult:
    """Of two arrays, relative to the largest value of `theirs`."""
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


def _compare_top(case: GoldenCase, output: str, logits: Any, found: Comparison) -> None:
    """The best classes in Python's order; those whose reference logits lie within two tolerances of each
    other may change places."""
    import numpy as np

    if not case.topk or logits is None:
        return
    try:
        told = jsonfile.loads(output[output.index("{\n") :], "what it printed")
        ours = [int(entry["index"]) for entry in told["results"][0]["top"][: len(case.topk)]]
    except (UsageError, ValueError, KeyError, IndexError, TypeError) as e:
        found.problems.append(f"{case.name}: no JSON from the program: {type(e).__name__}: {e}")
        return
    theirs = [index for index, _ in case.topk]
    near = 2 * case.outputs[0].tolerance * float(np.abs(logits).max())
    known = range(logits.shape[1])
    if len(ours) != len(theirs) or not all(
        a in known and abs(float(logits[0, a]) - float(logits[0, b])) <= near
        for a, b in zip(ours, theirs, strict=True)
    ):
        found.problems.append(f"{case.name}: best classes {ours}, Python's {theirs}")


def _load(file: Path, found: Comparison) -> Any:
    import numpy as np

    try:
        return np.load(file, allow_pickle=False)
    except (OSError, ValueError, EOFError, MemoryError) as e:
        found.problems.append(f"cannot read {file.name}: {type(e).__name__}: {e}")
        return None


if __name__ == "__main__":
    sys.exit(main(sys.argv))
