"""Names in an ONNX graph: nodes by the PyTorch module they come from, weights by their parameter.

`layer1.0.conv1/Conv` is the first Conv of module layer1.0.conv1, `layer1.0.conv1/Conv_output_0` its
result, `layer1.0.conv1.weight` its weights: messages of TensorRT and profiles then speak of the model.
"""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

_SCOPES = "pkg.torch.onnx.name_scopes"
_CALL = re.compile(r"@\d+$")
_WEIGHTED = ("Conv", "ConvTranspose", "Gemm", "MatMul", "LayerNormalization", "InstanceNormalization")
"""Their second input says whose they are, whatever was fused into them."""


def module_path(node: Any) -> str:
    """The PyTorch module that a node comes from (`layer1.0.conv1`), "" for the model itself.

    Read from the dynamo exporter's metadata, else from the node's name: `layer1.0.conv1/Conv` as
    `readable_names` writes it, or `/layer1/layer1.0/conv1/Conv` as the older exporter does.
    """
    for entry in node.metadata_props:
        if entry.key == _SCOPES:
            return _from_scopes(entry.value)
    parts = node.name.split("/")[:-1]
    path: list[str] = []
    for part in filter(None, parts):
        if path and part.startswith(path[-1] + "."):
            path[-1] = part  # the older exporter repeats a container's name in its children's
        else:
            path.append(part)
    return ".".join(path)


def _from_scopes(text: str) -> str:
    """From `['', 'layer1', 'layer1.0', 'relu_1']`: the last module's path; the last entry is the call."""
    try:
        scopes = ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return ""
    return _CALL.sub("", str(scopes[-2])) if len(scopes) > 1 else ""


def all_nodes(graph: Any) -> Iterator[Any]:
    """Every node, those in the branches of If, Loop and Scan too."""
    for node in graph.node:
        yield node
        for inner in subgraphs(node):
            yield from all_nodes(inner)


def subgraphs(node: Any) -> Iterator[Any]:
    """The graphs among a node's attributes."""
    for attribute in node.attribute:
        if attribute.HasField("g"):
            yield attribute.g
        yield from attribute.graphs


def strip(model: Any) -> None:
    """Takes out what does not change the answers: notes of the exporter, which name files of this machine."""
    for entry in (model, model.graph):
        entry.doc_string = ""
    del model.metadata_props[:]
    _strip_graph(model.graph)


def _strip_graph(graph: Any) -> None:
    del graph.metadata_props[:]
    for values in (graph.input, graph.output, graph.value_info, graph.initializer, graph.node):
        for value in values:
            value.doc_string = ""
            del value.metadata_props[:]
    for node in graph.node:
        for attribute in node.attribute:
            attribute.doc_string = ""
        for inner in subgraphs(node):
            _strip_graph(inner)


def readable_names(
    model: Any,
    inputs: Collection[str],
    outputs: Collection[str],
    parameters: Collection[str],
    modules: Collection[str],
    paths: Mapping[str, str],
    prefix: str = "",
) -> None:
    """Renames inputs, outputs, nodes, values and constants of `model`.

    `parameters` are the names to keep, `modules` the paths that there are, `paths` those of values whose
    nodes lost theirs (by the value's name), `prefix` what the exporter put in front of all of them.
    """
    graph = model.graph
    taken = {*inputs, *outputs, *parameters}
    renamed: dict[str, str] = {}
    for values, names in ((graph.input, inputs), (graph.output, outputs)):
        for value, name in zip(values, names, strict=True):
            renamed[value.name] = name
    for tensor in graph.initializer:
        name = tensor.name.removeprefix(prefix)
        if name in parameters and name not in (*inputs, *outputs):
            renamed[tensor.name] = name
    node_names = _name_nodes(graph, parameters, modules, paths, prefix)
    constants = {t.name for t in graph.initializer if t.name not in renamed}
    for node, name in zip(all_nodes(graph), node_names, strict=True):
        node.name = name
        for i, value in enumerate(node.output):
            if value and value not in renamed:
                renamed[value] = unused(f"{name}_output_{i}", taken)
        for i, value in enumerate(node.input):
            if value in constants and value not in renamed:
                bias = _bias_name(node, i, renamed, parameters)
                renamed[value] = unused(bias or f"{name}.{_formal_name(node, i, model)}", taken)
    _rename(graph, lambda old: renamed.get(old, old))


def keep_names(model: Any, inputs: Collection[str], outputs: Collection[str]) -> None:
    """The names of a given file; nodes without one get it, and what the model calls otherwise is renamed."""
    graph = model.graph
    taken = {n.name for n in all_nodes(graph) if n.name}
    for node in all_nodes(graph):
        if not node.name:
            node.name = unused(node.op_type, taken)
    renamed = {}
    for values, names in ((graph.input, inputs), (graph.output, outputs)):
        for value, name in zip(values, names, strict=True):
            renamed[value.name] = name
    values_taken = {v for n in all_nodes(graph) for v in (*n.input, *n.output)} - set(renamed)
    for name in values_taken & set(renamed.values()):
        renamed[name] = unused(f"{name}_inner", values_taken)
    _rename(graph, lambda old: renamed.get(old, old))


def _name_nodes(
    graph: Any,
    parameters: Collection[str],
    modules: Collection[str],
    paths: Mapping[str, str],
    prefix: str,
) -> list[str]:
    taken: set[str] = set()
    names = []
    made_by: dict[str, str] = {}
    owners = Counter(n.input[1] for n in all_nodes(graph) if n.op_type in _WEIGHTED and len(n.input) > 1)
    # Exporters merge equal weights, such as the ones of untrained norms: those tell nothing.
    own = {weight for weight, count in owners.items() if count == 1}
    for node in all_nodes(graph):
        path = _path_of(node, parameters, own, paths, made_by, prefix)
        while path and path not in modules:
            path = path.rpartition(".")[0]  # the exporter's own scopes
        made_by.update(dict.fromkeys(filter(None, node.output), path))
        names.append(unused(f"{path}/{node.op_type}" if path else node.op_type, taken))
    return names


def _path_of(
    node: Any,
    parameters: Collection[str],
    own: Collection[str],
    paths: Mapping[str, str],
    made_by: Mapping[str, str],
    prefix: str,
) -> str:
    if node.op_type in _WEIGHTED and len(node.input) > 1 and node.input[1] in own:
        weight: str = node.input[1].removeprefix(prefix)
        if weight in parameters and "." in weight:
            return weight.rpartition(".")[0]
    if any(e.key == _SCOPES for e in node.metadata_props) or "/" in node.name:
        path = module_path(node)
        return "" if path + "." == prefix else path.removeprefix(prefix)
    for value in node.output:
        if value in paths:
            return paths[value]
    for value in node.input:  # made by a rewrite of the exporter: where its first operand comes from
        if value in made_by:
            return made_by[value]
    return ""


def _bias_name(node: Any, index: int, renamed: Mapping[str, str], parameters: Collection[str]) -> str:
    """`conv1.bias` for what was folded into a layer without one, beside its `conv1.weight`."""
    weight = renamed.get(node.input[1], "") if node.op_type in _WEIGHTED and index == 2 else ""
    return weight.removesuffix("weight") + "bias" if weight in parameters and "." in weight else ""


def _formal_name(node: Any, index: int, model: Any) -> str:
    """What the standard calls an operator's input: `shape` of Reshape, `B` of MatMul."""
    import onnx

    opset = next((o.version for o in model.opset_import if o.domain == node.domain), 1)
    try:
        formal = onnx.defs.get_schema(node.op_type, opset, node.domain).inputs
    except onnx.defs.SchemaError:
        return str(index)
    return str(formal[index].name) if index < len(formal) else f"{formal[-1].name}_{index}"


def unused(name: str, taken: set[str]) -> str:
    """`name`, with a number behind it where it is taken; taken from here on."""
    unique, n = name, 0
    while unique in taken:
        n += 1
        unique = f"{name}_{n}"
    taken.add(unique)
    return unique


def _rename(graph: Any, new: Callable[[str], str]) -> None:
    for values in (graph.input, graph.output, graph.initializer, graph.value_info):
        for value in values:
            value.name = new(value.name)
    for node in graph.node:
        node.input[:] = [new(n) for n in node.input]
        node.output[:] = [new(n) for n in node.output]
        for inner in subgraphs(node):
            _rename(inner, new)
