"""Operators of an ONNX file that draw random numbers at run time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..tensors.draws import UNKNOWN, Draw
from .names import all_nodes

_ONNX = ("RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike", "Bernoulli", "Multinomial")


def onnx_draws(model: Any) -> list[Draw]:
    """Those of a ModelProto, its functions and inner graphs among them."""
    constants = {t.name: t for t in model.graph.initializer}
    nodes = [n for graph in (model.graph, *model.functions) for n in all_nodes(graph)]
    constants |= {
        n.output[0]: a.t for n in nodes if n.op_type == "Constant" for a in n.attribute if a.name == "value"
    }
    return [
        Draw(operator=n.op_type, place=n.name or ", ".join(n.output))
        for n in nodes
        if n.domain in ("", "ai.onnx") and (n.op_type in _ONNX or _dropout_draws(n, constants))
    ]


def _dropout_draws(node: Any, constants: Mapping[str, Any]) -> bool:
    import onnx

    if node.op_type != "Dropout" or len(node.input) < 3 or not node.input[2]:
        return False  # since opset 12 the third input switches it on; before, files are for inference

    def known(index: int) -> Any:
        name = node.input[index]
        return onnx.numpy_helper.to_array(constants[name]).item() if name in constants else UNKNOWN

    if known(2) is False:
        return False
    return not (node.input[1] and known(1) == 0)
