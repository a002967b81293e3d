"""Parts of tensors: concatenations, slices, gathers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..plan import Concatenation, Gather, GatherKind
from .builder import Builder
from .graph import Node
from .layers import NotCovered, Tensor
from .shape import to
from .sizes import AnySize, equal, least, smaller
from .strided import counts_through

_END = 2**31 - 1
"""What exporters write for the end of a dimension, or more."""


def concat(b: Builder, node: Node) -> None:
    """Concat"""
    inputs = [b.x(i) for i in range(len(node.inputs)) if 0 not in b.dims_of(node.inputs[i])]
    if len(inputs) == 1:
        b.same(inputs[0])
        return
    axis = node.attributes["axis"] % inputs[0].rank
    b.add(Concatenation, inputs, "concat", out=b.output(), axis=axis)


def split(b: Builder, node: Node) -> None:
    """Split: slices"""
    x = b.x()
    axis = node.attributes.get("axis", 0) % x.rank
    whole = x.dims[axis]
    lengths = b.graph.sizes(node.input(1)) if node.input(1) else None
    if node.input(1) and lengths is None:
        raise NotCovered("its lengths are computed by the network")
    if lengths is None:
        if not isinstance(whole, int):
            raise NotCovered("is of a size that varies")
        parts = node.attributes.get("num_outputs", len(node.outputs))
        each = -(-whole // parts)
        lengths = (*(each,) * (parts - 1), whole - each * (parts - 1))
    begin: AnySize = 0
    for value, length in zip(node.outputs, lengths, strict=True):
        start = tuple(begin if i == axis else 0 for i in range(x.rank))
        sizes = tuple(length if i == axis else d for i, d in enumerate(x.dims))
        if value and b.graph.uses[value]:
            b.slice(x, start, sizes, (1,) * x.rank, what="split", out=value)
        begin = begin + length


def slice_(b: Builder, node: Node) -> None:
    """Slice, with ends clamped as ONNX does"""
    x = b.x()
    given = [b.graph.sizes(node.input(i)) if node.input(i) else None for i in range(1, 5)]
    if any(node.input(i + 1) and g is None for i, g in enumerate(given)):
        raise NotCovered("its bounds are computed from values, not from sizes")
    starts, ends, along, steps = given
    assert starts is not None and ends is not None
    axes = range(len(starts)) if along is None else whole_numbers(along)
    paces = [1] * len(starts) if steps is None else whole_numbers(steps)
    begin: list[AnySize] = [0] * x.rank
    sizes: list[AnySize] = list(x.dims)
    stride = [1] * x.rank
    for i, axis in enumerate(a % x.rank for a in axes):
        step = paces[i]
        begin[axis], sizes[axis] = _bounds(x.dims[axis], starts[i], ends[i], step)
        stride[axis] = step
    if 0 in sizes:
        raise NotCovered("gives an empty tensor")
    if tuple(sizes) == x.dims and stride == [1] * x.rank:
        b.same(x)
    else:
        b.slice(x, begin, tuple(sizes), stride, out=b.output())


def whole_numbers(sizes: Sequence[AnySize]) -> list[int]:
    """Sizes that do not vary."""
    found = [s for s in sizes if isinstance(s, int)]
    if len(found) != len(sizes):
        raise NotCovered("has axes or steps that vary")
    return found


def _bounds(size: AnySize, start: AnySize, end: AnySize, step: int) -> tuple[AnySize, AnySize]:
    """First element and count."""
    if isinstance(size, int) and isinstance(start, int) and isinstance(end, int):
        # Python clamps as ONNX does, but for an end before the first element of a negative step
        chosen = range(size)[start : None if step < 0 and end < -size else end : step]
        return (chosen[0] if chosen else 0), len(chosen)
    if step < 0:
        if step == -1 and start == -1 and isinstance(end, int) and end <= -_END:
            return size - 1, size
        raise NotCovered("goes backwards over a size that varies")
    first, last = _position(size, start), _position(size, end)
    length = last - first
    return first, -(-length // step) if step != 1 else length


def _position(size: AnySize, at: AnySize) -> AnySize:
    """An end or a start counted from the beginning."""
    if isinstance(at, int):
        if at >= _END:
            return size
        if at < 0:
            return size + at
        if at == 0 or isinstance(size, int):
            return at
    if equal(at, size) is True:
        return size
    if (bound := least(at)) is None or bound < 0:
        raise NotCovered(f"ends at {at} of a size that varies ({size}), and may be before it begins")
    return smaller(at, size)


def gather(b: Builder, node: Node) -> None:
    """Gather; indices that count from the end are made positive"""
    data = b.x()
    index = b.graph.strided.get(node.input(1))
    if index is not None and data.rank == 1 and counts_through(index, data.dims):
        to(b, data, index.dims)
        return
    axis = node.attributes.get("axis", 0) % data.rank
    _gather(b, node, data, GatherKind.default, axis, 0, data.dims[axis])


def gather_elements(b: Builder, node: Node) -> None:
    """GatherElements"""
    data = b.x()
    axis = node.attributes.get("axis", 0) % data.rank
    _gather(b, node, data, GatherKind.elements, axis, 0, data.dims[axis])


def gather_nd(b: Builder, node: Node) -> None:
    """GatherND"""
    data = b.x()
    batch = node.attributes.get("batch_dims", 0)
    if not isinstance(b.dims_of(node.input(1))[-1], int):
        raise NotCovered("has indices of a depth that varies")
    depth = int(b.dims_of(node.input(1))[-1])  # type: ignore[arg-type]
    if min(b.graph.ints(node.input(1)) or (0,)) < 0:
        wanted = data.dims[batch : batch + depth]
        if not all(isinstance(d, int) for d in wanted):
            raise NotCovered("counts from the end of a size that varies")
        _gather(b, node, data, GatherKind.nd, 0, batch, wanted)
        return
    _gather(b, node, data, GatherKind.nd, 0, batch, 0)


def _gather(b: Builder, node: Node, data: Tensor, kind: GatherKind, axis: int, batch: int, size: Any) -> None:
    import numpy as np

    constant = b.graph.constant(node.input(1))
    if constant is None:
        indices = b.x(1)
    elif constant.min(initial=0) < 0:
        if not isinstance(size, int | tuple):
            raise NotCovered("counts from the end of a size that varies")
        indices = b.constant(
            np.where(constant < 0, constant + np.array(size), constant).astype(constant.dtype)
        )
    else:
        indices = b.tensor(node.input(1))
    b.add(Gather, [data, indices], "gather", out=b.output(), gather=kind, axis=axis, batch_dims=batch)
