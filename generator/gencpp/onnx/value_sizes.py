"""Outputs of an ONNX file whose sizes depend on the inputs' values."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..core.spec import UNBOUNDED, TensorSpec
from .given import read_given
from .graph import dims_of, infer_shapes
from .names import all_nodes, subgraphs

_SIZES_OF_VALUES = frozenset({"NonZero", "NonMaxSuppression", "Unique", "Compress"})
_SIZES_ONLY = frozenset({"Shape", "Size"})
"""Their results depend on no value of what they are given."""


def value_sizes_of_file(path: Path, inputs: Sequence[TensorSpec]) -> dict[tuple[int, int], int]:
    """(output, dimension): UNBOUNDED, for each that ONNX's shape inference cannot tell for these inputs and
    that is behind an operator whose result has as many elements as values say."""
    model = read_given(path)
    graph = model.graph
    behind = _behind(graph)
    if not behind:
        return {}
    for value, spec in zip(graph.input, inputs, strict=True):
        shape = value.type.tensor_type.shape
        shape.ClearField("dim")
        for size in spec.shape():
            shape.dim.add().dim_value = size
    del graph.value_info[:]
    for output in graph.output:
        output.type.tensor_type.ClearField("shape")
    infer_shapes(model, check_types=False, strict=False)  # ONNX Runtime ran it: what is unknown stays unknown
    return {
        (index, d): UNBOUNDED
        for index, output in enumerate(model.graph.output)
        if output.name in behind
        for d, size in enumerate(dims_of(output))
        if not isinstance(size, int)
    }


def _behind(graph: Any) -> set[str]:
    """Values whose size depends on values, through whatever follows such an operator."""
    weights = {t.name for t in graph.initializer}
    of_inputs = {v.name for v in graph.input} - weights
    behind: set[str] = set()
    for node in graph.node:  # in the order of the computation
        inner = [n for graph_ in subgraphs(node) for n in all_nodes(graph_)]
        given = {*node.input, *(name for n in inner for name in n.input)}
        sizes_of_values = any(n.op_type in _SIZES_OF_VALUES for n in (node, *inner))
        if (sizes_of_values and given & of_inputs) or given & behind:
            behind.update(node.output)
        if given & of_inputs and node.op_type not in _SIZES_ONLY:
            of_inputs.update(node.output)
    return behind
