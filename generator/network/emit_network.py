"""`src/network.cpp`: the network's functions, one after the other."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from ..cpp import string_literal
from .emit_body import Body, signature
from .emit_functions import AnyStep, CallStep, Function, LayerStep, LoopStep, NoteStep, functions
from .emit_groups import tree_of
from .emit_names import snake, variable
from .plan import NetworkPlan, PlanTensor


def network_cpp(name: str, plan: NetworkPlan) -> str:
    """The C++ source of a project called `name`."""
    tensors = {t.name: t for t in (*plan.inputs, *plan.tensors)}
    root = tree_of(plan)
    *blocks, whole = functions(root, plan, lambda t: shape(tensors[t]))
    names = {f.name for f in blocks}
    lines: list[str] = []
    for function in blocks:
        lines += ["", *_block(function, names)]
    if blocks:
        lines = ["namespace {", *lines, "", "}  // namespace", ""]
    lines += _define_layers(whole, plan, tensors, names)
    body = "\n".join(lines)
    headers = {
        "cstdint": "std::int",
        "limits": "std::numeric_limits",
        "string": "std::string",
        "tuple": "std::t",
    }
    system = [f"#include <{h}>" for h, what in headers.items() if what in body]
    return "\n".join(
        [
            "// The network, layer by layer, under the names of the PyTorch model. Written by gencpp, to be edited.",
            "// A layer finds its weights by its name: those of conv1 are conv1.weight and conv1.bias.",
            '#include "trt_layers.hpp"',
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
    return [f"// {function.note}.", f"{signature(function, inputs)} {{", *body.lines(), "}"]


def _define_layers(
    whole: Function, plan: NetworkPlan, tensors: Mapping[str, PlanTensor], names: set[str]
) -> list[str]:
    inputs: dict[str, str] = {}
    for tensor in plan.inputs:
        alone = len(plan.inputs) == 1
        inputs[tensor.name] = "x" if alone else variable(snake(tensor.name), {*names, *inputs.values()}, "input")
    whole.steps = list(_sections(whole.steps, tensors))

    def comment(step: AnyStep) -> str:
        call = step.call if isinstance(step, LoopStep) else step
        before, arrow, after = call.shapes.partition(" -> ") if isinstance(call, CallStep) else ("", "", "")
        if arrow and before != after and call is step:
            return f"  // {after}"
        return ""

    body = Body(whole, [inputs[t] for t in whole.inputs], names, comment)
    lines = ["void define_layers(Layers& net) {"]
    for tensor in plan.inputs:
        made = f"net.input({string_literal(tensor.name)});  // {shape(tensor)}"
        used = tensor.name in whole.inputs
        lines.append(f"  ITensor* {inputs[tensor.name]} = {made}" if used else f"  {made}")
    lines += body.lines()
    results = dict(zip(_results(plan), whole.results, strict=True))
    lines.append("")
    for name in plan.outputs:
        lines.append(f"  net.output({body.holder(results[name])}, {string_literal(name)});")
    return [*_aligned(_spaced(lines)), "}", ""]


def _results(plan: NetworkPlan) -> tuple[str, ...]:
    return tree_of(plan).outputs


def _sections(steps: Sequence[AnyStep], tensors: Mapping[str, PlanTensor]) -> list[AnyStep]:
    """With a note before every run of layers that belong to no group: the stem, the head."""
    made: list[AnyStep] = []
    depth = 0
    run: list[LayerStep] = []
    runs = 0

    def close() -> None:
        nonlocal run, runs
        if run:
            first, last = run[0].layer, run[-1].layer
            where = first.name if first is last else f"{first.name} to {last.name}"
            inner = {o for s in run for o in s.layer.outputs}
            given = [i for s in run for i in s.layer.inputs if i and i not in inner]
            before = f"{shape(tensors[given[0]])} -> " if given else ""
            text = f"{where}: {before}{shape(tensors[last.outputs[-1]])}"
            made.extend([NoteStep(text=text), *run, NoteStep(text="", end=True)])
            runs += 1
            run = []

    for step in steps:
        if isinstance(step, NoteStep):
            close()
            depth += -1 if step.end else 1
        if depth == 0 and isinstance(step, LayerStep):
            run.append(step)
        else:
            close()
            made.append(step)
    close()
    return made


def _spaced(lines: list[str]) -> list[str]:
    """With an empty line before every comment of its own."""
    made: list[str] = []
    for line in lines:
        if line.lstrip().startswith("//") and made[-1] and not made[-1].lstrip().startswith("//"):
            made.append("")
        made.append(line)
    return made


def _aligned(lines: list[str]) -> list[str]:
    """Comments behind code, in one column where lines follow each other."""
    made: list[str] = []
    group: list[tuple[str, str]] = []

    def close() -> None:
        width = max((len(c) for c, _ in group), default=0)
        made.extend(f"{c.ljust(width)}  //{text}" for c, text in group)
        group.clear()

    for line in lines:
        begin, sign, text = line.rpartition(";  //")
        if sign and not line.lstrip().startswith("//"):
            group.append((f"{begin};", text))
        else:
            close()
            made.append(line)
    close()
    return made
