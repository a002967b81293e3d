"""`src/network.cpp`: the network's functions, one after the other."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from ...core.cpp import string_literal
from ..plan import NetworkPlan, PlanTensor
from .body import Body, signature
from .functions import functions
from .groups import tree_of
from .lines import BEHIND, aligned, comment, spaced, wrapped
from .names import variable
from .steps import AnyStep, BranchStep, CallStep, Function, LayerStep, LoopStep, NoteStep


def network_cpp(name: str, plan: NetworkPlan) -> str:
    """The C++ source of a project called `name`."""
    tensors = {t.name: t for t in (*plan.inputs, *plan.tensors)}
    root = tree_of(plan)
    *blocks, whole = functions(root, plan, lambda t: shape(tensors[t]))
    names = {f.name for f in blocks}
    lines: list[str] = []
    for function in blocks:
        lines += ["", *_block(function, names)]
    lines = ["namespace {", *lines, "", "}  // namespace", ""] if blocks else [""]
    lines += _define_layers(whole, plan, tensors, names)
    body = "\n".join(lines)
    headers = {
        "cstdint": "std::int",
        "limits": "std::numeric_limits",
        "string": "std::string",
        "tuple": "std::tuple",
    }
    system = [f"#include <{h}>" for h, what in headers.items() if what in body]
    if "std::tie(" in body and "#include <tuple>" not in system:
        system.append("#include <tuple>")
    return "\n".join(
        [
            "// The network, layer by layer, under the names of the PyTorch model. Written by gencpp.",
            "// A layer finds its weights by its name: those of conv1 are conv1.weight and conv1.bias.",
            '#include "network/trt_layers.hpp"',
            "",
            *([*system, ""] if system else []),
            f"namespace {name}::trt {{",
            body,
            f"}}  // namespace {name}::trt",
            "",
        ]
    )


def shape(tensor: PlanTensor) -> str:
    """`Nx64x56x56`; N is a batch that varies, ? any other size that does."""
    if not tensor.dims:
        return "scalar"
    sizes = ["?" if d < 0 else str(d) for d in tensor.dims]
    sizes[0] = "N" if tensor.dims[0] < 0 else sizes[0]
    return "x".join(sizes)


def _block(function: Function, names: set[str]) -> list[str]:
    inputs: list[str] = []
    taken = {*names, *(name for _, name in function.parameters)}
    for i, tensor in enumerate(function.inputs):
        if i == 0:
            inputs.append("x")
            continue
        parts = [p for p in re.split(r"[./]", re.sub(r"(_output_\d+|/output)$", "", tensor)) if p]
        inputs.append(variable(parts[-1] if parts else "", {*taken, *inputs}, "input"))
    body = Body(function, inputs, names)
    lines = [f"{signature(function, inputs)} {{", *body.lines(), "}"]
    return [*(comment(n) for n in function.note if n), *(part for line in lines for part in wrapped(line))]


def _define_layers(
    whole: Function, plan: NetworkPlan, tensors: Mapping[str, PlanTensor], names: set[str]
) -> list[str]:
    inputs: dict[str, str] = {}
    for tensor in plan.inputs:
        unique = variable(tensor.name, {*names, *inputs.values()}, "input")
        inputs[tensor.name] = "x" if len(plan.inputs) == 1 else unique
    whole.steps = list(_sections(whole.steps, tensors))

    def behind(step: AnyStep) -> str:
        call = step.call if isinstance(step, LoopStep) else step
        before, arrow, after = call.shapes.partition(" -> ") if isinstance(call, CallStep) else ("", "", "")
        if arrow and before != after and call is step:
            return BEHIND + after
        return ""

    body = Body(whole, [inputs[t] for t in whole.inputs], names, behind)
    lines = ["void define_layers(Layers& net) {"]
    for tensor in plan.inputs:
        made = f"net.input({string_literal(tensor.name)});{BEHIND}{shape(tensor)}"
        used = tensor.name in whole.inputs
        lines.append(f"  ITensor* {inputs[tensor.name]} = {made}" if used else f"  {made}")
    lines += body.lines()
    results = dict(zip(tree_of(plan).outputs, whole.results, strict=True))
    lines.append("")
    for name in plan.outputs:
        holder = body.holder(results[name]) if name in results else inputs[name]
        lines.append(f"  net.output({holder}, {string_literal(name)});")
    lines = [part for line in lines for part in wrapped(line)]
    return [*aligned(spaced(lines)), "}", ""]


def _sections(steps: Sequence[AnyStep], tensors: Mapping[str, PlanTensor]) -> list[AnyStep]:
    """With a note before every run of layers that belong to no group: the stem, the head."""
    made: list[AnyStep] = []
    depth = 0
    run: list[LayerStep | CallStep | LoopStep] = []

    def close() -> None:
        if any(isinstance(s, LayerStep) for s in run):
            names = [_title(s) for s in (run[0], run[-1])]
            where = " to ".join(dict.fromkeys(names))
            before, after = _outside(run, tensors)
            shapes = " -> ".join(s for s in (before, after) if s)
            text = f"{where}: {shapes}" if shapes else where
            made.extend([NoteStep(text=text), *run, NoteStep(text="", end=True)])
        else:
            made.extend(run)
        run.clear()

    for step in steps:
        if isinstance(step, NoteStep):
            close()
            depth += -1 if step.end else 1
        if depth or isinstance(step, NoteStep | BranchStep):
            made.append(step)
            continue
        if isinstance(step, LayerStep) and run and not isinstance(run[-1], LayerStep):
            close()
        run.append(step)
    close()
    return made


def _title(step: LayerStep | CallStep | LoopStep) -> str:
    if isinstance(step, LayerStep):
        return step.layer.name
    return (step.call if isinstance(step, LoopStep) else step).path


def _outside(
    run: Sequence[LayerStep | CallStep | LoopStep], tensors: Mapping[str, PlanTensor]
) -> tuple[str, str]:
    """The shapes before and after a run."""

    def shapes(step: LayerStep | CallStep | LoopStep) -> tuple[str, str]:
        if isinstance(step, LayerStep):
            given = [shape(tensors[i]) for i in step.layer.inputs if i]
            return given[0] if given else "", shape(tensors[step.layer.outputs[-1]])
        call = step.call if isinstance(step, LoopStep) else step
        before, _, after = call.shapes.partition(" -> ")
        return before, after

    first = next((shapes(s)[0] for s in run if shapes(s)[0]), "")
    return first, shapes(run[-1])[1]
