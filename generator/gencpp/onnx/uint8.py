"""uint8 at the border of an ONNX graph only: what moves its bytes does so after the cast.

TensorRT has uint8 for inputs and outputs, and converts it from and to floating point; no layer takes it.
Networks for camera frames transpose or crop the bytes before they cast them. A float32 holds every uint8, so
that the same values move in float32, and a cast that came last comes first.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .graph import infer_shapes, replace_nodes
from .names import unused

_MOVES: Mapping[str, tuple[int, ...] | None] = {
    "Transpose": (0,),
    "Reshape": (0,),
    "Flatten": (0,),
    "Squeeze": (0,),
    "Unsqueeze": (0,),
    "Slice": (0,),
    "Gather": (0,),
    "GatherElements": (0,),
    "GatherND": (0,),
    "Expand": (0,),
    "Tile": (0,),
    "Split": (0,),
    "Identity": (0,),
    "DepthToSpace": (0,),
    "SpaceToDepth": (0,),
    "Pad": (0, 2),
    "Where": (1, 2),
    "Concat": None,
}
"""Operator -> the inputs that it moves; None: all. Its outputs are of their type."""

_COMPARES = ("Equal", "Greater", "GreaterOrEqual", "Less", "LessOrEqual")
"""They answer alike for the same numbers in float32."""


def cast_first(model: Any) -> bool:
    """Lets casts of uint8 inputs come before what moves them; whether anything changed.

    A graph that computes in uint8 besides that, or has uint8 inside a branch, stays as it is.
    """
    import onnx

    graph = model.graph
    types = element_types(model)
    uint8 = onnx.TensorProto.UINT8
    bytes_ = {name for name, kind in types.items() if kind == uint8}
    outputs = {o.name for o in graph.output}
    if not any(_needs_it(node, bytes_, outputs, graph, types) for node in graph.node):
        return False
    if not all(_takes_it(node, bytes_) for node in graph.node):
        return False
    _rewrite(model, bytes_, outputs)
    infer_shapes(model)
    return True


def element_types(model: Any) -> dict[str, int]:
    """Element type (of onnx.TensorProto.DataType) of every value of the main graph that is known."""
    graph = model.graph
    found = {v.name: v.type.tensor_type.elem_type for v in (*graph.input, *graph.value_info, *graph.output)}
    found.update((t.name, t.data_type) for t in graph.initializer)
    return found


def _needs_it(node: Any, bytes_: set[str], outputs: set[str], graph: Any, types: Mapping[str, int]) -> bool:
    """Whether the node gives uint8 inside, takes it without casting, or casts it to what is no float."""
    import onnx

    if not any(name in bytes_ for name in (*node.input, *node.output)):
        return False
    if node.op_type == "Cast" and node.output[0] in outputs | set(types):
        floats = (onnx.TensorProto.FLOAT, onnx.TensorProto.FLOAT16)
        given, made = types.get(node.input[0]), types.get(node.output[0])
        if made == onnx.TensorProto.UINT8:
            return False  # what computes in uint8 after that is not ours to change
        return given == onnx.TensorProto.UINT8 and made not in floats
    passes = node.op_type == "Identity" and node.output[0] in outputs
    return not passes or node.input[0] not in {i.name for i in graph.input}


def _takes_it(node: Any, bytes_: set[str]) -> bool:
    """Whether the node's uint8 can be float32 instead."""
    touched = {i for i, name in enumerate(node.input) if name in bytes_}
    if node.op_type == "Cast" and not node.domain:
        return node.output[0] not in bytes_
    if not touched and not any(name in bytes_ for name in node.output):
        return not any(_mentions(a, bytes_) for a in node.attribute)
    if node.domain or any(_mentions(a, bytes_) for a in node.attribute):
        return False
    if node.op_type in _COMPARES:
        return True
    moved = _MOVES.get(node.op_type, ())
    return moved is None or touched <= set(moved)


def _mentions(attribute: Any, names: set[str]) -> bool:
    """Whether a branch of a node reads one of the names."""
    graphs = [attribute.g] if attribute.HasField("g") else list(attribute.graphs)
    return any(
        bool(names.intersection(node.input)) or any(_mentions(a, names) for a in node.attribute)
        for graph in graphs
        for node in graph.node
    )


def _rewrite(model: Any, bytes_: set[str], outputs: set[str]) -> None:
    import onnx
    from onnx import helper, numpy_helper

    graph = model.graph
    taken = {n.name for n in graph.node}
    values = {name for n in graph.node for name in (*n.input, *n.output)} | outputs
    wide: dict[str, str] = {}
    nodes: list[Any] = []
    float32 = onnx.TensorProto.FLOAT

    def cast(source: str, target: str, kind: int) -> Any:
        return helper.make_node("Cast", [source], [target], name=unused("Cast", taken), to=kind)

    for tensor in list(graph.initializer):
        if tensor.name in bytes_:
            wide[tensor.name] = unused(f"{tensor.name}_float", values)
            graph.initializer.append(
                numpy_helper.from_array(numpy_helper.to_array(tensor).astype("float32"), wide[tensor.name])
            )
    for value in graph.input:
        if value.name in bytes_:
            wide[value.name] = unused(f"{value.name}_float", values)
            nodes.append(cast(value.name, wide[value.name], float32))
    for node in graph.node:
        node.input[:] = [wide.get(name, name) for name in node.input]
        for i, name in enumerate(node.output):
            if name in bytes_:
                wide[name] = unused(f"{name}_float", values)
                node.output[i] = wide[name]
        moved = node.input[0] in wide.values() if node.op_type == "Cast" else False
        if moved and helper.get_node_attr_value(node, "to") == float32:  # it came first
            if node.output[0] not in outputs:
                wide[node.output[0]] = node.input[0]
                continue
            node.op_type = "Identity"
            del node.attribute[:]
        nodes.append(node)
    nodes += [cast(wide[o.name], o.name, onnx.TensorProto.UINT8) for o in graph.output if o.name in bytes_]
    used = {name for n in nodes for name in n.input} | outputs
    replace_nodes(graph, nodes)
    kept = [t for t in graph.initializer if t.name in used]
    del graph.initializer[:]
    graph.initializer.extend(kept)
    described = [v for v in graph.value_info if v.name not in bytes_]
    del graph.value_info[:]
    graph.value_info.extend(described)
