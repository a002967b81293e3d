"""Activations."""

from __future__ import annotations

from collections.abc import Callable

from ...core.spec import DType
from ..plan import Activation, ActivationKind, ElementWiseKind, Gelu, HardSwish, ParametricRelu, Silu
from .builder import Builder
from .graph import Node
from .layers import NotCovered, Tensor

Lower = Callable[[Builder, Node], None]
FLOATS = (DType.float32, DType.float16, DType.bfloat16)


def activation(kind: ActivationKind, alpha: float = 0.0, beta: float = 0.0) -> Lower:
    """An activation that TensorRT has; ONNX's attributes alpha and beta where it has them."""

    def lower(b: Builder, node: Node) -> None:
        x = b.x()
        if x.dtype not in FLOATS:
            raise NotCovered(f"is on {x.dtype}")
        a, c = node.attributes.get("alpha", alpha), node.attributes.get("beta", beta)
        _activate(b, x, kind, a, c, b.output())

    return lower


def _activate(
    b: Builder, x: Tensor, kind: ActivationKind, alpha: float = 0.0, beta: float = 0.0, out: str = ""
) -> Tensor:
    return b.add(Activation, [x], kind.name, out=out, activation=kind, alpha=float(alpha), beta=float(beta))


def selu(b: Builder, node: Node) -> None:
    """gamma * (alpha * exp(x) - alpha) below 0; TensorRT's beta is gamma"""
    alpha = node.attributes.get("alpha", 1.67326319217681884765625)
    gamma = node.attributes.get("gamma", 1.05070102214813232421875)
    _activate(b, b.x(), ActivationKind.selu, alpha, gamma, b.output())


def celu(b: Builder, node: Node) -> None:
    """alpha * elu(x / alpha)"""
    alpha = node.attributes.get("alpha", 1.0)
    x = b.x()
    if alpha == 1.0:
        _activate(b, x, ActivationKind.elu, 1.0, out=b.output())
        return
    inner = b.elementwise(ElementWiseKind.divide, x, b.scalar(alpha, x))
    bent = _activate(b, inner, ActivationKind.elu, 1.0)
    b.elementwise(ElementWiseKind.multiply, bent, b.scalar(alpha, x), out=b.output())


def mish(b: Builder, node: Node) -> None:
    """x * tanh(softplus(x))"""
    x = b.x()
    soft = _activate(b, x, ActivationKind.softplus, 1.0, 1.0)
    bent = _activate(b, soft, ActivationKind.tanh)
    b.elementwise(ElementWiseKind.multiply, x, bent, out=b.output())


def gelu_operator(b: Builder, node: Node) -> None:
    """Gelu of opset 20"""
    tanh = node.attributes.get("approximate", "none") == "tanh"
    b.add(Gelu, [b.x()], "gelu", out=b.output(), tanh=tanh)


def hard_swish_operator(b: Builder, node: Node) -> None:
    """HardSwish"""
    b.add(HardSwish, [b.x()], "hard_swish", out=b.output())


def swish_operator(b: Builder, node: Node) -> None:
    """Swish of opset 24: x * sigmoid(alpha x)"""
    x = b.x()
    alpha = node.attributes.get("alpha", 1.0)
    if alpha == 1.0:
        b.add(Silu, [x], "silu", out=b.output())
        return
    steep = b.elementwise(ElementWiseKind.multiply, x, b.scalar(alpha, x))
    gate = _activate(b, steep, ActivationKind.sigmoid)
    b.elementwise(ElementWiseKind.multiply, x, gate, out=b.output())


def parametric_relu(b: Builder, node: Node) -> None:
    """PRelu"""
    x, slopes = b.x(), b.x(1)
    if slopes.rank > x.rank:
        raise NotCovered("has slopes of more dimensions than its input")
    b.add(ParametricRelu, [x, b.ranked(slopes, x.rank)], "prelu", out=b.output())


def clip(b: Builder, node: Node) -> None:
    """Clip: an activation where both bounds are there, otherwise a maximum or a minimum with one."""
    x = b.x()
    low, high = (_bound(b, node, i) for i in (1, 2))
    if low is None and high is None:
        b.same(x)
    elif x.dtype in FLOATS and low is not None and high is not None:
        _activate(b, x, ActivationKind.clip, low, high, b.output())
    elif x.dtype in FLOATS and low == 0.0:
        _activate(b, x, ActivationKind.relu, out=b.output())
    else:
        if low is not None:
            out = "" if high is not None else b.output()
            x = b.elementwise(ElementWiseKind.maximum, x, b.scalar(low, x), out=out)
        if high is not None:
            b.elementwise(ElementWiseKind.minimum, x, b.scalar(high, x), out=b.output())


def _bound(b: Builder, node: Node, index: int) -> float | None:
    import math

    if not node.input(index):
        return None
    value = b.graph.scalar(node.input(index))
    if value is None:
        raise NotCovered("its bounds are computed by the network")
    largest = 3.4e38  # what exporters write for no bound: the largest float32
    return None if math.isinf(value) or abs(value) >= largest else value
