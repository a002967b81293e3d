"""Runs an ONNX file with ONNX Runtime on the CPU, and compares its answers with a PyTorch module's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..core import tolerances
from ..core.messages import last_line
from ..core.spec import Precision
from ..core.words import counted
from ..tensors.compare import compared_outputs
from ..tensors.module import run_module
from .rounded import has_bfloat16, rounded


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """How an ONNX file's answers compare; `problem` is empty when they are the model's."""

    problem: str = ""
    worst: float = 0.0
    """Largest relative difference."""


def session(path: Path, precision: Precision = Precision.fp32) -> Any:
    """An InferenceSession that runs the file operator by operator; what is in bfloat16 as rounded.py says.

    `precision` is what the file was written in: one in bfloat16 is read and rewritten, any other is read only
    where ONNX Runtime refuses it, for then it may be a user's own with bfloat16 inside.

    ONNX Runtime's own optimisations are off: they fuse operators and take casts out, so that what is
    compared would be its rewriting instead of the file that TensorRT reads. (With all of them ONNX Runtime
    1.31 crashes on some networks in float16, such as vit_b_16.)
    """
    if precision is Precision.bf16:
        return _without_bfloat16(path) or _session(str(path), None)
    try:
        return _session(str(path), None)
    except Exception:
        if (found := _without_bfloat16(path)) is not None:
            return found
        raise


def _without_bfloat16(path: Path) -> Any:
    """A session for the file with bfloat16 computed in float32; None where it has none."""
    import onnx

    model = onnx.load(str(path), load_external_data=False)
    if not has_bfloat16(model):
        return None
    rounded(model)
    return _session(model.SerializeToString(), path.resolve().parent)


def _session(given: str | bytes, weights: Path | None) -> Any:
    """Of a file's path, or of a model's bytes whose weights may lie in files of the folder `weights`."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 4  # it raises what matters
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # others need the processor
    if weights is not None:
        where = "session.model_external_initializers_file_folder_path"
        options.add_session_config_entry(where, str(weights))
    return onnxruntime.InferenceSession(given, options, providers=["CPUExecutionProvider"])


class OnnxRunner:
    """An ONNX file as a function, by ONNX Runtime."""

    def __init__(self, path: Path, precision: Precision = Precision.fp32) -> None:
        self._session = session(path, precision)
        self._inputs = [i.name for i in self._session.get_inputs()]
        self._outputs = [o.name for o in self._session.get_outputs()]

    def __call__(self, *tensors: Any) -> dict[str, Any]:
        """Outputs by name, in the file's order, for the inputs in the file's order."""
        import torch

        if len(tensors) != len(self._inputs):
            raise TypeError(f"takes {counted(len(self._inputs), 'input')}, not {len(tensors)}")
        feeds = {n: t.detach().contiguous().numpy() for n, t in zip(self._inputs, tensors, strict=True)}
        found = self._session.run(self._outputs, feeds)
        return {n: torch.from_numpy(a) for n, a in zip(self._outputs, found, strict=True)}


def compare(runner: Any, eager: Any, inputs: Sequence[Any], precision: Precision) -> Compared:
    """`runner`'s outputs against `eager`'s, in number, shape, element type and value."""
    return compare_answers(runner, run_module(eager, inputs), inputs, precision)


def compare_answers(
    runner: Any, reference: Sequence[tuple[str, Any]], inputs: Sequence[Any], precision: Precision
) -> Compared:
    """The same with outputs of the eager module that are there already."""
    try:
        found = run_module(runner, inputs)
    except Exception as e:  # noqa: BLE001 - ONNX Runtime raises kinds of its own
        return Compared(problem=f"it fails: {last_line(e)}")
    problem, worst = compared_outputs(
        reference,
        found,
        tolerances.ONNX[precision],
        "eager gives",
        wrong_integers=tolerances.ONNX_INTEGERS[precision],
    )
    return Compared(problem=problem, worst=worst)


def overflowing(path: Path, inputs: Sequence[Any], precision: Precision) -> list[str]:
    """Names of the nodes whose result is the first to be infinite or no number, for these inputs."""
    import onnx
    import torch

    model = onnx.load(str(path), load_external_data=False)
    graph = model.graph
    floats = (onnx.TensorProto.FLOAT, onnx.TensorProto.FLOAT16, onnx.TensorProto.BFLOAT16)
    seen = {o.name for o in graph.output}
    graph.output.extend(
        v for v in graph.value_info if v.type.tensor_type.elem_type in floats and v.name not in seen
    )
    probe = path.with_name("probe.onnx")  # beside it, where its weights are
    try:
        probe.write_bytes(model.SerializeToString())
        runner = OnnxRunner(probe, precision)
        found = runner(*inputs)
    finally:
        probe.unlink(missing_ok=True)
    bad = {n for n, t in found.items() if t.is_floating_point() and not torch.isfinite(t).all()}
    return [n.name for n in graph.node if bad & set(n.output) and not bad & set(n.input)]
