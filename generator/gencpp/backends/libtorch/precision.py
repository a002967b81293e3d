"""A model that computes in float16 or bfloat16 behind float32 inputs and outputs, for LibTorch."""

from __future__ import annotations

import copy
import itertools
import linecache
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ...core import tolerances
from ...core.errors import CheckFailed
from ...core.loaded import LoadedModel
from ...core.messages import last_line
from ...core.precision import PRECISIONS
from ...core.spec import DType, ModelSpec, Precision
from ...tensors.compare import compared_with_eager
from ...tensors.fast_path import fast_path_off
from ...tensors.stimuli import seeded_inputs

_SEED = 11_003
_numbers = itertools.count()


def in_precision(loaded: LoadedModel, spec: ModelSpec, precision: Precision) -> LoadedModel:
    """`loaded`, its weights and arithmetic in `precision`; the given module stays as it is.

    Raises CheckFailed where the model cannot be run so, or answers otherwise than in float32.
    """
    if precision is Precision.fp32:
        return loaded
    inputs = seeded_inputs(spec.inputs, _SEED)
    hint = "use --precision fp32, or write the model so that it takes its types from its inputs."
    try:
        module = _bordered(loaded.module, spec, precision, inputs)
    except Exception as e:  # noqa: BLE001 - a model raises what it likes
        raise CheckFailed(
            f"{loaded.source_text} cannot be run in {precision}: {last_line(e)}", hint=hint
        ) from None
    made = replace(loaded, module=module, scripted=False, precision=precision, reference=loaded.module)
    problem, _ = compared_with_eager(module, loaded.module, inputs, tolerances.LIBTORCH[precision])
    if problem:
        wider = [p for p, row in PRECISIONS.items() if row.largest > PRECISIONS[precision].largest]
        others = " or ".join(str(p) for p in wider if p in tolerances.LIBTORCH)
        raise CheckFailed(
            f"{loaded.source_text} in {precision} is not the model any more: {problem}",
            hint=f"use --precision {others}: they reach further.",
        )
    return made


def _bordered(module: Any, spec: ModelSpec, precision: Precision, inputs: list[Any]) -> Any:
    """A copy of `module` in `precision`, in a module that casts float32 inputs and its outputs.

    The forward of that module is written as text, because TorchScript takes neither *args nor a function for
    outputs of any structure.
    """
    import torch

    dtype = getattr(torch, PRECISIONS[precision].torch)

    class InHalf(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = copy.deepcopy(module).to(dtype).eval()

    made = InHalf().eval()
    narrow = [t.dtype is DType.float32 for t in spec.inputs]
    given = [x.to(dtype) if n else x.clone() for x, n in zip(inputs, narrow, strict=True)]
    with torch.inference_mode(), fast_path_off():
        value = made.inner(*given)
    names = [f"x{i}" for i in range(len(inputs))]
    passed = ", ".join(f"{x}.to({dtype})" if n else x for x, n in zip(names, narrow, strict=True))
    leaves = [f"{path}.float()" if t.dtype is dtype else path for path, t in _leaves("r", value)]
    answer = leaves[0] if isinstance(value, torch.Tensor) else "(" + "".join(f"{x}, " for x in leaves) + ")"
    text = f"def forward(self, {', '.join(names)}):\n    r = self.inner({passed})\n    return {answer}\n"
    file = f"<gencpp {precision} {next(_numbers)}>"
    linecache.cache[file] = (len(text), None, text.splitlines(keepends=True), file)  # TorchScript reads it
    found: dict[str, Any] = {"__name__": __name__, "torch": torch}
    exec(compile(text, file, "exec"), found)
    InHalf.forward = found["forward"]
    return made


def _leaves(path: str, value: Any) -> list[tuple[str, Any]]:
    """(expression, tensor) of every tensor in a module's return value, as flatten_outputs walks."""
    import torch

    if isinstance(value, torch.Tensor):
        return [(path, value)]
    if isinstance(value, Mapping):
        return [leaf for key, item in value.items() for leaf in _leaves(f"{path}[{key!r}]", item)]
    if isinstance(value, list | tuple):
        return [leaf for i, item in enumerate(value) for leaf in _leaves(f"{path}[{i}]", item)]
    return []
