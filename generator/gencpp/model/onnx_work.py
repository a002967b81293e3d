"""What one run of an ONNX file costs: multiply-adds, bytes of weights, operators."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..core.spec import Dim, TensorSpec
from ..onnx.given import read_given
from ..onnx.graph import describe_border, dims_of, infer_shapes, lift_constants, operator_counts

_FLOATS = {1: 4, 10: 2, 11: 8, 16: 2}
"""Bytes of an element, by onnx.TensorProto.DataType."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OnnxWork:
    """Of one run at the opt sizes; operators in branches and loops are not multiplied."""

    multiply_adds: int | None
    """Of convolutions, matrix products and recurrent layers whose sizes are known; None: not countable."""
    weight_elements: int
    weight_bytes: int
    operators: tuple[tuple[str, int], ...]


def onnx_work(path: Path, inputs: Sequence[TensorSpec], outputs: Sequence[TensorSpec]) -> OnnxWork:
    """Counts what the file does with inputs of their opt sizes. Its figures decide nothing."""
    model = read_given(path)
    lift_constants(model)
    floats = [t for t in model.graph.initializer if t.data_type in _FLOATS]
    operators = operator_counts(model)
    try:
        multiply_adds = _all_multiply_adds(model, _fixed(inputs), _fixed(outputs))
    except Exception:  # noqa: BLE001 - shape inference raises several kinds, and operators have many forms
        multiply_adds = None
    return OnnxWork(
        multiply_adds=multiply_adds,
        weight_elements=sum(math.prod(t.dims) for t in floats),
        weight_bytes=sum(math.prod(t.dims) * _FLOATS[t.data_type] for t in floats),
        operators=operators,
    )


def _all_multiply_adds(model: Any, inputs: Sequence[TensorSpec], outputs: Sequence[TensorSpec]) -> int:
    graph = model.graph
    for value in graph.input:
        value.type.tensor_type.shape.ClearField("dim")
    del graph.value_info[:]
    for output in graph.output:
        output.type.tensor_type.ClearField("shape")
    describe_border(model, inputs, outputs)
    infer_shapes(model)
    dims = {v.name: dims_of(v) for v in (*graph.input, *graph.output, *graph.value_info)}
    dims |= {t.name: list(t.dims) for t in graph.initializer}
    return sum(_multiply_adds(n, dims) for n in graph.node)


def _fixed(tensors: Sequence[TensorSpec]) -> list[TensorSpec]:
    return [replace(t, dims=tuple(d if d.of_values else Dim.fixed(d.opt) for d in t.dims)) for t in tensors]


def _multiply_adds(node: Any, dims: dict[str, list[int | str]]) -> int:
    """Products of one node; 0 for other operators, and where sizes depend on values."""
    if node.op_type not in _COUNTED:
        return 0
    shapes = [dims.get(name, [0]) for name in (*node.input, node.output[0]) if name]
    known = [[d if isinstance(d, int) else 0 for d in shape] for shape in shapes]  # a product with it is 0
    return _COUNTED[node.op_type](node, known[:-1], known[-1])


_Sizes = list[int]


def _conv(_: Any, inputs: list[_Sizes], out: _Sizes) -> int:
    return math.prod(out) * math.prod(inputs[1][1:])  # weight: out x in/groups x kernel


def _transposed_conv(_: Any, inputs: list[_Sizes], __: _Sizes) -> int:
    return math.prod(inputs[0]) * math.prod(inputs[1][1:])  # weight: in x out/groups x kernel


def _gemm(node: Any, inputs: list[_Sizes], out: _Sizes) -> int:
    transposed = any(t.name == "transA" and t.i for t in node.attribute)
    return math.prod(out) * inputs[0][0 if transposed else 1]


def _matmul(_: Any, inputs: list[_Sizes], out: _Sizes) -> int:
    return math.prod(out) * inputs[0][-1]


def _recurrent(_: Any, inputs: list[_Sizes], __: _Sizes) -> int:
    """x: steps x sequences x width (or the first two exchanged); weights: directions x gates x width."""
    x, of_input, of_hidden = inputs[:3]
    return math.prod(x[:2]) * (math.prod(of_input) + math.prod(of_hidden))


def _einsum(node: Any, inputs: list[_Sizes], _: _Sizes) -> int:
    """Of two factors: every combination of indices once; a sum or a transposition of one has no product."""
    equation = next(a.s.decode() for a in node.attribute if a.name == "equation").replace(" ", "")
    terms = equation.partition("->")[0].split(",")
    if len(terms) != 2 or "." in equation:
        return 0
    sizes: dict[str, int] = {}
    for term, shape in zip(terms, inputs, strict=True):
        sizes |= dict(zip(term, shape, strict=False))  # a shape of unknown rank has one size
    return math.prod(sizes.values())


_COUNTED: dict[str, Callable[[Any, list[_Sizes], _Sizes], int]] = {
    "Conv": _conv,
    "ConvTranspose": _transposed_conv,
    "Gemm": _gemm,
    "MatMul": _matmul,
    "LSTM": _recurrent,
    "GRU": _recurrent,
    "RNN": _recurrent,
    "Einsum": _einsum,
}
