"""A file of the user's as every pass here takes it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..core.errors import UsageError
from .file import read_onnx
from .graph import opset_of, plain_graph
from .names import subgraphs
from .upgrade import OLDEST, TARGET, NotUpgraded, upgraded


def read_given(path: Path) -> Any:
    """The ModelProto with all its weights, without local functions, in opset 13 or later; raises UsageError.

    Weights are among the initialisers only, and a size of -1, as some exporters write it, is unknown.
    """
    return as_given(path, read_onnx(path))


def as_given(path: Path, model: Any) -> Any:
    """The same for a ModelProto that is read already, and is changed."""
    model = plain_graph(model)
    forget_negative_sizes(model.graph)
    opset = opset_of(model)
    try:
        return upgraded(model)
    except NotUpgraded as e:
        how = "export the model anew" if opset < OLDEST else "export the model anew, or rewrite that part"
        raise UsageError(
            f"{path.name} is of opset {opset} and cannot be written in opset {TARGET}: {e}",
            hint=f"{how}, in opset {TARGET} or later.",
        ) from None


def forget_negative_sizes(graph: Any) -> bool:
    """Dimensions below 0 become unknown ones; whether there were any."""
    found = False
    for value in (*graph.input, *graph.output, *graph.value_info):
        for dim in value.type.tensor_type.shape.dim:
            if dim.HasField("dim_value") and dim.dim_value < 0:
                dim.ClearField("dim_value")
                found = True
    for node in graph.node:
        for inner in subgraphs(node):
            found = forget_negative_sizes(inner) or found
    return found
