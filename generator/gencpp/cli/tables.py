"""`gencpp inspect`, `models` and `doctor`: what is there, written nowhere."""

from __future__ import annotations

from functools import partial
from typing import Annotated

import typer

from .options import ImportPath, Input, Json, Seed, StateDict, Weights, model_request_for
from .show import print_json, print_row, print_table, progressing, scaled, stdout_is_ours


def inspect(
    source: Annotated[str, typer.Argument(help="As --model of `gencpp new`.", show_default=False)],
    weights: Weights = "none",
    seed: Seed = 0,
    path: ImportPath = None,
    state_dict: StateDict = None,
    input_: Input = None,
    as_json: Json = False,
) -> None:
    """Show a model's inputs, outputs, size, work and operators, and what each backend can do with it."""
    from .. import pipeline
    from ..backends import BACKENDS
    from ..project import readme

    request = model_request_for(
        source=source,
        weights=weights,
        seed=seed,
        path=tuple(path or ()),
        state_dict=state_dict,
        inputs=tuple(input_ or ()),
    )
    with progressing(quiet=as_json) as progress, stdout_is_ours():
        found = pipeline.inspect(request, progress)
    spec, work, status = found.model, found.work, found.backends
    if as_json:
        data = {
            "model": spec.to_json(),
            "multiply_adds": work.multiply_adds,
            "parameter_bytes": work.parameter_bytes,
            "operators": dict(work.operators),
            "backends": status,
            "onnx_operators": [
                {"operator": name, "nodes": count, "tensorrt_since": since or None}
                for name, count, since in found.onnx_operators
            ],
        }
        print_json(data, indent=2)
        return
    print(f"{spec.source}: {spec.task.value}")
    row = partial(print_row, width=10)
    for kind, tensors in (("input", spec.inputs), ("output", spec.outputs)):
        for tensor in tensors:
            row(kind, f"{tensor.name}: {tensor.dtype.value} {readme.shape_text(tensor)}")
    row("parameters", f"{spec.parameters:,} ({scaled(work.parameter_bytes)}B)")
    row("work", f"{scaled(work.multiply_adds)} multiply-adds a run")
    row("operators", ", ".join(f"{name} {count}" for name, count in work.operators))
    if spec.preprocess:
        steps = ", ".join(readme.step_text(s) for s in spec.preprocess.geometry) or "no resize or crop"
        row("preprocess", f"{spec.preprocess.source}: {steps}")
    row("labels", str(len(spec.labels) or "none"))
    for note in spec.notes:
        row("note", note)
    for key, text in status.items():
        row(key, text)
    if found.onnx_operators:
        print("ONNX operators, and the first TensorRT whose parser takes them")
        rows = [("operator", "nodes", "since")]
        rows += [(name, str(count), since or "none") for name, count, since in found.onnx_operators]
        print_table(rows)
    assert set(status) >= set(BACKENDS)


def models(as_json: Json = False) -> None:
    """List the torchvision builders with task, input, weights, and what the backends can do with them."""
    from ..sources.catalog import torchvision_models

    with progressing(quiet=as_json) as progress:
        progress("importing torchvision")
        rows = torchvision_models()
    if as_json:
        print_json([row.to_json() for row in rows], indent=2)
        return
    table = [("model", "task", "input", "weights", "libtorch", "tensorrt")]
    table += [(r.name, r.task, r.input, ", ".join(r.weights) or "none", r.libtorch, r.tensorrt) for r in rows]
    print_table(table)


def doctor(as_json: Json = False) -> None:
    """Show what this machine has for building and running generated projects."""
    from ..doctor import examine

    findings = examine()
    missing = any(f.status == "missing" for f in findings)
    if as_json:
        print_json({"findings": [f.to_json() for f in findings]}, indent=2)
    else:
        table = [("", "status", "found")]
        for f in findings:
            table.append((f.name, f.status, f.detail + (f" -> {f.remedy}" if f.remedy else "")))
        print_table(table)
    if missing:
        raise typer.Exit(3)
