"""From the layers as they were made to a plan: what nothing uses is dropped, and everything gets its name."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterable
from typing import Any

from ...onnx.names import unused
from ..plan import Constant, Layer, NetworkPlan, PlanTensor, weights_of
from ..weights_file import layout
from .builder import Builder
from .layers import Made, Missing
from .sizes import plain

SHARED_LEAST = 1 << 18
"""Bytes: smaller weights that several modules have are written once for each of them, as in the state dict.

Exporters merge equal constants, such as the ones and zeros of untrained LayerNorms.
"""

_WEIGHT_FIELDS = ("weight", "bias", "scale", "shift")


def live(builder: Builder) -> list[Made]:
    """The layers that the outputs need, in order, constants directly before their first use."""
    needed: set[str] = set()
    pending = [builder.producers[o].name for o in builder.graph.outputs if o in builder.producers]
    by_name = {m.layer.name: m for m in builder.made}
    while pending:
        name = pending.pop()
        if name in needed:
            continue
        needed.add(name)
        inputs = by_name[name].layer.inputs
        pending += [builder.producers[i].name for i in inputs if i in builder.producers]
    order: list[Made] = []
    placed: set[str] = set()
    outputs = set(builder.graph.outputs)
    for made in builder.made:
        layer = made.layer
        late = isinstance(layer, Constant) and not outputs.intersection(layer.outputs)
        if layer.name not in needed or late:
            continue
        for tensor in layer.inputs:
            maker = builder.producers.get(tensor)
            if isinstance(maker, Constant) and maker.name not in placed:
                placed.add(maker.name)
                order.append(by_name[maker.name])
        if layer.name not in placed:
            placed.add(layer.name)
            order.append(made)
    return order


def missing(layers: Iterable[Made]) -> list[Made]:
    """Those that stand for nodes that are not covered."""
    return [m for m in layers if isinstance(m.layer, Missing)]


def finished(builder: Builder, order: list[Made]) -> tuple[NetworkPlan, dict[str, Any]]:
    """The plan of these layers, and its weights by name."""
    names = _layer_names(builder, order)
    weight_names = _weight_names(builder, order, names)
    tensor_names = _tensor_names(builder, order, names)
    layers: list[Layer] = []
    tensors: list[PlanTensor] = []
    arrays: dict[str, Any] = {}
    for made in order:
        layer = made.layer
        renamed = {f: weight_names[layer.name, f] for f in _WEIGHT_FIELDS if (layer.name, f) in weight_names}
        for field, name in renamed.items():
            arrays.setdefault(name, builder.arrays[getattr(layer, field)].values)
        layers.append(
            dataclasses.replace(
                layer,
                name=names[layer.name],
                inputs=tuple(tensor_names.get(i, i) for i in layer.inputs),
                outputs=tuple(tensor_names.get(o, o) for o in layer.outputs),
                **renamed,
            )
        )
        for output in layer.outputs:
            tensor = builder.tensors[output]
            name = tensor_names.get(output, output)
            tensors.append(PlanTensor(name=name, dtype=tensor.dtype, dims=plain(tensor.dims)))
    graph = builder.graph
    inputs = tuple(
        PlanTensor(name=n, dtype=builder.tensors[n].dtype, dims=plain(builder.tensors[n].dims))
        for n in graph.inputs
    )
    plan = NetworkPlan(
        inputs=inputs,
        outputs=graph.outputs,
        layers=tuple(layers),
        tensors=tuple(tensors),
        weights=layout(arrays),
        modules=_modules(graph.modules, layers),
    )
    return plan, arrays


def _modules(modules: dict[str, str], layers: list[Layer]) -> dict[str, str]:
    """Those that have layers, with all that they are in."""
    used: set[str] = {""}
    for path in {layer.module for layer in layers}:
        parts = path.split(".")
        used |= {".".join(parts[:n]) for n in range(1, len(parts) + 1)}
    return {path: name for path, name in modules.items() if path in used}


# --- names of layers ---


def _layer_names(builder: Builder, order: list[Made]) -> dict[str, str]:
    """By provisional name."""
    whole = _whole_modules(builder, order)
    taken: set[str] = set()
    names: dict[str, str] = {}
    for made in order:
        path, layer = made.node.module, made.layer
        if isinstance(layer, Constant):
            source = builder.arrays[layer.weight].source if layer.weight else ""
            wanted = source if builder.graph.is_parameter(source) else _joined(path, "constant")
        elif layer.name in whole:
            wanted = path
        else:
            wanted = _joined(path, made.what)
        names[layer.name] = unused(wanted, taken)
    return names


def _whole_modules(builder: Builder, order: list[Made]) -> set[str]:
    """Layers that are what their module does, by provisional name: they are called as the module."""
    by_module: dict[str, list[Made]] = {}
    for made in order:
        if not isinstance(made.layer, Constant):
            by_module.setdefault(made.layer.module, []).append(made)
    parents = {path.rpartition(".")[0] for path in (*builder.graph.modules, *by_module) if path}
    for path in list(parents):
        parts = path.split(".")
        parents |= {".".join(parts[:n]) for n in range(1, len(parts))}
    found: set[str] = set()
    for path, layers in by_module.items():
        if not path or path in parents:
            continue
        main = [m for m in layers if weights_of(m.layer)] or layers
        if len({type(m.layer) for m in main}) == 1 and len({m.what for m in main}) == 1:
            calls = Counter(m.node.name for m in main)
            if max(calls.values()) == 1:
                found |= {m.layer.name for m in main}
    return found


def _joined(path: str, what: str) -> str:
    return f"{path}/{what}" if path else what


def _tensor_names(builder: Builder, order: list[Made], names: dict[str, str]) -> dict[str, str]:
    """Of the tensors that lowering added, by provisional name."""
    taken = {o for made in order for o in made.layer.outputs} | set(builder.graph.inputs)
    found: dict[str, str] = {}
    for made in order:
        for i, output in enumerate(made.layer.outputs):
            if output.startswith("#"):
                suffix = "output" if i == 0 else f"output_{i}"
                found[output] = unused(f"{names[made.layer.name]}/{suffix}", taken)
    return found


# --- names of weights ---


def _weight_names(builder: Builder, order: list[Made], names: dict[str, str]) -> dict[tuple[str, str], str]:
    """By a layer's provisional name and its field.

    `<layer>.<field>`, or the name of a Constant; weights that several layers have are called after the
    first of them.
    """
    taken: set[str] = set()
    shared: dict[Any, str] = {}
    found: dict[tuple[str, str], str] = {}
    for made in order:
        layer = made.layer
        for field in _WEIGHT_FIELDS:
            provisional = getattr(layer, field, "")
            if not provisional:
                continue
            array = builder.arrays[provisional]
            module = "" if array.values.nbytes >= SHARED_LEAST else layer.module
            key = (array.source or provisional, array.values.shape, module)
            if key not in shared:
                name = names[layer.name]
                shared[key] = unused(name if isinstance(layer, Constant) else f"{name}.{field}", taken)
            found[layer.name, field] = shared[key]
    return found
