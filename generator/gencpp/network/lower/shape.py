"""What gives the same elements another shape: reshapes, transpositions, repetition; and shapes as values."""

from __future__ import annotations

from collections.abc import Sequence

from ...core.spec import DType
from ..plan import Reduce, ReduceKind, Shape, Shuffle, SliceFill
from .builder import Builder, remaining
from .graph import Node
from .infer import broadcast
from .layers import Follows, NotCovered, Tensor
from .sizes import AnySize, Dims, opaque, product


def same(b: Builder, node: Node) -> None:
    """Identity, Dropout in inference"""
    if any(o and b.graph.uses[o] for o in node.outputs[1:]):
        raise NotCovered("its mask is used")
    if node.op == "Dropout" and node.input(2) and b.graph.scalar(node.input(2)) != 0:
        raise NotCovered("drops elements (training mode)")
    b.same(b.x())


# --- reshapes ---


def reshape(b: Builder, node: Node) -> None:
    """Reshape, to sizes that are known, or computed"""
    x = b.x()
    wanted = b.graph.sizes(node.input(1))
    if wanted is None:
        shape = b.x(1)
        rank = shape.dims[0]
        described = b.graph.described.get(b.output(), (None, None))[1]
        if not isinstance(rank, int):
            raise NotCovered("has a number of dimensions that is not known")
        sizes = described or tuple(opaque(f"{b.output()}_{i}") for i in range(rank))
        b.add(Shuffle, [x, shape], "reshape", out=b.output(), shape=sizes)
        return
    copies = not node.attributes.get("allowzero", 0)
    if not copies and 0 in wanted:
        raise NotCovered("makes a tensor without elements")
    found: list[AnySize] = [x.dims[i] if s == 0 and copies else s for i, s in enumerate(wanted)]
    if -1 in found:
        rest = remaining(x.dims, found)
        if rest is None:
            rest = _described(b, found.index(-1)) or opaque(f"{b.output()}_{found.index(-1)}")
        found[found.index(-1)] = rest
    elif len(loose := [i for i, s in enumerate(found) if not isinstance(s, int)]) == 1:
        whole = remaining(x.dims, [-1 if i == loose[0] else s for i, s in enumerate(found)])
        found[loose[0]] = whole if whole is not None else found[loose[0]]
    to(b, x, tuple(found))


def _described(b: Builder, axis: int) -> AnySize | None:
    dims = b.graph.described.get(b.output(), (None, None))[1]
    return dims[axis] if dims else None


def to(b: Builder, x: Tensor, sizes: Dims) -> None:
    """The node's output is x with these sizes."""
    x = b.reshaped_from(x)
    if sizes == x.dims:
        b.same(x)
    else:
        b.reshape(x, sizes, out=b.output())


def flatten(b: Builder, node: Node) -> None:
    """Flatten to two dimensions"""
    x = b.x()
    axis = node.attributes.get("axis", 1)
    axis = axis + x.rank if axis < 0 else axis
    to(b, x, (product(x.dims[:axis]), product(x.dims[axis:])))


def squeeze(b: Builder, node: Node) -> None:
    """Squeeze"""
    x = b.x()
    axes = _axes(b, node, 1, x.rank)
    if axes is None:
        axes = tuple(i for i, d in enumerate(x.dims) if d == 1)
    to(b, x, tuple(d for i, d in enumerate(x.dims) if i not in axes))


def unsqueeze(b: Builder, node: Node) -> None:
    """Unsqueeze"""
    x = b.x()
    given = b.graph.ints(node.input(1)) if node.input(1) else tuple(node.attributes["axes"])
    if given is None:
        raise NotCovered("its axes are computed by the network")
    rank = x.rank + len(given)
    axes = {a % rank for a in given}
    rest = iter(x.dims)
    to(b, x, tuple(1 if i in axes else next(rest) for i in range(rank)))


def transpose(b: Builder, node: Node) -> None:
    """Transpose"""
    x = b.x()
    order = tuple(node.attributes.get("perm", reversed(range(x.rank))))
    if order == tuple(range(x.rank)):
        b.same(x)
    else:
        b.transpose(x, order, b.output())


def _axes(b: Builder, node: Node, index: int, rank: int) -> tuple[int, ...] | None:
    """Axes as an input or, before opset 13, an attribute; None where there are none."""
    given: Sequence[int] | None = node.attributes.get("axes")
    if node.input(index):
        given = b.graph.ints(node.input(index))
        if given is None:
            raise NotCovered("its axes are computed by the network")
    return None if given is None else tuple(a % rank for a in given)


def depth_to_space(b: Builder, node: Node) -> None:
    """DepthToSpace: two reshapes around a transposition"""
    x, n = b.x(), int(node.attributes["blocksize"])
    batch, channels, height, width = x.dims
    deep = channels // (n * n)
    if node.attributes.get("mode", "DCR") == "DCR":
        apart = b.reshape(x, (batch, n, n, deep, height, width))
        mixed = b.transpose(apart, (0, 3, 4, 1, 5, 2))
    else:
        apart = b.reshape(x, (batch, deep, n, n, height, width))
        mixed = b.transpose(apart, (0, 1, 4, 2, 5, 3))
    b.reshape(mixed, (batch, deep, height * n, width * n), out=b.output())


def space_to_depth(b: Builder, node: Node) -> None:
    """SpaceToDepth: two reshapes around a transposition"""
    x, n = b.x(), int(node.attributes["blocksize"])
    if node.attributes.get("mode", "DCR") != "DCR":
        raise NotCovered(f"has the mode {node.attributes['mode']}")
    batch, channels, height, width = x.dims
    high, wide = height // n, width // n
    apart = b.reshape(x, (batch, channels, high, n, wide, n))
    mixed = b.transpose(apart, (0, 3, 5, 1, 2, 4))
    b.reshape(mixed, (batch, channels * n * n, high, wide), out=b.output())


# --- sizes ---


def shape(b: Builder, node: Node) -> None:
    """Shape, or a part of it"""
    x = b.x()
    start, end = node.attributes.get("start", 0), node.attributes.get("end")
    first, last, _ = slice(start, end).indices(x.rank)
    whole = (first, last) == (0, x.rank)
    out = b.output() if whole else ""
    sizes = b.add(Shape, [x], "shape", out=out, shape=(x.rank,), dtype=DType.int64)
    if not whole:
        b.slice(sizes, (first,), (max(0, last - first),), (1,), out=b.output())


def size(b: Builder, node: Node) -> None:
    """Size: the product of the shape"""
    x = b.x()
    sizes = b.add(Shape, [x], "shape", shape=(x.rank,), dtype=DType.int64)
    b.add(Reduce, [sizes], "product", out=b.output(), operation=ReduceKind.product, axes=(0,), keep=False)


def expand(b: Builder, node: Node) -> None:
    """Expand: a slice with strides of 0; nothing where what follows broadcasts anyway"""
    x = b.x()
    wanted = b.graph.sizes(node.input(1))
    if wanted is None:
        raise NotCovered("its sizes are computed from values, not from sizes")
    sizes = broadcast(x.dims, tuple(1 if s == -1 else s for s in wanted))
    if sizes == x.dims:
        b.same(x)
    elif b.output() not in b.graph.outputs and _broadcast_anyway(b, b.output(), sizes):
        b.same(b.reshape(x, (1,) * (len(sizes) - x.rank) + x.dims))
    else:
        b.expanded(x, sizes)


_BROADCASTS = ("Add", "Sub", "Mul", "Div", "Pow", "Max", "Min", "Where")


def _broadcast_anyway(b: Builder, value: str, sizes: Dims) -> bool:
    """Whether every user combines it with a tensor of the expanded sizes."""
    users = [n for n in b.graph.nodes if value in n.inputs]
    for user in users:
        if user.op not in _BROADCASTS:
            return False
        others = [i for i in user.inputs if i != value]
        try:
            if not any(b.dims_of(i) == sizes for i in others):
                return False
        except Follows:
            return False
    return bool(users)


def constant_of_shape(b: Builder, node: Node) -> None:
    """ConstantOfShape with sizes that vary: one element, repeated"""
    import numpy as np
    from onnx import numpy_helper

    sizes = b.graph.sizes(node.input(0))
    if sizes is None:
        raise NotCovered("its sizes are computed from values, not from sizes")
    given = node.attributes.get("value")
    value = numpy_helper.to_array(given) if given is not None else np.zeros(1, np.float32)
    if value.dtype == np.float64:
        value = value.astype(np.float32)
    b.expanded(b.constant(value, dims=(1,) * len(sizes)), tuple(sizes))


def tile(b: Builder, node: Node) -> None:
    """Tile: a slice that wraps around"""
    x = b.x()
    repeats = b.graph.sizes(node.input(1))
    if repeats is None:
        raise NotCovered("its repeats are computed from values, not from sizes")
    sizes = tuple(d * r for d, r in zip(x.dims, repeats, strict=True))
    if sizes == x.dims:
        b.same(x)
    elif all(d == 1 or r == 1 for d, r in zip(x.dims, repeats, strict=True)):
        b.expanded(x, sizes)
    else:
        ones, zeros = (1,) * x.rank, (0,) * x.rank
        b.slice(x, zeros, sizes, ones, what="tile", out=b.output(), outside=SliceFill.wrap)
