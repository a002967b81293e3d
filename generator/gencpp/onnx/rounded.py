"""An ONNX graph with bfloat16 in it, for ONNX Runtime, whose CPU kernels do not compute in it.

Every operator is computed in float32, and its result is rounded to bfloat16: so do kernels that accumulate in
float32, as those of GPUs do. Weights and values between two operators are the file's own.
"""

from __future__ import annotations

from typing import Any


def has_bfloat16(model: Any) -> bool:
    """Whether a weight or a cast of the graph is of bfloat16."""
    import onnx

    kind = onnx.TensorProto.BFLOAT16
    graph = model.graph
    return any(t.data_type == kind for t in graph.initializer) or any(
        a.i == kind for n in graph.node if n.op_type == "Cast" for a in n.attribute if a.name == "to"
    )


def rounded(model: Any) -> None:
    """Rewrites `model`, whose values are described; none of its inputs is of bfloat16."""
    import onnx
    from onnx import helper, numpy_helper

    kind, single = onnx.TensorProto.BFLOAT16, onnx.TensorProto.FLOAT
    graph = model.graph
    described = (*graph.value_info, *graph.output)
    narrow = {v.name for v in described if v.type.tensor_type.elem_type == kind}
    nodes: list[Any] = []
    renamed: dict[str, str] = {}
    for tensor in graph.initializer:
        if tensor.data_type == kind:
            renamed[tensor.name] = f"{tensor.name}__float32"
            nodes.append(helper.make_node("Cast", [tensor.name], [renamed[tensor.name]], to=single))
    for node in graph.node:
        node.input[:] = [renamed.get(n, n) for n in node.input]
        for attribute in node.attribute:
            if node.op_type == "Cast" and attribute.name == "to" and attribute.i == kind:
                attribute.i = single
            elif attribute.type == onnx.AttributeProto.TENSOR and attribute.t.data_type == kind:
                value = numpy_helper.to_array(attribute.t).astype("float32")
                attribute.t.CopyFrom(numpy_helper.from_array(value, attribute.t.name))
        nodes.append(node)
        for i, name in enumerate(node.output):
            if name in narrow:
                node.output[i] = f"{name}__exact"
                nodes.append(helper.make_node("Cast", [node.output[i]], [f"{name}__rounded"], to=kind))
                nodes.append(helper.make_node("Cast", [f"{name}__rounded"], [name], to=single))
    nodes = [type(n).FromString(n.SerializeToString()) for n in nodes]
    del graph.node[:]
    graph.node.extend(nodes)
    for value in (*graph.value_info, *graph.output):  # a probe has outputs of every kind
        if value.type.tensor_type.elem_type == kind:
            value.type.tensor_type.elem_type = single
