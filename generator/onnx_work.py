"""What one run of an ONNX file costs: multiply-adds, bytes of weights, operators."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from .onnx_graph import describe_border, dims_of, infer_shapes, lift_constants, operator_counts, plain_graph
from .onnx_source import read_onnx
from .spec import Dim, TensorSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class OnnxWork:
    """Of one run at the opt sizes; operators in branches and loops are not multiplied."""

    multiply_adds: int
    """Of convolutions and matrix products whose sizes are known."""
    weight_elements: int
    weight_bytes: int
    operators: tuple[tuple[str, int], ...]


def onnx_work(path: Path, inputs: Sequence[TensorSpec], outputs: Sequence[TensorSpec]) -> OnnxWork:
    """Counts what the file does with inputs of their opt sizes."""
    model = plain_graph(read_onnx(path))
    lift_constants(model)
    graph = model.graph
    fixed = [_fixed(inputs), _fixed(outputs)]
    for value in graph.input:
        value.type.tensor_type.shape.ClearField("dim")
    del graph.value_info[:]
    for output in graph.output:
        output.type.tensor_type.ClearField("shape")
    describe_border(model, fixed[0], fixed[1])
    infer_shapes(model)
    dims = {v.name: dims_of(v) for v in (*graph.input, *graph.output, *graph.value_info)}
    dims |= {t.name: list(t.dims) for t in graph.initializer}
    floats = [t for t in graph.initializer if t.data_type in (1, 10, 11, 16)]
    return OnnxWork(
        multiply_adds=sum(_multiply_adds(n, dims) for n in graph.node),
        weight_elements=sum(math.prod(t.dims) for t in floats),
        weight_bytes=sum(len(t.raw_data) for t in floats),
        operators=operator_counts(model),
    )


def _fixed(tensors: Sequence[TensorSpec]) -> list[TensorSpec]:
    return [replace(t, dims=tuple(Dim.fixed(d.opt) for d in t.dims)) for t in tensors]


def _multiply_adds(node: Any, dims: dict[str, list[int | str]]) -> int:
    """Products of one node; 0 for other operators, and where sizes depend on values."""
    if node.op_type not in ("Conv", "ConvTranspose", "Gemm", "MatMul"):
        return 0
    a, b, y = (dims.get(n, ["?"]) for n in (node.input[0], node.input[1], node.output[0]))
    sizes = [d for d in (*a, *b, *y) if isinstance(d, int)]
    if len(sizes) != len(a) + len(b) + len(y):
        return 0
    known: list[list[int]] = [[int(d) for d in dims_] for dims_ in (a, b, y)]
    x, w, out = known
    if node.op_type == "Conv":  # w: out x in/groups x kernel
        return math.prod(out) * math.prod(w[1:])
    if node.op_type == "ConvTranspose":  # w: in x out/groups x kernel
        return math.prod(x) * math.prod(w[1:])
    if node.op_type == "Gemm":
        transposed = any(t.name == "transA" and t.i for t in node.attribute)
        return math.prod(out) * x[0 if transposed else 1]
    return math.prod(out) * x[-1]
