"""A PyTorch module as an ONNX graph, by torch's two exporters; nothing is written or compared here."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..core.loaded import LoadedModel
from ..core.messages import quiet_compiler, short_place, summary
from ..core.spec import ModelSpec
from ..tensors.dynamic_shapes import axis_name, dynamic_shapes, examples
from ..tensors.export_guards import Guards, guards_of
from ..tensors.fast_path import fast_path_off
from ..tensors.flat import PREFIX, flat_module

DYNAMO_OPSET = 18
"""What torch's newer exporter writes operators for; every other opset is converted from it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OnnxCandidate:
    """An ONNX graph in memory (ModelProto), with how it was made."""

    model: Any
    method: str
    parameters: frozenset[str] = frozenset()
    """Names of the module's parameters and buffers."""
    modules: frozenset[str] = frozenset()
    """Paths of its modules."""
    paths: Mapping[str, str] = field(default_factory=dict)
    """Modules of values by their exporter's names, for nodes without any."""
    prefix: str = ""
    """What the exporter put in front of modules and parameters."""
    warnings: tuple[str, ...] = ()
    traced: bool = False
    """Whether it has what Python made of one set of inputs; the tracer warns of some of that only."""
    sensitive: frozenset[str] = frozenset()
    """Nodes that stay in float32 whatever the precision."""
    given: bool = False
    """Whether it is the user's file, whose names stay."""
    guards: Guards = field(default_factory=Guards)
    """What torch.export's graph holds for and asserts, which an ONNX file does not."""


def by_dynamo(loaded: LoadedModel, spec: ModelSpec, *, tied: bool = False) -> OnnxCandidate:
    """By torch.export and onnxscript, at DYNAMO_OPSET; raises what they raise.

    `tied`: dimensions with equal bounds are one and the same (a mask as long as its tokens).
    """
    import torch

    shapes = dynamic_shapes(spec.inputs, tied=tied)
    with quiet_compiler(), torch.no_grad(), fast_path_off():
        program: Any = torch.onnx.export(
            loaded.module,
            tuple(examples(spec.inputs)),
            dynamo=True,
            opset_version=DYNAMO_OPSET,
            dynamic_shapes=shapes,
            verbose=False,
        )
    return OnnxCandidate(
        model=program.model_proto,
        method="torch.onnx.export (dynamo)",
        parameters=_parameters(loaded.module),
        modules=frozenset(n for n, _ in loaded.module.named_modules()),
        paths=_paths(getattr(program, "exported_program", None)),
        guards=guards_of(getattr(program, "exported_program", None), spec.inputs),
    )


def by_tracing(loaded: LoadedModel, spec: ModelSpec, opset: int) -> OnnxCandidate:
    """By the older exporter, which traces (or reads a script); raises what it raises."""
    import onnx
    import torch

    if isinstance(loaded.module, torch.jit.ScriptModule):
        module: Any = loaded.module
        prefix = ""
    else:
        module = flat_module(loaded.module)
        prefix = PREFIX
    names = [f"input_{i}" for i in range(len(spec.inputs))]
    outputs = [f"result_{i}" for i in range(len(spec.outputs))]
    axes = {
        n: {i: axis_name(t, i) for i, d in enumerate(t.dims) if d.dynamic}
        for n, t in zip((*names, *outputs), (*spec.inputs, *spec.outputs), strict=True)
    }
    buffer = io.BytesIO()
    with quiet_compiler() as caught, _no_graph_printed(), torch.no_grad(), fast_path_off():
        export: Any = torch.onnx.export
        export(
            module,
            tuple(examples(spec.inputs)),
            buffer,
            dynamo=False,
            opset_version=opset,
            input_names=names,
            output_names=outputs,
            dynamic_axes=axes,
            verbose=False,
        )
    told = dict.fromkeys(
        f"{short_place(w.filename, w.lineno)}: {summary(str(w.message))}"
        for w in caught
        if w.category.__name__ == "TracerWarning"
    )
    return OnnxCandidate(
        model=onnx.load_from_string(buffer.getvalue()),
        method="torch.onnx.export (older exporter)",
        parameters=_parameters(loaded.module),
        modules=frozenset(n for n, _ in loaded.module.named_modules()),
        prefix=prefix,
        warnings=tuple(told),
        traced=not isinstance(loaded.module, torch.jit.ScriptModule),
    )


@contextlib.contextmanager
def _no_graph_printed() -> Iterator[None]:
    """The exporter turns its log on, whatever was set, and prints the graph where an operator fails."""
    import torch

    native: Any = torch._C
    switch = getattr(native, "_jit_set_onnx_log_enabled", None)
    if switch is None:
        yield
        return
    switch(False)
    native._jit_set_onnx_log_enabled = lambda _: None
    try:
        yield
    finally:
        native._jit_set_onnx_log_enabled = switch


def _parameters(module: Any) -> frozenset[str]:
    names = {n for n, _ in module.named_parameters(remove_duplicate=False)}
    return frozenset(names | {n for n, _ in module.named_buffers(remove_duplicate=False)})


def _paths(program: Any) -> dict[str, str]:
    """The module of every node of torch.export's graph: its innermost named module."""
    found: dict[str, str] = {}
    for node in getattr(getattr(program, "graph", None), "nodes", ()):
        stack = node.meta.get("nn_module_stack") or {}
        if stack:
            found[node.name] = list(stack.values())[-1][0].partition("@")[0]
    return found
