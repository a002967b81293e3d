"""Activations that exporters write out, recognised by their last multiplication."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from typing import Any

from .graph import Graph, Node

Found = tuple[str, dict[str, Any]]
"""The value that the activation is of, and the fields of its layer."""

_CUBIC = 0.044715


def silu(graph: Graph, node: Node) -> Found | None:
    """x * sigmoid(x)"""
    for x, gate in _both(node):
        maker = _maker(graph, gate, "Sigmoid")
        if maker is not None and maker.input(0) == x:
            return x, {}
    return None


def hard_swish(graph: Graph, node: Node) -> Found | None:
    """x * hardsigmoid(x)"""
    for x, gate in _both(node):
        maker = _maker(graph, gate, "HardSigmoid")
        if maker is None or maker.input(0) != x:
            continue
        alpha, beta = maker.attributes.get("alpha", 0.2), maker.attributes.get("beta", 0.5)
        if _near(alpha, 1 / 6) and _near(beta, 0.5):
            return x, {}
    return None


def gelu(graph: Graph, node: Node) -> Found | None:
    """0.5 * x * (1 + erf(x / sqrt 2)) or with tanh: three factors in any order, of which one is a half."""
    for factors in _factorings(graph, node):
        half = 1.0
        curves, others = [], []
        for value in factors:
            number = graph.scalar(value)
            if number is not None:
                half *= number
            elif (curve := _raised(graph, value)) is not None:
                curves.append(curve)
            else:
                others.append(value)
        if len(curves) != 1 or len(others) != 1 or not _near(half, 0.5):
            continue
        curve, x = curves[0], others[0]
        if curve.op == "Erf" and _is_scaled(graph, curve.input(0), x, math.sqrt(0.5)):
            return x, {}
        if curve.op == "Tanh" and _is_tanh_argument(graph, curve.input(0), x):
            return x, {"tanh": True}
    return None


def _raised(graph: Graph, value: str) -> Node | None:
    """The Erf or Tanh of `1 + erf(...)`."""
    maker = _maker(graph, value, "Add")
    if maker is None:
        return None
    for curve, one in _both(maker):
        made = graph.makers.get(curve)
        if made is not None and made.op in ("Erf", "Tanh") and graph.scalar(one) == 1.0:
            return made
    return None


def _is_scaled(graph: Graph, value: str, x: str, factor: float) -> bool:
    """Whether value = factor * x, by a product or a division."""
    maker = graph.makers.get(value)
    if maker is None:
        return False
    if maker.op == "Div" and maker.input(0) == x:
        divisor = graph.scalar(maker.input(1))
        return divisor is not None and _near(1 / divisor, factor)
    if maker.op == "Mul":
        return any(a == x and _near(graph.scalar(c), factor) for a, c in _both(maker))
    return False


def _is_tanh_argument(graph: Graph, value: str, x: str) -> bool:
    """Whether value = sqrt(2 / pi) * (x + 0.044715 * x^3)"""
    maker = _maker(graph, value, "Mul")
    if maker is None:
        return False
    for total, factor in _both(maker):
        if not _near(graph.scalar(factor), math.sqrt(2 / math.pi)):
            continue
        added = _maker(graph, total, "Add")
        if added is not None and any(a == x and _is_cubic(graph, c, x) for a, c in _both(added)):
            return True
    return False


def _is_cubic(graph: Graph, value: str, x: str) -> bool:
    """Whether value = 0.044715 * x^3"""
    number, powers = 1.0, 0
    maker = _maker(graph, value, "Mul")
    if maker is None:
        return False
    for factor in _factors(graph, maker, x):
        scalar = graph.scalar(factor)
        power = _maker(graph, factor, "Pow")
        if scalar is not None:
            number *= scalar
        elif factor == x:
            powers += 1
        elif power is not None and power.input(0) == x:
            powers += int(graph.scalar(power.input(1)) or 0)
        else:
            return False
    return powers == 3 and _near(number, _CUBIC)


def _factorings(graph: Graph, node: Node) -> Iterator[list[str]]:
    """The operands of a product, each as it is or as the product that it is."""
    ways = [
        [[value], *([list(maker.inputs)] if (maker := _maker(graph, value, "Mul")) else [])]
        for value in node.inputs
    ]
    for choice in itertools.product(*ways):
        yield [factor for part in choice for factor in part]


def _factors(graph: Graph, node: Node, x: str) -> list[str]:
    """What is multiplied, through products of products, down to x."""
    found: list[str] = []
    for value in node.inputs:
        maker = _maker(graph, value, "Mul") if value != x else None
        found += _factors(graph, maker, x) if maker is not None else [value]
    return found


def _maker(graph: Graph, value: str, op: str) -> Node | None:
    """The node that makes it, if it is this operator and the value is no constant."""
    maker = graph.makers.get(value)
    return maker if maker is not None and maker.op == op and not graph.is_constant(value) else None


def _both(node: Node) -> Iterator[tuple[str, str]]:
    """The two operands in both orders."""
    if len(node.inputs) == 2:
        a, b = node.inputs
        yield a, b
        yield b, a


def _near(a: float | None, b: float) -> bool:
    """Equal up to the rounding of float16."""
    return a is not None and math.isclose(a, b, rel_tol=1e-3)
