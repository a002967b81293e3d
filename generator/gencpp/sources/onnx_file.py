"""An .onnx file as a source: checked, its inputs read, and run by ONNX Runtime as the reference."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..core.errors import UsageError
from ..core.messages import last_line
from ..core.spec import Dim, DType, TensorSpec
from ..onnx.file import read_onnx, refuse_foreign_operators
from ..onnx.given import as_given
from ..onnx.graph import EXTERNAL_ABOVE, dims_of, opset_of, save
from ..onnx.runtime import OnnxRunner

_DTYPES = {
    1: DType.float32,
    2: DType.uint8,
    3: DType.int8,
    5: DType.int16,
    6: DType.int32,
    7: DType.int64,
    9: DType.bool_,
    10: DType.float16,
    11: DType.float64,
    16: DType.bfloat16,
}
"""onnx.TensorProto.DataType, which is fixed for all time."""

_CHANNELS = (1, 3, 4)
"""Of pictures."""
_SIDE, _LENGTH = 224, 16
"""Of a picture and of a sequence, in examples."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OnnxInput:
    """An input of a file: sizes, or a name where one varies ("?" when it has none)."""

    name: str
    dtype: DType
    dims: tuple[int | str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class OnnxFile:
    """A file that ONNX Runtime runs."""

    module: Any
    """nn.Module: tensors in, a dict of outputs by name out."""
    inputs: tuple[OnnxInput, ...]
    notes: tuple[str, ...] = ()


def load_onnx(path: Path) -> OnnxFile:
    """Checks and loads the file; raises UsageError for one that cannot be the reference."""
    model = read_onnx(path)
    refuse_foreign_operators(path, model)
    opset = opset_of(model)
    model = as_given(path, model)
    inputs = tuple(_input(path, v) for v in model.graph.input)
    if not inputs:
        raise UsageError(f"{path.name} has no inputs: it always gives the same answer")
    for value in model.graph.output:
        _dtype(path, "output", value)
    try:
        runner = OnnxRunner(path)
    except Exception as e:  # noqa: BLE001 - ONNX Runtime raises kinds of its own
        if opset_of(model) == opset or (converted := _runner_of(model)) is None:
            raise UsageError(
                f"{path.name}: ONNX Runtime cannot run it on the CPU: {last_line(e)}",
                hint="gencpp needs its answers as the reference; a newer onnxruntime may run it.",
            ) from None
        note = (
            f"ONNX Runtime does not run {path.name} in opset {opset} ({last_line(e)}): the answers are those"
            f" of the same graph in opset {opset_of(model)}."
        )
        return OnnxFile(module=_module(converted), inputs=inputs, notes=(note,))
    return OnnxFile(module=_module(runner), inputs=inputs)


def _runner_of(model: Any) -> OnnxRunner | None:
    """ONNX Runtime on a model that is in no file; None where it cannot run that either."""
    with tempfile.TemporaryDirectory(prefix="gencpp-") as folder:
        path = Path(folder) / "model.onnx"
        try:
            save(model, path, EXTERNAL_ABOVE)
            return OnnxRunner(path)
        except Exception:  # noqa: BLE001 - the file's own problem is the one to tell
            return None


def known_inputs(
    source: str, found: Sequence[OnnxInput], given: Sequence[TensorSpec]
) -> tuple[TensorSpec, ...]:
    """The inputs of a file with every size known: from the file, or from `--input`.

    A dimension that is called as the batch, and a first one without a name, start at 1; raises UsageError for
    others without `--input`, and for an `--input` that does not fit the file.
    """
    sizes = {t.name: t for t in given}
    problems = [f"there is no input {n}" for n in sizes if n not in {i.name for i in found}]
    unknown = []
    specs = []
    batch = _batch_name(found)
    for i in found:
        if i.name in sizes:
            spec = sizes[i.name]
            if not _fits(i, spec):
                problems.append(
                    f"{i.name} is {_told(i)}, not {'x'.join(map(str, spec.shape()))} {spec.dtype}"
                )
            specs.append(spec)
            continue
        dims = [1 if d == batch or (n == 0 and d == "?") else d for n, d in enumerate(i.dims)]
        fixed = [d for d in dims if isinstance(d, int)]
        if len(fixed) != len(dims):
            unknown.append(i)
            continue
        specs.append(TensorSpec(name=i.name, dtype=i.dtype, dims=tuple(map(Dim.fixed, fixed))))
    if problems:
        raise UsageError(
            f"--input does not fit {source}: {'; '.join(problems)}",
            hint="the file takes " + ", ".join(f"{i.name} {_told(i)}" for i in found) + ".",
        )
    if unknown:
        raise UsageError(
            f"{source}: sizes are not known of " + ", ".join(f"{i.name} ({_told(i)})" for i in unknown),
            hint="name them, such as " + " ".join(_example(i) for i in unknown),
        )
    return tuple(specs)


def _batch_name(found: Sequence[OnnxInput]) -> str:
    """What the batch is called, in whatever dimension it is; else the first input's first dimension."""
    names = [d for i in found for d in i.dims if isinstance(d, str)]
    leading = found[0].dims[0] if found and found[0].dims else ""
    called = next((n for n in names if "batch" in n.lower()), leading)
    return called if isinstance(called, str) and called != "?" else ""


def _module(runner: OnnxRunner) -> Any:
    import torch

    class OnnxModule(torch.nn.Module):
        def forward(self, *tensors: Any) -> dict[str, Any]:
            return runner(*tensors)

    return OnnxModule()


def _input(path: Path, value: Any) -> OnnxInput:
    dtype = _dtype(path, "input", value)
    dims = dims_of(value)
    if any(isinstance(d, int) and d < 1 for d in dims):
        raise UsageError(f"{path.name}: input {value.name} is empty ({'x'.join(map(str, dims))})")
    return OnnxInput(name=value.name, dtype=dtype, dims=tuple(dims))


def _dtype(path: Path, what: str, value: Any) -> DType:
    import onnx

    if not value.type.HasField("tensor_type"):
        raise UsageError(
            f"{path.name}: {what} {value.name} is not a tensor", hint="only tensors cross the C++ API."
        )
    kind = value.type.tensor_type.elem_type
    if kind not in _DTYPES:
        name = onnx.TensorProto.DataType.Name(kind).lower() if kind else "unknown"
        raise UsageError(
            f"{path.name}: {what} {value.name} has element type {name}, which gencpp does not carry",
            hint="supported: " + ", ".join(d.value for d in DType),
        )
    return _DTYPES[kind]


def _fits(found: OnnxInput, given: TensorSpec) -> bool:
    sizes = given.shape()
    return (
        given.dtype is found.dtype
        and len(sizes) == len(found.dims)
        and all(isinstance(d, str) or d == s for d, s in zip(found.dims, sizes, strict=True))
    )


def _told(i: OnnxInput) -> str:
    return f"{'x'.join(map(str, i.dims)) or 'a scalar'} {i.dtype}"


def _example(i: OnnxInput) -> str:
    sizes = "x".join(str(d if isinstance(d, int) else _size(d, n, i)) for n, d in enumerate(i.dims))
    return f"--input {i.name}:{sizes}:{i.dtype}"


def _size(name: str, index: int, i: OnnxInput) -> int:
    """For an example, the size of a dimension that is only named: a batch, a side of a picture, a length."""
    words = re.split(r"[^a-z]+", name.lower())
    if index == 0 or {"batch", "n", "b"} & set(words) or "batch" in name.lower():
        return 1
    sides: tuple[int, ...] = ()
    if len(i.dims) == 4:
        sides = (2, 3) if i.dims[1] in _CHANNELS else (1, 2) if i.dims[3] in _CHANNELS else ()
    if index in sides or {"height", "width", "h", "w"} & set(words):
        return _SIDE
    return _LENGTH
