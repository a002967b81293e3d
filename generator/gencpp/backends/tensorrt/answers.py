"""The goldens by what TensorRT is given: its ONNX file in ONNX Runtime, its plan in PyTorch.

`python -m gencpp.backends.tensorrt.answers JOB.json` writes one JSON object to the file that the job names.
"""

from __future__ import annotations

import importlib.util
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...core.spec import ParityResult, ProjectSpec
from ...onnx.runtime import session
from ...verification.comparison import Comparison, compared, load_array
from .spec import EngineSpec

if TYPE_CHECKING:
    from ...network.plan import NetworkPlan


NETWORK_PLAN = "network.json"
"""The plan of a network that is C++, beside the manifest."""


def compare_onnx(folder: Path, project: ProjectSpec) -> Comparison:
    """Runs the project's ONNX file in ONNX Runtime on every golden case."""
    found = Comparison()
    for package in ("onnx", "onnxruntime"):
        try:
            __import__(package)
        except ImportError as e:
            found.lacking = f"{package} cannot be imported: {e} To enable it: pip install {package}."
            return found

    def load() -> _Model:
        precision = EngineSpec.of(project).precision
        by_onnxruntime = session(folder / "assets" / project.artifact.file, precision)
        names = [o.name for o in by_onnxruntime.get_outputs()]
        return lambda feeds: dict(zip(names, by_onnxruntime.run(None, feeds), strict=True))

    return _compare_model(folder, project, load, "ONNX Runtime", found)


def compare_plan(folder: Path, project: ProjectSpec) -> Comparison:
    """Computes the project's network plan with its weights, by PyTorch, on every golden case."""
    found = Comparison()
    if importlib.util.find_spec("torch") is None:
        found.lacking = "no Python package torch. To enable it: pip install torch."
        return found

    def load() -> _Model:
        from ...network import weights_file
        from ...network.interpret import interpreter

        plan = network_plan(folder)
        weights = weights_file.read(folder / "assets" / project.artifact.file, plan.weights)
        return lambda feeds: interpreter.run(plan, weights, feeds)

    return _compare_model(folder, project, load, "the network plan", found)


def network_plan(folder: Path) -> NetworkPlan:
    """The plan of a project whose network is C++; raises UsageError when it is damaged."""
    from ...network.plan import read_plan

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
            inputs = [load_array(goldens / file, found) for file in case.inputs]
            if any(value is None for value in inputs):
                continue
            names = [t.name for t in project.model.inputs]
            outputs = model(dict(zip(names, inputs, strict=True)))
            for output in case.outputs:
                theirs = load_array(goldens / output.file, found)
                if theirs is not None:
                    ours = outputs[output.name]
                    results.append(compared(case.name, output.name, ours, theirs, output.tolerance))
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


if __name__ == "__main__":
    sys.exit(main(sys.argv))
