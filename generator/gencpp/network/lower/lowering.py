"""ONNX graph -> NetworkPlan and weights: constants folded, sizes followed, one function an operator."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ...core.errors import UsageError
from ..plan import NetworkPlan
from .builder import Builder
from .finish import finished, live, missing
from .fold import fold
from .graph import Graph, Node
from .layers import Follows, Missing, NotCovered
from .strided import follow
from .table import OPERATORS

OLDEST_OPSET = 13


@dataclass(frozen=True, slots=True, kw_only=True)
class Lowered:
    """A network and the arrays that its weights are, by PlanWeight.name."""

    plan: NetworkPlan
    weights: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """An operator of the graph that lowering does not cover."""

    operator: str
    module: str
    """Path of the PyTorch module that it comes from, "" for the model itself."""
    node: str
    reason: str

    def __str__(self) -> str:
        return f"{self.operator} {self.reason} (from {self.module or 'the model itself'}: {self.node})"


class Uncovered(UsageError):
    """The graph has operators, or forms of them, that lowering does not cover: all of them."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__(
            "network-definition code does not cover:" + "".join(f"\n  {p}" for p in self.problems),
            hint="use --trt-api parser.",
        )


def lower(model: Any, modules: Mapping[str, str]) -> Lowered:
    """The plan of an onnx.ModelProto, whose nodes are named after the modules that they come from.

    `modules`: class of every module by its path. Raises Uncovered.
    """
    graph = Graph(model, modules)
    if problems := _refused(graph):
        raise Uncovered(problems)
    builder = Builder(graph)
    for node in graph.nodes:
        _lower_node(builder, node)
    for output in graph.outputs:
        builder.own_output(output)
    order = live(builder)
    if absent := missing(order):
        # those without a reason only take what others of them give
        raise Uncovered([p for m in absent if (p := _problem(m.layer, m.node)).reason])
    plan, weights = finished(builder, order)
    return Lowered(plan=plan, weights=weights)


def _refused(graph: Graph) -> list[Problem]:
    """What stands in the way of the whole graph."""
    if graph.opset < OLDEST_OPSET:
        return [Problem(operator="opset", module="", node=str(graph.opset), reason="is older than 13")]
    return [
        *(
            Problem(operator="input", module="", node=name, reason=f"is {kind}")
            for name, kind in graph.border_types(graph.inputs)
        ),
        *(
            Problem(operator="output", module="", node=name, reason=f"is {kind}")
            for name, kind in graph.border_types(graph.outputs)
        ),
        *(
            Problem(operator="output", module="", node=name, reason="is an input")
            for name in graph.outputs
            if name in graph.inputs
        ),
    ]


def _lower_node(b: Builder, node: Node) -> None:
    b.node = node
    try:
        if fold(b.graph, node, b.dims_of):
            return
        follow(b.graph, node)
        operator = OPERATORS.get(node.op)
        if operator is None:
            b.missing(node, "has no layer here")
            return
        operator(b, node)
    except NotCovered as e:
        b.missing(node, str(e))
    except Follows:
        b.missing(node, "")


def _problem(layer: Any, node: Node) -> Problem:
    assert isinstance(layer, Missing)
    return Problem(operator=node.op, module=node.module, node=node.name, reason=layer.reason)
