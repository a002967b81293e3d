"""What counts along a dimension: Range, CumSum."""

from __future__ import annotations

from typing import Any

from ...core.spec import DType
from ..plan import ElementWiseKind, Iota, MatrixMultiply, Reduce, ReduceKind, Select, Unary, UnaryKind
from .activation import FLOATS
from .builder import Builder
from .graph import Node
from .layers import NotCovered, Tensor
from .ratio import Ratio, fractions
from .sizes import AnySize, larger

LARGEST_TRIANGLE = 256
"""Rows of a triangle of ones that is stored; a larger one is computed, as one of a size that varies is."""


def range_(b: Builder, node: Node) -> None:
    """Range: a count, times the step, plus the start"""
    start, limit, step = (_bound(b, node.input(i)) for i in range(3))
    if not isinstance(step.size, int):
        raise NotCovered("its step varies")
    if step.size == 0:
        raise NotCovered("its step is 0")
    length = larger(((limit - start) / step).ceil().size, 0)
    dtype = b.graph.described.get(b.output(), (None, None))[0] or b.dtype_of(node.input(0))
    if dtype not in (DType.float32, DType.int64, DType.int32):
        raise NotCovered(f"is of {dtype}")
    count = _counted(b, length)
    at_first, plain_step = start == Ratio(0, 1), step == Ratio(1, 1)
    if at_first and plain_step:
        b.same(b.cast(count, dtype))
        return
    value = b.cast(count, dtype)
    if not plain_step:
        factor = b.constant(_number(step, dtype), dims=(1,), dtype=dtype)
        out = b.output() if at_first else ""
        value = b.elementwise(ElementWiseKind.multiply, value, factor, out=out)
    if not at_first:
        b.elementwise(ElementWiseKind.add, value, _start(b, start, dtype), out=b.output())


def _bound(b: Builder, name: str) -> Ratio:
    """A start, limit or step as a number or an expression of sizes."""
    found = b.graph.shapes.get(name)
    if found is None:
        found = b.graph.constant(name)
        if found is not None:
            try:
                found = fractions(found) if found.dtype.kind == "f" else found.astype(object)
            except TypeError:
                raise NotCovered("has a bound that is no simple fraction") from None
    if found is None or found.size != 1:
        raise NotCovered("its length is computed from values, not from sizes")
    value = found.reshape(-1)[0]
    return value if isinstance(value, Ratio) else Ratio(value, 1)


def _number(value: Ratio, dtype: DType) -> float:
    assert isinstance(value.size, int)
    return value.size / value.by if dtype is DType.float32 else value.size // value.by


def _start(b: Builder, start: Ratio, dtype: DType) -> Tensor:
    if isinstance(start.size, int):
        return b.constant(_number(start, dtype), dims=(1,), dtype=dtype)
    if start.by != 1:
        raise NotCovered("starts at a part of a size that varies")
    return b.cast(b.sizes((start.size,)), dtype)


def _counted(b: Builder, length: AnySize) -> Tensor:
    """0, 1, 2, ..., as int64."""
    import numpy as np

    if isinstance(length, int):
        return b.integers(np.arange(length))
    return b.add(Iota, [b.sizes((length,))], "count", shape=(length,), dtype=DType.int64)


def cumulative_sum(b: Builder, node: Node) -> None:
    """CumSum: a product with a triangle of ones; of whole numbers, a sum over what the triangle keeps"""
    x = b.x()
    axes = b.graph.ints(node.input(1))
    if axes is None:
        raise NotCovered("its axis is computed by the network")
    axis = axes[0] % x.rank
    below = not node.attributes.get("reverse", 0)
    strict = bool(node.attributes.get("exclusive", 0))
    if x.dtype in FLOATS:
        _summed_by_product(b, x, axis, below, strict)
    else:
        _summed_by_selection(b, x, axis, below, strict)


def _summed_by_product(b: Builder, x: Tensor, axis: int, below: bool, strict: bool) -> None:
    """Row i of the triangle has ones where the elements are that the i-th sum has."""
    dims = x.dims
    flat = b.reshape(x, (1, *dims)) if x.rank == 1 else x
    axis += flat.rank - x.rank
    order = [*(i for i in range(flat.rank) if i != axis), axis]
    turned = b.transpose(flat, order)
    ones = b.ranked(_triangle(b, flat.dims[axis], below, strict, x.dtype), flat.rank)
    back = [order.index(i) for i in range(flat.rank)]
    last = b.output() if turned is flat and flat is x else ""
    shape = turned.dims
    sums = b.add(MatrixMultiply, [turned, ones], "cumsum", out=last, shape=shape, transpose_b=True)
    if turned is not flat:
        sums = b.transpose(sums, back, b.output() if flat is x else "")
    if flat is not x:
        b.reshape(sums, dims, out=b.output())


def _summed_by_selection(b: Builder, x: Tensor, axis: int, below: bool, strict: bool) -> None:
    order = [*(i for i in range(x.rank) if i != axis), axis]
    turned = b.transpose(x, order)
    rows = b.reshape(turned, (*turned.dims[:-1], 1, turned.dims[-1]))
    kept = b.ranked(_triangle(b, x.dims[axis], below, strict, DType.bool_), rows.rank)
    square = (*rows.dims[:-2], x.dims[axis], x.dims[axis])
    chosen = b.add(Select, [kept, rows, b.scalar(0, rows)], "kept", shape=square, dtype=x.dtype)
    last = b.output() if turned is x else ""
    sums = b.add(
        Reduce, [chosen], "cumsum", out=last, operation=ReduceKind.sum, axes=(rows.rank - 1,), keep=False
    )
    if turned is not x:
        b.transpose(sums, [order.index(i) for i in range(x.rank)], b.output())


def _triangle(b: Builder, size: AnySize, below: bool, strict: bool, dtype: DType) -> Tensor:
    """size x size of 0 and 1: 1 below the diagonal or above it, and on it unless `strict`."""
    import numpy as np

    if isinstance(size, int) and size <= LARGEST_TRIANGLE:
        ones = np.ones((size, size), bool)
        kept: Any = np.tril(ones, -1 if strict else 0) if below else np.triu(ones, 1 if strict else 0)
        return b.constant(kept, dtype=dtype)
    count = _counted(b, size)
    row, column = b.reshape(count, (size, 1)), b.reshape(count, (1, size))
    first, second = (column, row) if below else (row, column)
    if strict:
        return b.cast(b.elementwise(ElementWiseKind.less, first, second), dtype)
    greater = b.elementwise(ElementWiseKind.greater, first, second)
    return b.cast(b.add(Unary, [greater], "not_above", operation=UnaryKind.logical_not), dtype)
