"""Passes over an ONNX graph that every export goes through: constants, outputs, shapes, saving."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..core.spec import TensorSpec
from .names import all_nodes, subgraphs

_SMALL = 1024
"""Elements: shape inference reads the values of constants that are shapes, axes and sizes, not of weights."""

_OUTSIDE_LEAST = 1024
"""Bytes: smaller constants stay in the model's file, where parsers read shapes and axes."""

EXTERNAL_ABOVE = 1_900_000_000
"""Bytes of weights: a protobuf file ends at 2 GiB, and the graph needs room beside them."""

_ALIGNMENT = 4096
"""Of a tensor in the file of weights, so that it can be mapped into memory as it is."""


def plain_graph(model: Any) -> Any:
    """A given file's model without local functions, and with its weights among the initialisers only."""
    from onnx.inliner import inline_local_functions

    if model.functions:
        model = inline_local_functions(model)
        used = {n.domain for n in all_nodes(model.graph)} | {"", "ai.onnx"}
        opsets = [o for o in model.opset_import if o.domain in used]
        del model.opset_import[:]
        model.opset_import.extend(opsets)
    weights = {t.name for t in model.graph.initializer}
    inputs = [i for i in model.graph.input if i.name not in weights]
    del model.graph.input[:]
    model.graph.input.extend(inputs)
    return model


def lift_constants(model: Any) -> None:
    """Constant nodes become initialisers (of the main graph), as the dynamo exporter writes them."""
    graph = model.graph
    kept = []
    for node in graph.node:
        tensor = _constant(node) if node.op_type == "Constant" and not node.domain else None
        if tensor is None:
            kept.append(node)
            continue
        lifted = graph.initializer.add()
        lifted.CopyFrom(tensor)
        lifted.name = node.output[0]
    replace_nodes(graph, kept)


def _constant(node: Any) -> Any:
    import numpy as np
    from onnx import numpy_helper

    attribute = node.attribute[0]
    values: Any
    if attribute.name == "value":
        return attribute.t
    if attribute.name in ("value_int", "value_ints"):
        values = np.array(attribute.i if attribute.name == "value_int" else list(attribute.ints), np.int64)
    elif attribute.name in ("value_float", "value_floats"):
        values = np.array(
            attribute.f if attribute.name == "value_float" else list(attribute.floats), np.float32
        )
    else:
        return None
    return numpy_helper.from_array(values)


def own_outputs(model: Any) -> None:
    """Every output gets a node of its own: one that is an input, a weight or another output, an Identity."""
    graph = model.graph
    seen = {i.name for i in graph.input} | {t.name for t in graph.initializer}
    for i, output in enumerate(graph.output):
        if output.name in seen:
            node = graph.node.add(op_type="Identity", name=f"Identity_of_output_{i}")
            node.input.append(output.name)
            output.name = f"{output.name}_as_output_{i}"
            node.output.append(output.name)
        seen.add(output.name)


def describe_border(model: Any, inputs: Sequence[TensorSpec], outputs: Sequence[TensorSpec]) -> None:
    """Writes the dimensions of inputs and outputs as the model's spec has them."""
    graph = model.graph
    narrowed = False
    for values, specs in ((graph.input, inputs), (graph.output, outputs)):
        for value, spec in zip(values, specs, strict=True):
            shape = value.type.tensor_type.shape
            while len(shape.dim) < len(spec.dims):
                shape.dim.add()
            for i, (dim, wanted) in enumerate(zip(shape.dim, spec.dims, strict=True)):
                if not wanted.dynamic and not dim.dim_value:
                    narrowed = narrowed or bool(dim.dim_param)
                    dim.dim_value = wanted.opt
                elif wanted.dynamic and not dim.dim_param:
                    dim.dim_param = "batch" if i == spec.batch_at else f"{value.name}_{i}"
    if narrowed:
        del graph.value_info[:]  # said for sizes that vary no more


def drop_unused(model: Any) -> None:
    """Initialisers and described values that no node has."""
    graph = model.graph
    used = {o.name for o in graph.output}
    made: set[str] = set()
    for node in all_nodes(graph):
        used.update(node.input)
        made.update(node.output)
        for inner in subgraphs(node):
            used.update(o.name for o in inner.output)
    for values, keep in ((graph.initializer, used), (graph.value_info, made)):
        kept = [v for v in values if v.name in keep]
        if len(kept) != len(values):
            del values[:]
            values.extend(kept)


def replace_nodes(graph: Any, nodes: list[Any]) -> None:
    """`graph` with these nodes."""
    copies = [type(n)() for n in nodes]
    for copy, node in zip(copies, nodes, strict=True):
        copy.CopyFrom(node)
    del graph.node[:]
    graph.node.extend(copies)


def infer_shapes(model: Any, *, check_types: bool = True, strict: bool = True) -> None:
    """Completes the described values and outputs of `model`; raises where operators and claims contradict.
    (Without `strict` those are left as they are.)

    With `check_types`, also where an operator gets types that its version does not take. Works on a copy
    without the weights' values.
    """
    import onnx

    graph = model.graph
    light = without_values(model)
    found = onnx.shape_inference.infer_shapes(
        light, check_type=check_types, strict_mode=strict, data_prop=True
    )
    del graph.value_info[:], graph.output[:]
    graph.value_info.extend(sorted(found.graph.value_info, key=lambda v: v.name))
    graph.output.extend(found.graph.output)


def without_values(model: Any) -> Any:
    """A copy in which large weights have no values, so that no size is too large for a pass over it."""
    graph = model.graph
    weights = {t.name for t in graph.initializer}
    light = _shell(model)
    light.graph.value_info.extend(v for v in graph.value_info if v.name not in weights)
    light.graph.initializer.extend(_without_values(t) for t in graph.initializer)
    return light


def with_values(light: Any, model: Any) -> Any:
    """`light`, made of a copy of `model` by `without_values`, with the values of the latter."""
    values = {t.name: t for t in model.graph.initializer}
    for tensor in light.graph.initializer:
        if tensor.data_location == tensor.EXTERNAL:
            tensor.CopyFrom(values[tensor.name])
    return light


def _shell(model: Any) -> Any:
    """A copy of `model` without initialisers and described values."""
    import onnx

    shell = onnx.ModelProto(
        ir_version=model.ir_version,
        producer_name=model.producer_name,
        producer_version=model.producer_version,
    )
    shell.opset_import.extend(model.opset_import)
    shell.functions.extend(model.functions)
    shell.graph.name = model.graph.name
    shell.graph.node.extend(model.graph.node)
    shell.graph.input.extend(model.graph.input)
    shell.graph.output.extend(model.graph.output)
    return shell


def _without_values(tensor: Any) -> Any:
    if math.prod(tensor.dims) <= _SMALL:
        return tensor
    return _outside(tensor, "weights", 0)


def dims_of(value: Any) -> list[int | str]:
    """Sizes of a graph's input, output or value; a name where one varies, "?" where it is unknown."""
    return [
        d.dim_value if d.HasField("dim_value") else d.dim_param or "?"
        for d in value.type.tensor_type.shape.dim
    ]


def opset_of(model: Any) -> int:
    """The version of the standard operators that the file asks for."""
    return max((o.version for o in model.opset_import if o.domain in ("", "ai.onnx")), default=0)


def operator_counts(model: Any) -> tuple[tuple[str, int], ...]:
    """(operator, nodes), most frequent first; operators outside the standard with their domain."""
    counts = Counter(
        f"{n.domain}::{n.op_type}" if n.domain not in ("", "ai.onnx") else n.op_type
        for n in all_nodes(model.graph)
    )
    return tuple(sorted(counts.items(), key=lambda c: (-c[1], c[0])))


def weight_bytes(model: Any) -> int:
    """Bytes of all initialisers."""
    return sum(len(t.raw_data) or t.ByteSize() for t in model.graph.initializer)


def save(model: Any, path: Path, external_above: int) -> Path | None:
    """Writes `path`, and beside it `<name>.data` when the weights are larger; gives that path back.

    The same model gives the same bytes. Leaves `model` as it was.
    """
    data = path.with_name(path.name + ".data")
    outside = {t.name for t in model.graph.initializer if len(t.raw_data) >= _OUTSIDE_LEAST}
    if weight_bytes(model) <= external_above or not outside:
        data.unlink(missing_ok=True)  # of a larger model of that name
        path.write_bytes(model.SerializeToString(deterministic=True))
        return None
    shell = _shell(model)
    shell.graph.value_info.extend(model.graph.value_info)
    with data.open("wb") as file:
        for tensor in model.graph.initializer:
            if tensor.name not in outside:
                shell.graph.initializer.add().CopyFrom(tensor)
                continue
            file.write(bytes(-file.tell() % _ALIGNMENT))
            shell.graph.initializer.append(_outside(tensor, data.name, file.tell()))
            file.write(tensor.raw_data)
    path.write_bytes(shell.SerializeToString(deterministic=True))
    return data


def _outside(tensor: Any, location: str, offset: int) -> Any:
    """`tensor` without its values, which are in the file `location` beside the model."""
    import onnx

    bare = onnx.TensorProto(name=tensor.name, data_type=tensor.data_type, dims=tensor.dims)
    bare.data_location = onnx.TensorProto.EXTERNAL
    for key, value in (("location", location), ("offset", offset), ("length", len(tensor.raw_data))):
        bare.external_data.add(key=key, value=str(value))
    return bare
