"""An ONNX graph for an older parser: opset 18 rewritten for 17, LayerNormalization written out.

torch's dynamo exporter writes opset 18 whatever it is asked for, and onnx's own converter gives up on the
first operator whose axes became an input. TensorRT 8.x reads opset 18 without complaint and ignores those
axes: a mean over two dimensions becomes one over all of them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .graph import dims_of, drop_unused, opset_of, replace_nodes
from .names import all_nodes, module_path, subgraphs

LOWEST = 17
_IR_VERSION = 8
"""What onnx 1.12 wrote, which brought opset 17."""

_REDUCE = tuple(
    f"Reduce{kind}" for kind in ("L1", "L2", "LogSum", "LogSumExp", "Max", "Mean", "Min", "Prod", "SumSquare")
)
_NEW_IN_18 = (
    *("BitwiseAnd", "BitwiseNot", "BitwiseOr", "BitwiseXor", "CenterCropPad", "Col2Im"),
    *("GroupNormalization", "OptionalGetElement", "OptionalHasElement"),
)


class _Graph:
    """A graph with what a rewrite asks of it."""

    def __init__(self, model: Any) -> None:
        self.graph = model.graph
        self.constants = {t.name: t for t in model.graph.initializer}
        self.dims = {
            v.name: dims_of(v) for v in (*model.graph.value_info, *model.graph.input, *model.graph.output)
        }

    def ints(self, name: str) -> list[int] | None:
        """The values of a constant, None when it is none."""
        from onnx import numpy_helper

        tensor = self.constants.get(name)
        return None if tensor is None else [int(v) for v in numpy_helper.to_array(tensor).reshape(-1)]

    def constant(self, name: str, values: Any) -> str:
        """Adds a constant; gives its name."""
        from onnx import numpy_helper

        self.graph.initializer.append(numpy_helper.from_array(values, name))
        self.constants[name] = self.graph.initializer[-1]
        return name


def to_opset_17(model: Any) -> list[str]:
    """Rewrites a graph of opset 18; gives what cannot be written in 17, and then leaves it half done."""
    if opset_of(model) <= LOWEST:
        return []
    if opset_of(model) != LOWEST + 1:
        return [f"opset {opset_of(model)} is not rewritten for {LOWEST}"]
    graph = _Graph(model)
    problems: dict[str, None] = {}
    nodes: list[Any] = []
    if any(True for node in model.graph.node for _ in subgraphs(node)):
        inner = {n.op_type for n in all_nodes(model.graph)} - {n.op_type for n in model.graph.node}
        problems |= dict.fromkeys(f"{o} inside a branch or a loop" for o in inner & {*_REDUCE, *_REWRITES})
    for node in model.graph.node:
        rewrite = _REWRITES.get(node.op_type) if node.domain in ("", "ai.onnx") else None
        made = rewrite(graph, node) if rewrite else [node]
        if isinstance(made, str):
            problems[f"{node.op_type} {made} (from {module_path(node) or 'the model itself'})"] = None
        else:
            nodes += made
    if problems:
        return list(problems)
    replace_nodes(model.graph, nodes)
    drop_unused(model)
    for opset in model.opset_import:
        if opset.domain in ("", "ai.onnx"):
            opset.version = LOWEST
    model.ir_version = min(model.ir_version, _IR_VERSION)
    return []


def write_out_layer_norm(model: Any) -> list[str]:
    """LayerNormalization as means, differences and a root, for opset 17; names of the new nodes."""
    graph = _Graph(model)
    nodes: list[Any] = []
    written: list[str] = []
    for node in model.graph.node:
        if node.op_type != "LayerNormalization" or any(node.output[1:]):
            nodes.append(node)
            continue
        made = _layer_norm(graph, node)
        written += [n.name for n in made]
        nodes += made
    replace_nodes(model.graph, nodes)
    drop_unused(model)
    return written


def _layer_norm(graph: _Graph, node: Any) -> list[Any]:
    """(x - mean) / sqrt(mean((x - mean)^2) + epsilon) * scale + bias over the last axes."""
    import numpy as np
    import onnx

    attributes = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
    axis = attributes.get("axis", -1)
    if axis >= 0:
        axis -= len(graph.dims[node.input[0]])
    axes = list(range(axis, 0))
    made: list[Any] = []

    def add(what: str, op: str, *inputs: str, **more: Any) -> str:
        name = f"{node.name}_{what}"
        output = f"{name}_output_0"
        made.append(onnx.helper.make_node(op, list(inputs), [output], name=name, **more))
        return output

    x = node.input[0]
    scale = graph.constants.get(node.input[1])
    kind = onnx.helper.tensor_dtype_to_np_dtype(scale.data_type) if scale is not None else np.float32
    epsilon = graph.constant(f"{node.name}_epsilon", np.array(attributes.get("epsilon", 1e-5), dtype=kind))
    centred = add("centred", "Sub", x, add("mean", "ReduceMean", x, axes=axes, keepdims=1))
    squared = add("squared", "Mul", centred, centred)
    variance = add("variance", "ReduceMean", squared, axes=axes, keepdims=1)
    deviation = add("deviation", "Sqrt", add("shifted", "Add", variance, epsilon))
    add("normalised", "Div", centred, deviation)
    add("scaled", "Mul", made[-1].output[0], node.input[1])
    if len(node.input) > 2 and node.input[2]:
        add("biased", "Add", made[-1].output[0], node.input[2])
    made[-1].output[0] = node.output[0]
    return made


_Rewrite = Callable[[_Graph, Any], "list[Any] | str"]


def _reduce(graph: _Graph, node: Any) -> list[Any] | str:
    """The axes are an attribute."""
    import onnx

    if len(node.input) < 2 or not node.input[1]:
        axes = None
    elif (axes := graph.ints(node.input[1])) is None:
        return "with axes that are computed"
    skip = any(a.name == "noop_with_empty_axes" and a.i for a in node.attribute) and not axes
    if skip:
        return [onnx.helper.make_node("Identity", [node.input[0]], list(node.output), name=node.name)]
    made = _copy(node, without=("noop_with_empty_axes",), inputs=1)
    if axes:
        made.attribute.append(onnx.helper.make_attribute("axes", axes))
    return [made]


def _split(graph: _Graph, node: Any) -> list[Any] | str:
    """The sizes are an input, where the parts are not equal."""
    import numpy as np

    made = _copy(node, without=("num_outputs",))
    if len(node.input) > 1 and node.input[1]:
        return [made]
    axis = next((a.i for a in node.attribute if a.name == "axis"), 0)
    dims = graph.dims.get(node.input[0])
    size = dims[axis] if dims else "?"
    parts = len(node.output)
    if not isinstance(size, int):
        return "of a dimension that varies"
    each = -(-size // parts)
    sizes = [each] * (parts - 1) + [size - each * (parts - 1)]
    made.input[:] = [node.input[0], graph.constant(f"{node.name}.split", np.array(sizes, np.int64))]
    return [made]


def _pad(graph: _Graph, node: Any) -> list[Any] | str:
    """Padding is given for every dimension."""
    import numpy as np

    if len(node.input) < 4 or not node.input[3]:
        return [node]
    axes, pads = graph.ints(node.input[3]), graph.ints(node.input[1])
    dims = graph.dims.get(node.input[0])
    if axes is None or pads is None or dims is None:
        return "with axes or sizes that are computed"
    whole = [0] * (2 * len(dims))
    for i, axis in enumerate(axes):
        whole[axis % len(dims)] = pads[i]
        whole[axis % len(dims) + len(dims)] = pads[i + len(axes)]
    made = _copy(node, inputs=3)
    made.input[1] = graph.constant(f"{node.name}.pads", np.array(whole, np.int64))
    return [made]


def _resize(_: _Graph, node: Any) -> list[Any] | str:
    for attribute in node.attribute:
        if attribute.name == "antialias" and attribute.i:
            return "with antialiasing"
        if attribute.name == "axes" and attribute.ints:
            return "of some axes"
        if attribute.name == "keep_aspect_ratio_policy" and attribute.s != b"stretch":
            return "that keeps the aspect ratio"
    return [_copy(node, without=("antialias", "axes", "keep_aspect_ratio_policy"))]


def _scatter(_: _Graph, node: Any) -> list[Any] | str:
    kinds = [a.s.decode() for a in node.attribute if a.name == "reduction"]
    return f"with the reduction {kinds[0]}" if kinds and kinds[0] in ("max", "min") else [node]


def _mish(_: _Graph, node: Any) -> list[Any] | str:
    """x * tanh(softplus(x))"""
    import onnx

    soft, bent = f"{node.name}_softplus", f"{node.name}_tanh"
    make = onnx.helper.make_node
    return [
        make("Softplus", [node.input[0]], [f"{soft}_output_0"], name=soft),
        make("Tanh", [f"{soft}_output_0"], [f"{bent}_output_0"], name=bent),
        make("Mul", [node.input[0], f"{bent}_output_0"], list(node.output), name=node.name),
    ]


def _new(_: _Graph, node: Any) -> list[Any] | str:
    return "is not in opset 17"


def _copy(node: Any, without: tuple[str, ...] = (), inputs: int | None = None) -> Any:
    made = type(node)()
    made.CopyFrom(node)
    kept = [a for a in node.attribute if a.name not in without]
    del made.attribute[:]
    made.attribute.extend(kept)
    if inputs is not None:
        del made.input[inputs:]
    return made


_REWRITES: dict[str, _Rewrite] = {
    **dict.fromkeys(_REDUCE, _reduce),
    **dict.fromkeys(_NEW_IN_18, _new),
    **dict.fromkeys(("ScatterElements", "ScatterND"), _scatter),
    "Split": _split,
    "Pad": _pad,
    "Resize": _resize,
    "Mish": _mish,
}
