"""What TensorRT takes of an ONNX graph by element types, constants and ranks, which one node does not tell.

The rules are those of the parsers' docs/operators.md and of NvInferRuntime's data types; those without a
version were tried with TensorRT-RTX 1.7, which refuses them as well.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ...onnx.names import subgraphs

Problem = tuple[Any, str, str]
"""(node, reason, the first version that takes it; empty: none)"""

SYMMETRIC = (
    "quantise symmetrically: int8 with zero points of 0 (in ONNX Runtime QInt8, ActivationSymmetric, "
    "WeightSymmetric and QuantizeBias=False)."
)
"""What to do about Q/DQ that TensorRT does not take."""

_QUANTISED = ("QuantizeLinear", "DequantizeLinear")
_INTEGERS = ("INT32", "INT64", "UINT8", "INT8", "BOOL")
_FLOAT_ONLY = {"MatMul": _INTEGERS, "Gemm": _INTEGERS, "Resize": _INTEGERS}
"""Operator -> element types of its first input that no version takes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Known:
    """What is known of the values that a graph sees."""

    types: Mapping[str, str]
    """Names of onnx.TensorProto.DataType."""
    shapes: Mapping[str, tuple[int | None, ...]]
    constants: Mapping[str, Any]
    """TensorProto by its name."""
    border: frozenset[str]
    """Inputs and outputs of the engine."""

    def inside(self, graph: Any) -> _Known:
        """The same inside a branch, which sees what is around it."""
        values = (*graph.input, *graph.value_info, *graph.output)
        return _Known(
            types={**self.types, **_types(values, graph.initializer)},
            shapes={**self.shapes, **_shapes(values)},
            constants={**self.constants, **{t.name: t for t in graph.initializer}},
            border=self.border,
        )


def typed_problems(model: Any) -> Iterator[Problem]:
    """Everything of the kind in the graph and its branches, in its order."""
    border = frozenset(v.name for v in (*model.graph.input, *model.graph.output))
    nothing = _Known(types={}, shapes={}, constants={}, border=border)
    yield from _of_graph(model.graph, nothing.inside(model.graph))


def _of_graph(graph: Any, known: _Known) -> Iterator[Problem]:
    for node in graph.node:
        for reason, since in (*_uint8(node, known), *_quantised(node, known), *_forms(node, known)):
            yield node, reason, since
        for inner in subgraphs(node):
            yield from _of_graph(inner, known.inside(inner))


def _uint8(node: Any, known: _Known) -> Iterator[tuple[str, str]]:
    if node.op_type in _QUANTISED:
        return
    inner = [v for v in node.output if known.types.get(v) == "UINT8" and v not in known.border]
    taken = [v for v in node.input if known.types.get(v) == "UINT8" and v not in known.constants]
    if inner or (taken and node.op_type not in ("Cast", "Identity", "Shape", "Size")):
        yield "on uint8, which is for inputs that are cast and for outputs only", ""


def _quantised(node: Any, known: _Known) -> Iterator[tuple[str, str]]:
    if node.op_type not in _QUANTISED:
        if any(known.types.get(v) == "INT8" and v in known.constants for v in node.input):
            yield "on an int8 constant, which is for DequantizeLinear only", ""
        return
    quantised = node.output[0] if node.op_type == "QuantizeLinear" else node.input[0]
    if known.types.get(quantised) == "UINT8":
        yield "with uint8 (the type without a zero point)" if len(node.input) < 3 else "with uint8", ""
    zero = node.input[2] if len(node.input) > 2 else ""
    if zero and zero not in known.constants:
        yield "with a zero point that is no constant", ""
    elif zero and _any_nonzero(known.constants[zero]):
        yield "with a zero point that is not 0", ""


def _forms(node: Any, known: _Known) -> Iterator[tuple[str, str]]:
    kind = known.types.get(node.input[0], "") if node.input else ""
    if kind in _FLOAT_ONLY.get(node.op_type, ()) and kind not in ("UINT8", "INT8"):
        yield f"on {kind.lower()}", ""
    if node.op_type == "STFT":
        signal = known.shapes.get(node.input[0], ())
        if len(signal) == 3 and signal[2] not in (1, None):
            yield "of a complex signal", ""
        if kind not in ("FLOAT", ""):
            yield f"on {kind.lower()}", ""
        if any(v and v not in known.constants for v in node.input[1:3]):
            yield "with a step or a window that is no constant", ""
    if node.op_type == "If" and node.input[0] not in known.constants:
        yield from _branches(node, known)


def _branches(node: Any, known: _Known) -> Iterator[tuple[str, str]]:
    both = [(known.inside(g).shapes, [o.name for o in g.output]) for g in subgraphs(node)]
    if len(both) != 2:
        return
    (first, ones), (second, others) = both
    pairs = [(first.get(a), second.get(b)) for a, b in zip(ones, others, strict=False)]
    if any(a is not None and b is not None and len(a) != len(b) for a, b in pairs):
        yield "whose branches give tensors of different ranks", ""
    elif any(_differ(a, b) for a, b in pairs):
        yield "whose branches give tensors of different sizes", "10.1"


def _differ(a: tuple[int | None, ...] | None, b: tuple[int | None, ...] | None) -> bool:
    return (
        a is not None
        and b is not None
        and any(x is not None and y is not None and x != y for x, y in zip(a, b, strict=True))
    )


def _any_nonzero(tensor: Any) -> bool:
    from onnx import numpy_helper

    try:
        return bool(numpy_helper.to_array(tensor).astype("float32").any())
    except (ValueError, TypeError):  # float8 and the like have none
        return False


def _types(values: Any, weights: Any) -> dict[str, str]:
    import onnx

    name = onnx.TensorProto.DataType.Name
    found = {v.name: name(v.type.tensor_type.elem_type) for v in values}
    return found | {t.name: name(t.data_type) for t in weights}


def _shapes(values: Any) -> dict[str, tuple[int | None, ...]]:
    return {
        v.name: tuple(d.dim_value if d.HasField("dim_value") else None for d in v.type.tensor_type.shape.dim)
        for v in values
        if v.type.tensor_type.HasField("shape")
    }
