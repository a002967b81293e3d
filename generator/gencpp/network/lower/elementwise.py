"""Element by element: arithmetic, comparisons, selection, casts, quantisation."""

from __future__ import annotations

from typing import Any

from ...core.spec import DType
from ..plan import Dequantize, ElementWiseKind, Gelu, HardSwish, Quantize, Select, Silu, Unary, UnaryKind
from .activation import FLOATS, Lower
from .builder import Builder
from .graph import Node, onnx_type
from .infer import broadcast
from .layers import NotCovered, Tensor
from .matmul import biased
from .patterns import gelu, hard_swish, silu

# --- arithmetic ---


def add(b: Builder, node: Node) -> None:
    """Add, or the bias of a Linear before it"""
    if not biased(b, node):
        _combined(b, node, ElementWiseKind.add)


def multiply(b: Builder, node: Node) -> None:
    """Mul, or the last step of an activation that is written out"""
    for pattern, kind, what in (
        (gelu, Gelu, "gelu"),
        (silu, Silu, "silu"),
        (hard_swish, HardSwish, "hard_swish"),
    ):
        found = pattern(b.graph, node)
        if found is None:
            continue
        value, fields = found
        b.add(kind, [b.tensor(value)], what, out=b.output(), **fields)
        return
    _combined(b, node, ElementWiseKind.multiply)


def elementwise(kind: ElementWiseKind) -> Lower:
    """An operation on two operands, or on many one after the other."""

    def lower(b: Builder, node: Node) -> None:
        _combined(b, node, kind)

    return lower


def _combined(b: Builder, node: Node, kind: ElementWiseKind) -> None:
    operands = _operands(b, node)
    if len(operands) == 1:
        b.same(operands[0])
        return
    result = operands[0]
    for i, operand in enumerate(operands[1:], 2):
        out = b.output() if i == len(operands) else ""
        result = b.elementwise(kind, result, operand, out=out)


def _operands(b: Builder, node: Node) -> list[Tensor]:
    """The inputs, all of the same rank."""
    inputs = [b.x(i) for i in range(len(node.inputs))]
    rank = max(x.rank for x in inputs)
    return [b.ranked(x, rank) for x in inputs]


def power(b: Builder, node: Node) -> None:
    """Pow; the exponent takes the base's type."""
    x = b.x()
    exponent = b.graph.scalar(node.input(1))
    if x.dtype not in FLOATS and exponent != 2.0:
        raise NotCovered(f"is on {x.dtype}: cast to float before")
    if exponent == 2.0 and b.rank_of(1) <= x.rank:
        b.elementwise(ElementWiseKind.multiply, x, x, "square", out=b.output())
    elif exponent == 0.5 and b.rank_of(1) <= x.rank:
        b.add(Unary, [x], "sqrt", out=b.output(), operation=UnaryKind.sqrt)
    elif exponent is not None and b.rank_of(1) <= x.rank:
        b.elementwise(ElementWiseKind.power, x, b.scalar(exponent, x), out=b.output())
    else:
        b.elementwise(ElementWiseKind.power, x, b.cast(b.x(1), x.dtype), out=b.output())


def mean(b: Builder, node: Node) -> None:
    """Mean of several tensors"""
    operands = _operands(b, node)
    total = operands[0]
    for operand in operands[1:]:
        total = b.elementwise(ElementWiseKind.add, total, operand)
    b.elementwise(ElementWiseKind.divide, total, b.scalar(len(operands), total), out=b.output())


def modulo(b: Builder, node: Node) -> None:
    """a - b * quotient, which is rounded towards 0 with fmod, otherwise down."""
    x, y = _operands(b, node)
    if not node.attributes.get("fmod", 0):
        quotient = b.elementwise(ElementWiseKind.floor_divide, x, y)
    else:
        quotient = b.elementwise(ElementWiseKind.divide, x, y)
        if x.dtype in FLOATS:
            size = b.add(Unary, [quotient], "abs", operation=UnaryKind.absolute)
            whole = b.add(Unary, [size], "floor", operation=UnaryKind.floor)
            sign = b.add(Unary, [quotient], "sign", operation=UnaryKind.sign)
            quotient = b.elementwise(ElementWiseKind.multiply, whole, sign)
    whole = b.elementwise(ElementWiseKind.multiply, quotient, y)
    b.elementwise(ElementWiseKind.subtract, x, whole, out=b.output())


def unary(kind: UnaryKind) -> Lower:
    """A function of one operand."""

    def lower(b: Builder, node: Node) -> None:
        x = b.x()
        if x.dtype is DType.bool_ and kind is not UnaryKind.logical_not:
            raise NotCovered("is on bool")
        b.add(Unary, [x], kind.name, out=b.output(), operation=kind)

    return lower


# --- comparisons and selection ---


def or_equal(kind: ElementWiseKind) -> Lower:
    """GreaterOrEqual and LessOrEqual: one or the other, so that NaN is neither."""

    def lower(b: Builder, node: Node) -> None:
        x, y = _operands(b, node)
        strict = b.elementwise(kind, x, y)
        same = b.elementwise(ElementWiseKind.equal, x, y)
        b.elementwise(ElementWiseKind.logical_or, strict, same, out=b.output())

    return lower


def is_nan(b: Builder, node: Node) -> None:
    """What is not equal to itself"""
    x = b.x()
    same = b.elementwise(ElementWiseKind.equal, x, x)
    b.add(Unary, [same], "not", out=b.output(), operation=UnaryKind.logical_not)


def where(b: Builder, node: Node) -> None:
    """Where"""
    condition, x, y = _operands(b, node)
    operands = [condition, x, y]
    dims = broadcast(broadcast(operands[0].dims, operands[1].dims), operands[2].dims)
    b.add(Select, operands, "select", out=b.output(), shape=dims, dtype=x.dtype)


def trilu(b: Builder, node: Node) -> None:
    """Trilu of sizes that are known: the other triangle is replaced by zeros."""
    import numpy as np

    x = b.x()
    offset = b.graph.scalar(node.input(1)) if node.input(1) else 0
    sizes = [d for d in x.dims[-2:] if isinstance(d, int)]
    if offset is None or len(sizes) != 2:
        raise NotCovered("is of sizes that vary, or has a computed diagonal")
    ones = np.ones(sizes, bool)
    kept = np.triu(ones, int(offset)) if node.attributes.get("upper", 1) else np.tril(ones, int(offset))
    mask = b.constant(kept, dims=(*(1,) * (x.rank - 2), *sizes))
    b.add(Select, [mask, x, b.scalar(0.0, x)], "select", out=b.output(), shape=x.dims, dtype=x.dtype)


# --- types ---


def cast(b: Builder, node: Node) -> None:
    """Cast; float64 is taken as float32."""
    to = onnx_type(node.attributes["to"])
    x = b.x()
    if to not in (*FLOATS, DType.int64, DType.int32, DType.bool_, DType.int8, DType.uint8):
        import onnx

        raise NotCovered(f"is to {onnx.TensorProto.DataType.Name(node.attributes['to']).lower()}")
    if to is x.dtype:
        b.same(x)
    else:
        b.cast(x, to, b.output())


def quantize(b: Builder, node: Node) -> None:
    """QuantizeLinear to int8"""
    scale, axis = _scale(b, node)
    b.add(Quantize, [b.x()], "quantize", out=b.output(), dtype=DType.int8, scale=b.weight(*scale), axis=axis)


def dequantize(b: Builder, node: Node) -> None:
    """DequantizeLinear from int8"""
    scale, axis = _scale(b, node)
    x = b.x()
    if x.dtype is not DType.int8:
        raise NotCovered(f"is from {x.dtype}, not int8")
    dtype = DType(scale[0].dtype.name)
    b.add(Dequantize, [x], "dequantize", out=b.output(), dtype=dtype, scale=b.weight(*scale), axis=axis)


def _scale(b: Builder, node: Node) -> tuple[tuple[Any, str], int]:
    scale = b.graph.constant(node.input(1))
    if scale is None:
        raise NotCovered("its scale is computed by the network")
    if scale.ndim > 1 or node.attributes.get("block_size", 0):
        raise NotCovered("has scales for blocks")
    zero = b.graph.constant(node.input(2)) if node.input(2) else None
    if node.op == "QuantizeLinear" and (zero is None or zero.dtype.name != "int8"):
        raise NotCovered("is not to int8")
    if (node.input(2) and zero is None) or (zero is not None and zero.any()):
        raise NotCovered("has a zero point that is not 0")
    rank = b.rank_of()
    axis = node.attributes.get("axis", 1)
    return (scale.reshape(()) if scale.size == 1 else scale, node.input(1)), axis % rank if rank else 0
