"""Normalisations and softmax."""

from __future__ import annotations

from typing import Any

from ..plan import (
    Convolution,
    Deconvolution,
    ElementWiseKind,
    Normalization,
    Reduce,
    ReduceKind,
    Scale,
    SoftMax,
    Unary,
    UnaryKind,
)
from .builder import Builder
from .graph import Node
from .layers import NotCovered, Tensor
from .matmul import replaced
from .sizes import divided, product


def batch_norm(b: Builder, node: Node) -> None:
    """BatchNormalization with fixed statistics: part of a convolution that only it uses, else Scale."""
    import numpy as np

    if node.attributes.get("training_mode", 0) or any(node.outputs[1:]):
        raise NotCovered("computes its statistics from the batch (training mode)")
    gamma, beta, mean, variance = (_array(b, node, i).astype(np.float64) for i in (1, 2, 3, 4))
    scale = gamma / np.sqrt(variance + node.attributes.get("epsilon", 1e-5))
    shift = beta - mean * scale
    x = b.x()
    layer = b.maker(x)
    once = b.graph.uses[node.input(0)] == 1
    if once and isinstance(layer, Convolution | Deconvolution):
        _into_convolution(b, layer, scale, shift)
    else:
        scaled(b, x, scale, shift, b.output())


def _into_convolution(b: Builder, layer: Convolution | Deconvolution, scale: Any, shift: Any) -> None:
    kernel = b.arrays[layer.weight]
    bias = b.arrays[layer.bias].values if layer.bias else 0.0
    dtype = kernel.values.dtype
    if isinstance(layer, Convolution):
        factors = scale.reshape(-1, *(1,) * (kernel.values.ndim - 1))
        folded = kernel.values * factors
    else:
        grouped = kernel.values.reshape(layer.groups, -1, *kernel.values.shape[1:])
        factors = scale.reshape(layer.groups, 1, -1, *(1,) * (kernel.values.ndim - 2))
        folded = (grouped * factors).reshape(kernel.values.shape)
    replaced(
        b,
        layer,
        b.output(),
        weight=b.weight(folded.astype(dtype)),
        bias=b.weight((bias * scale + shift).astype(dtype)),
    )


def scaled(b: Builder, x: Tensor, scale: Any, shift: Any, out: str) -> Tensor:
    """x * scale + shift for each channel; TensorRT's scale layer takes four dimensions or more."""
    dtype = x.dtype.value
    scale, shift = scale.astype(dtype), shift.astype(dtype)
    if x.rank >= 4:
        return b.add(Scale, [x], "scale", out=out, scale=b.weight(scale), shift=b.weight(shift))
    dims = (1, scale.size, *(1,) * (x.rank - 2))
    product = b.elementwise(ElementWiseKind.multiply, x, b.constant(scale, dims=dims))
    return b.elementwise(ElementWiseKind.add, product, b.constant(shift, dims=dims), out=out)


def _array(b: Builder, node: Node, index: int) -> Any:
    array = b.graph.constant(node.input(index)) if node.input(index) else None
    if array is None:
        raise NotCovered("its parameters are computed by the network")
    return array


def layer_norm(b: Builder, node: Node) -> None:
    """LayerNormalization over the last dimensions"""
    import numpy as np

    if any(o and b.graph.uses[o] for o in node.outputs[1:]):
        raise NotCovered("its mean or deviation is used")
    x = b.x()
    axis = node.attributes.get("axis", -1) % x.rank
    weight = _array(b, node, 1)
    bias = _array(b, node, 2) if node.input(2) else np.zeros_like(weight)
    wanted = x.dims[axis:]
    if weight.shape != bias.shape or not all(isinstance(d, int) for d in wanted):
        raise NotCovered("has a weight and a bias of different shapes, or normalises sizes that vary")
    dims = (1,) * (x.rank - weight.ndim) + weight.shape
    b.add(
        Normalization,
        [x],
        "normalization",
        out=b.output(),
        weight=b.weight(weight, node.input(1)),
        bias=b.weight(bias, node.input(2)),
        dims=dims,
        axes=tuple(range(axis, x.rank)),
        epsilon=_epsilon(node),
    )


def instance_norm(b: Builder, node: Node) -> None:
    """InstanceNormalization: over the spatial dimensions"""
    x = b.x()
    weight, bias = _array(b, node, 1), _array(b, node, 2)
    _normalized(b, x, weight, bias, (node.input(1), node.input(2)), b.output())


def group_norm(b: Builder, node: Node) -> None:
    """GroupNormalization: each group as an instance of one channel, then a scale for each channel."""
    import numpy as np

    x = b.x()
    groups = int(node.attributes["num_groups"])
    channels = x.dims[1]
    if not isinstance(channels, int):
        raise NotCovered("has a number of channels that varies")
    weight, bias = _array(b, node, 1), _array(b, node, 2)
    if weight.size == groups != channels:  # opset 18: one for each group
        weight, bias = (np.repeat(v, channels // groups) for v in (weight, bias))
    each = divided(product(x.dims[1:]), groups)
    if each is None:
        raise NotCovered("has groups of unequal sizes")
    apart = b.reshape(x, (x.dims[0], groups, each))
    ones, zeros = np.ones(groups, weight.dtype), np.zeros(groups, weight.dtype)
    normal = _normalized(b, apart, ones, zeros, ("", ""), "")
    scaled(b, b.reshape(normal, x.dims), weight, bias, b.output())


def _normalized(b: Builder, x: Tensor, weight: Any, bias: Any, sources: tuple[str, str], out: str) -> Tensor:
    """Statistics over all but the first two dimensions."""
    if x.rank < 3:
        raise NotCovered("has no spatial dimensions")
    return b.add(
        Normalization,
        [x],
        "normalization",
        out=out,
        weight=b.weight(weight, sources[0]),
        bias=b.weight(bias, sources[1]),
        axes=tuple(range(2, x.rank)),
        epsilon=_epsilon(b.node),
        dims=(1, weight.size, *(1,) * (x.rank - 2)),
    )


def _epsilon(node: Node) -> float:
    return float(node.attributes.get("epsilon", 1e-5))


def softmax(b: Builder, node: Node) -> None:
    """Softmax over one dimension"""
    x = b.x()
    b.add(SoftMax, [x], "softmax", out=b.output(), axis=node.attributes.get("axis", -1) % x.rank)


def log_softmax(b: Builder, node: Node) -> None:
    """x - max - log(sum(exp(x - max))): the log of a softmax would be -inf where that is 0."""
    x = b.x()
    axes = (node.attributes.get("axis", -1) % x.rank,)
    largest = b.add(Reduce, [x], "maximum", operation=ReduceKind.maximum, axes=axes, keep=True)
    lowered = b.elementwise(ElementWiseKind.subtract, x, largest)
    powers = b.add(Unary, [lowered], "exp", operation=UnaryKind.exp)
    total = b.add(Reduce, [powers], "sum", operation=ReduceKind.sum, axes=axes, keep=True)
    logarithm = b.add(Unary, [total], "log", operation=UnaryKind.log)
    b.elementwise(ElementWiseKind.subtract, lowered, logarithm, out=b.output())
