"""An ONNX file of an old opset as one of opset 13, which everything here reads.

onnx's own converter does it from opset 7 on; what it gets wrong, or leaves out, is done here: all of opset 6
to 7 (broadcasts by `axis`, slopes of PRelu), and the coordinates of Resize, which opset 11 gave names.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from .graph import dims_of, infer_shapes, opset_of, replace_nodes, with_values, without_values
from .names import all_nodes, subgraphs

TARGET = 13
"""Axes are inputs, and Softmax is over one dimension."""

OLDEST = 6
"""Before it, Reshape and Pad have their sizes in other places, and nothing that writes files is as old."""

_IR_VERSION = 7
"""What onnx 1.8 wrote, which brought opset 13. From 4 on weights need not be among the inputs."""


class NotUpgraded(Exception):
    """Why a file cannot be written in opset 13."""


def upgraded(model: Any) -> Any:
    """`model`, as plain_graph leaves it, in opset 13 or as new as it is; raises NotUpgraded."""
    import onnx

    old = opset_of(model)
    model.ir_version = max(model.ir_version, _IR_VERSION)
    if old >= TARGET:
        return model
    if old < OLDEST:
        raise NotUpgraded(f"opset {old} is not read, {OLDEST} and later are")
    infer_shapes(model, check_types=False, strict=False)
    if old < OLDEST + 1:
        _to_opset_7(model)
    light = without_values(model)
    try:
        found = onnx.version_converter.convert_version(light, TARGET)
    except Exception as e:  # noqa: BLE001 - the converter raises RuntimeError, and what its adapters do
        raise NotUpgraded(_reason(e)) from None
    found = with_values(found, model)
    if old < _NAMED_COORDINATES:
        _name_coordinates(found)
    del found.graph.value_info[:]  # described for the operators that there were
    return found


def _reason(e: Exception) -> str:
    """The converter's own words, without the places in its source that it puts in front of them."""
    lines = [line.strip() for line in str(e).splitlines() if line.strip()]
    text = lines[-1] if lines else type(e).__name__
    return text.rpartition("failed: ")[2] or text


_NAMED_COORDINATES = 11


def _name_coordinates(model: Any) -> None:
    """Resize of opset 10, and Upsample, count from the corner and round down: later defaults do not."""
    import onnx

    for node in all_nodes(model.graph):
        if node.op_type == "Resize":
            named = {a.name for a in node.attribute}
            said = {"coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
            node.attribute.extend(onnx.helper.make_attribute(k, v) for k, v in said.items() if k not in named)


_Rank = Callable[[str], int]
_Rewrite = Callable[[Any, _Rank], "Sequence[Any]"]


def _to_opset_7(model: Any) -> None:
    """Broadcasting became NumPy's, and what told training from inference left."""
    graph = model.graph
    if any(True for node in graph.node for _ in subgraphs(node)):
        raise NotUpgraded("opset 6 is not read where there are branches or loops")
    described = (*graph.value_info, *graph.input, *graph.output)
    ranks = {v.name: len(dims_of(v)) for v in described if v.type.tensor_type.HasField("shape")}
    ranks |= {t.name: len(t.dims) for t in graph.initializer}

    def rank(name: str) -> int:
        if name not in ranks:
            raise NotUpgraded(f"the number of dimensions of {name} is not known, which opset 6 broadcasts by")
        return ranks[name]

    nodes: list[Any] = []
    for node in graph.node:
        rewrite = _CHANGED_IN_7.get(node.op_type)
        nodes += rewrite(node, rank) if rewrite else [node]
    replace_nodes(graph, nodes)
    for opset in model.opset_import:
        if opset.domain in ("", "ai.onnx"):
            opset.version = OLDEST + 1


def _broadcast(node: Any, rank: _Rank) -> Sequence[Any]:
    """b lies at dimension `axis` of a, and at the last ones without it."""
    attributes = _taken(node, "axis", "broadcast")
    a, b = node.input
    if not attributes.get("broadcast", 0):
        return [node]
    axis = attributes.get("axis", rank(a) - rank(b))
    axis = axis + rank(a) if axis < 0 else axis
    return _with_ones_behind(node, 1, rank(b), rank(a) - axis - rank(b))


def _slope(node: Any, rank: _Rank) -> Sequence[Any]:
    """PRelu's slopes are one, or one for each channel."""
    x, slope = node.input
    return _with_ones_behind(node, 1, rank(slope), max(0, rank(x) - 2) if rank(slope) == 1 else 0)


def _with_ones_behind(node: Any, index: int, rank: int, count: int) -> Sequence[Any]:
    import onnx

    if count <= 0:
        return [node]
    apart = f"{node.output[0]}_operand_{index}"
    axes = list(range(rank, rank + count))
    made = onnx.helper.make_node("Unsqueeze", [node.input[index]], [apart], name=apart, axes=axes)
    node.input[index] = apart
    return [made, node]


def _inference(node: Any, _: _Rank) -> Sequence[Any]:
    if not _taken(node, "is_test").get("is_test", 0):
        raise NotUpgraded(f"{node.op_type} {node.name or node.output[0]} is in training mode (is_test 0)")
    return [node]


def _without(*names: str) -> _Rewrite:
    def rewrite(node: Any, _: _Rank) -> Sequence[Any]:
        _taken(node, *names)
        return [node]

    return rewrite


def _upsample(node: Any, _: _Rank) -> Sequence[Any]:
    """Factors of height and width were attributes of their own."""
    import onnx

    factors = _taken(node, "height_scale", "width_scale")
    scales = [1.0, 1.0, factors.get("height_scale", 1.0), factors.get("width_scale", 1.0)]
    node.attribute.append(onnx.helper.make_attribute("scales", scales))
    return [node]


def _taken(node: Any, *names: str) -> dict[str, Any]:
    """These attributes, which the node has no more."""
    import onnx

    found = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute if a.name in names}
    kept = [a for a in node.attribute if a.name not in names]
    del node.attribute[:]
    node.attribute.extend(kept)
    return found


_CHANGED_IN_7: Mapping[str, _Rewrite] = {
    **dict.fromkeys(("Add", "Sub", "Mul", "Div", "Pow"), _broadcast),
    **dict.fromkeys(("And", "Or", "Xor", "Equal", "Greater", "Less"), _broadcast),
    **dict.fromkeys(("BatchNormalization", "Dropout"), _inference),
    **dict.fromkeys(("GRU", "LSTM", "RNN"), _without("output_sequence")),
    "Gemm": _without("broadcast"),
    "PRelu": _slope,
    "Upsample": _upsample,
}
"""What opset 7 changed in a way that matters to a file of opset 6."""
