"""Sizes of what a layer makes, by TensorRT's rules, for those kinds whose sizes follow from their inputs."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ..plan import (
    Concatenation,
    Constant,
    Convolution,
    Deconvolution,
    Einsum,
    Gather,
    GatherKind,
    Layer,
    Linear,
    MatrixMultiply,
    Pooling,
    Reduce,
    Select,
)
from .sizes import AnySize, Dims, opaque

WeightDims = Callable[[str], tuple[int, ...]]


def inferred(layer: Layer, inputs: Sequence[Dims], weight_dims: WeightDims) -> Dims:
    """Sizes of the layer's output; those of its first input unless the kind says otherwise."""
    match layer:
        case Constant():
            return layer.dims
        case Convolution():
            return _convolution(layer, inputs[0], weight_dims(layer.weight))
        case Deconvolution():
            return _deconvolution(layer, inputs[0], weight_dims(layer.weight))
        case Pooling():
            return _pooling(layer, inputs[0])
        case Linear():
            weight = weight_dims(layer.weight)
            return (*inputs[0][:-1], weight[0 if layer.transposed else 1])
        case Reduce():
            kept = enumerate(inputs[0])
            if layer.keep:
                return tuple(1 if i in layer.axes else d for i, d in kept)
            return tuple(d for i, d in kept if i not in layer.axes)
        case MatrixMultiply():
            a, b = inputs
            rows = a[-1] if layer.transpose_a else a[-2]
            columns = b[-2] if layer.transpose_b else b[-1]
            return (*broadcast(a[:-2], b[:-2]), rows, columns)
        case Concatenation():
            along: AnySize = 0
            for dims in inputs:
                along = along + dims[layer.axis]
            return (*inputs[0][: layer.axis], along, *inputs[0][layer.axis + 1 :])
        case Gather():
            return _gather(layer, inputs[0], inputs[1])
        case Select():
            return broadcast(broadcast(inputs[0], inputs[1]), inputs[2])
        case Einsum():
            return _einsum(layer.equation, inputs)
        case _:
            return inputs[0]


def broadcast(a: Dims, b: Dims) -> Dims:
    """Sizes of what combines two tensors element by element."""
    rank = max(len(a), len(b))
    a, b = (1,) * (rank - len(a)) + a, (1,) * (rank - len(b)) + b
    return tuple(_wider(m, n) for m, n in zip(a, b, strict=True))


def _wider(m: AnySize, n: AnySize) -> AnySize:
    if m == n or n == 1:
        return m
    if m == 1:
        return n
    if isinstance(m, int):
        return m  # n is this or 1
    return n if isinstance(n, int) else opaque(f"({m})|({n})")


def _convolution(layer: Convolution, x: Dims, weight: tuple[int, ...]) -> Dims:
    spatial = [
        (size + before + after - dilation * (kernel - 1) - 1) // stride + 1
        for size, kernel, before, after, dilation, stride in zip(
            x[2:],
            weight[2:],
            layer.pre_padding,
            layer.post_padding,
            layer.dilation,
            layer.stride,
            strict=True,
        )
    ]
    return (x[0], weight[0], *spatial)


def _deconvolution(layer: Deconvolution, x: Dims, weight: tuple[int, ...]) -> Dims:
    spatial = [
        stride * (size - 1) + dilation * (kernel - 1) + 1 - before - after
        for size, kernel, before, after, dilation, stride in zip(
            x[2:],
            weight[2:],
            layer.pre_padding,
            layer.post_padding,
            layer.dilation,
            layer.stride,
            strict=True,
        )
    ]
    return (x[0], weight[1] * layer.groups, *spatial)


def _pooling(layer: Pooling, x: Dims) -> Dims:
    spatial = [
        (size + before + after - window + (stride - 1 if layer.ceil else 0)) // stride + 1
        for size, window, before, after, stride in zip(
            x[2:], layer.window, layer.pre_padding, layer.post_padding, layer.stride, strict=True
        )
    ]
    return (*x[:2], *spatial)


def _gather(layer: Gather, data: Dims, indices: Dims) -> Dims:
    if layer.gather is GatherKind.elements:
        return indices
    if layer.gather is GatherKind.nd:
        depth = indices[-1]
        assert isinstance(depth, int)
        return (*indices[:-1], *data[layer.batch_dims + depth :])
    return (*data[: layer.axis], *indices[layer.batch_dims :], *data[layer.axis + 1 :])


def _einsum(equation: str, inputs: Sequence[Dims]) -> Dims:
    left, _, right = equation.partition("->")
    sizes: dict[str, AnySize] = {}
    for labels, dims in zip(left.split(","), inputs, strict=True):
        for label, size in zip(labels, dims, strict=True):
            if sizes.get(label, 1) == 1:
                sizes[label] = size
    return tuple(sizes[label] for label in right)
