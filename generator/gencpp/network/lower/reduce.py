"""Reductions and the largest elements."""

from __future__ import annotations

from collections.abc import Callable

from ...core.spec import DType
from ..plan import ElementWiseKind, Layer, Reduce, ReduceKind, TopK, TopKKind, Unary, UnaryKind
from .activation import FLOATS
from .builder import Builder
from .graph import Node
from .layers import NotCovered, Tensor

LARGEST_K = 3840
"""TensorRT's TopK has no more."""


def reduce(kind: ReduceKind) -> Callable[[Builder, Node], None]:
    """A reduction that TensorRT has."""

    def lower(b: Builder, node: Node) -> None:
        _reduced(b, node, b.x(), kind)

    return lower


def _axes(b: Builder, node: Node, x: Tensor) -> tuple[int, ...] | None:
    """The axes, None where nothing is reduced (noop_with_empty_axes)."""
    given = node.attributes.get("axes", ())
    if node.input(1):
        found = b.graph.ints(node.input(1))
        if found is None:
            raise NotCovered("its axes are computed by the network")
        given = found
    if not given:
        return None if node.attributes.get("noop_with_empty_axes", 0) else tuple(range(x.rank))
    return tuple(sorted(a % x.rank for a in given))


def _reduced(b: Builder, node: Node, x: Tensor, kind: ReduceKind, last: bool = True) -> Tensor:
    """`last`: this makes the node's output."""
    if x.dtype is DType.bool_:
        raise NotCovered("is on bool")
    axes = _axes(b, node, x)
    if axes is None:
        if last:
            b.same(x)
        return x
    keep = bool(node.attributes.get("keepdims", 1))
    out = b.output() if last else ""
    return b.add(Reduce, [x], kind.name, out=out, operation=kind, axes=axes, keep=keep)


def _unary(b: Builder, x: Tensor, kind: UnaryKind, out: str = "") -> Tensor:
    return b.add(Unary, [x], kind.name, out=out, operation=kind)


def l1(b: Builder, node: Node) -> None:
    """ReduceL1: the sum of magnitudes"""
    _reduced(b, node, _unary(b, b.x(), UnaryKind.absolute), ReduceKind.sum)


def l2(b: Builder, node: Node) -> None:
    """ReduceL2: the root of the sum of squares"""
    x = b.x()
    squares = b.elementwise(ElementWiseKind.multiply, x, x, "square")
    total = _reduced(b, node, squares, ReduceKind.sum, last=False)
    _unary(b, total, UnaryKind.sqrt, b.output())


def sum_square(b: Builder, node: Node) -> None:
    """ReduceSumSquare"""
    x = b.x()
    _reduced(b, node, b.elementwise(ElementWiseKind.multiply, x, x, "square"), ReduceKind.sum)


def log_sum(b: Builder, node: Node) -> None:
    """ReduceLogSum"""
    total = _reduced(b, node, b.x(), ReduceKind.sum, last=False)
    _unary(b, total, UnaryKind.log, b.output())


def log_sum_exp(b: Builder, node: Node) -> None:
    """ReduceLogSumExp: max + log(sum(exp(x - max))), which does not overflow"""
    x = b.x()
    axes = _axes(b, node, x)
    if axes is None:
        b.same(x)
        return
    largest = b.add(Reduce, [x], "maximum", operation=ReduceKind.maximum, axes=axes, keep=True)
    powers = _unary(b, b.elementwise(ElementWiseKind.subtract, x, largest), UnaryKind.exp)
    total = b.add(Reduce, [powers], "sum", operation=ReduceKind.sum, axes=axes, keep=True)
    keep = bool(node.attributes.get("keepdims", 1))
    logarithm = _unary(b, total, UnaryKind.log)
    out = b.output() if keep else ""
    result = b.elementwise(ElementWiseKind.add, logarithm, largest, out=out)
    if not keep:
        dims = tuple(d for i, d in enumerate(x.dims) if i not in axes)
        b.reshape(result, dims, out=b.output())


def top_k(b: Builder, node: Node) -> None:
    """TopK; TensorRT's indices are int32, ONNX's int64"""
    x = b.x()
    counts = b.graph.ints(node.input(1))
    if counts is None:
        raise NotCovered("its k is computed by the network")
    axis = node.attributes.get("axis", -1) % x.rank
    kind = TopKKind.maximum if node.attributes.get("largest", 1) else TopKKind.minimum
    indices = _best(b, x, kind, counts[0], axis, node.outputs[0])[1]
    if len(node.outputs) > 1 and node.outputs[1]:
        b.cast(indices, DType.int64, node.outputs[1])


def arg(kind: TopKKind) -> Callable[[Builder, Node], None]:
    """ArgMax and ArgMin: the indices of the best one"""

    def lower(b: Builder, node: Node) -> None:
        x = b.x()
        if node.attributes.get("select_last_index", 0):
            raise NotCovered("takes the last of equal elements")
        axis = node.attributes.get("axis", 0) % x.rank
        _, indices = _best(b, x, kind, 1, axis)
        if not node.attributes.get("keepdims", 1):
            indices = b.reshape(indices, tuple(d for i, d in enumerate(x.dims) if i != axis))
        b.cast(indices, DType.int64, b.output())

    return lower


def _best(b: Builder, x: Tensor, kind: TopKKind, k: int, axis: int, out: str = "") -> tuple[Tensor, Tensor]:
    """Values and indices; TensorRT wants two dimensions at least."""
    if x.dtype not in (*FLOATS, DType.int32):
        raise NotCovered(f"is on {x.dtype}")
    if k > LARGEST_K:
        raise NotCovered(f"has a k of {k}, and TensorRT at most {LARGEST_K}")
    flat = x.rank == 1
    if flat:
        x, axis = b.reshape(x, (1, *x.dims)), 1
    dims = tuple(k if i == axis else d for i, d in enumerate(x.dims))
    name = b.fresh()
    names = (f"{name}/values" if flat or not out else out, f"{name}/indices")
    layer: Layer = TopK(
        name=name, module=b.node.module, inputs=(x.name,), outputs=names, operation=kind, k=k, axis=axis
    )
    described = [Tensor(names[0], x.dtype, dims), Tensor(names[1], DType.int32, dims)]
    values, indices = b.append(layer, "top_k", described)
    if flat:
        values, indices = b.reshape(values, (k,), out=out), b.reshape(indices, (k,))
    return values, indices
