"""Indices that count through memory: what exporters make of torch.as_strided.

`x.reshape(-1)[arange(batch) * 768 + ...]` is followed as an offset and a stride for each dimension; where
these are those of a dense tensor, the gather is a reshape.
"""

from __future__ import annotations

from typing import Any

from .graph import Graph, Node, Strided
from .infer import broadcast
from .sizes import Dims, Size, product


def follow(graph: Graph, node: Node) -> None:
    """Notes in graph.strided what the node makes, where it is such a tensor."""
    compute = _FOLLOWED.get(node.op)
    if compute is not None and (found := compute(graph, node)) is not None:
        graph.strided[node.outputs[0]] = found


def counts_through(index: Strided, data: Dims) -> bool:
    """Whether the indices are those of all elements of flat data, in order."""
    expected: Any = 1
    for size, stride in zip(reversed(index.dims), reversed(index.strides), strict=True):
        if size != 1 and stride != expected:
            return False
        expected = expected * size
    return index.offset == 0 and expected == product(data)


def _of(graph: Graph, value: str) -> Strided | None:
    if value in graph.strided:
        return graph.strided[value]
    array = graph.constant(value) if value else None
    if array is None or array.dtype.kind != "i" or array.size == 0:
        return None
    import numpy as np

    first = (0,) * array.ndim
    offset = int(array[first])
    strides = []
    for axis, size in enumerate(array.shape):
        second = tuple(1 if i == axis else 0 for i in range(array.ndim))
        strides.append(int(array[second]) - offset if size > 1 else 0)
    same = np.full(array.shape, offset, np.int64)
    for axis, stride in enumerate(strides):
        shape = [-1 if i == axis else 1 for i in range(array.ndim)]
        same += stride * np.arange(array.shape[axis]).reshape(shape)
    return Strided(offset, tuple(array.shape), tuple(strides)) if (same == array).all() else None


def _range(graph: Graph, node: Node) -> Strided | None:
    bounds = [graph.sizes(i) for i in node.inputs]
    if any(b is None for b in bounds):
        return None
    start, limit, step = (b[0] for b in bounds if b is not None)
    count = limit - start
    return Strided(start, (count,), (1,)) if step == 1 and isinstance(count, Size) else None


def _multiply(graph: Graph, node: Node) -> Strided | None:
    for value, factor in (node.inputs, reversed(node.inputs)):
        number = graph.sizes(factor)
        if value in graph.strided and number is not None and len(number) == 1:
            by = number[0]
            found = graph.strided[value]
            return Strided(found.offset * by, found.dims, tuple(s * by for s in found.strides))
    return None


def _add(graph: Graph, node: Node) -> Strided | None:
    a, b = (_of(graph, i) for i in node.inputs)
    if a is None or b is None or not any(i in graph.strided for i in node.inputs):
        return None
    dims = broadcast(a.dims, b.dims)
    rank = len(dims)
    strides = [
        m + n
        for m, n in zip(
            (*(0,) * (rank - len(a.dims)), *a.strides),
            (*(0,) * (rank - len(b.dims)), *b.strides),
            strict=True,
        )
    ]
    return Strided(a.offset + b.offset, dims, tuple(strides))


def _unsqueeze(graph: Graph, node: Node) -> Strided | None:
    found, axes = graph.strided.get(node.input(0)), graph.ints(node.input(1))
    if found is None or axes is None:
        return None
    rank = len(found.dims) + len(axes)
    ones = {a % rank for a in axes}
    dims, strides = iter(found.dims), iter(found.strides)
    return Strided(
        found.offset,
        tuple(1 if i in ones else next(dims) for i in range(rank)),
        tuple(0 if i in ones else next(strides) for i in range(rank)),
    )


def _same(graph: Graph, node: Node) -> Strided | None:
    return graph.strided.get(node.input(0))


_FOLLOWED = {
    "Range": _range,
    "Mul": _multiply,
    "Add": _add,
    "Unsqueeze": _unsqueeze,
    "Identity": _same,
    "Cast": _same,
}
