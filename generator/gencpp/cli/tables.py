"""`gencpp inspect`, `models` and `doctor`: what is there, written nowhere."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from . import completion
from .options import (
    Dynamic,
    ImportPath,
    Input,
    Json,
    Labels,
    Preprocess,
    Seed,
    StateDict,
    Weights,
    model_request_for,
)
from .show import (
    on_terminal,
    print_groups,
    print_json,
    print_row,
    print_table,
    progressing,
    scaled,
    stdout_is_ours,
)

if TYPE_CHECKING:
    from ..sources.catalog import CatalogRow
    from .columns import Rows


def inspect(
    source: Annotated[
        str,
        typer.Argument(
            help="As --model of `gencpp new`.", show_default=False, autocompletion=completion.models
        ),
    ],
    weights: Weights = "none",
    seed: Seed = 0,
    path: ImportPath = None,
    state_dict: StateDict = None,
    input_: Input = None,
    dynamic: Dynamic = None,
    preprocess: Preprocess = None,
    labels: Labels = None,
    as_json: Json = False,
) -> None:
    """Show what a model is, and what each backend can do with it.

    Its inputs, outputs, size, work, operators, preprocessing and labels; what `gencpp new` would say of it
    with the same options. Nothing is written.
    """
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
        dynamic=tuple(dynamic or ()),
        preprocess=preprocess,
        labels=labels,
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
            "changes": {name: list(told) for name, told in found.changes.items()},
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
    adds = work.multiply_adds
    row("work", "not known" if adds is None else f"{scaled(adds).strip()} multiply-adds a run")
    row("operators", ", ".join(f"{name} {count}" for name, count in work.operators))
    row("preprocess", readme.preprocess_text(spec))
    row("labels", readme.labels_text(spec))
    for note in spec.notes:
        row("note", note)
    for key, text in status.items():
        row(key, text)
        for told in found.changes.get(key, ()):
            row("", told)
    if found.onnx_operators:
        print("ONNX operators, and the first TensorRT whose parser takes them")
        rows = [("operator", "nodes", "since")]
        rows += [(name, str(count), since or "none") for name, count, since in found.onnx_operators]
        print_table(rows)
    assert set(status) >= set(BACKENDS)


def models(
    part: Annotated[
        str,
        typer.Argument(
            help="Part of their names, such as resnet.",
            show_default=False,
            autocompletion=completion.models,
        ),
    ] = "",
    task: Annotated[
        str | None,
        typer.Option(
            help="One of classification, segmentation, detection, video, optical_flow, quantization.",
            show_default=False,
            autocompletion=completion.tasks,
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """List torchvision's models by name and task.

    With their input, their size in parameters, their weights, and whether the backends take them. Exit code 2
    where there is none.
    """
    from ..sources.catalog import torchvision_models

    with progressing(quiet=as_json) as progress:
        progress("importing torchvision")
        rows = torchvision_models(part, task)
    if as_json:
        print_json([row.to_json() for row in rows], indent=2)
        return
    if on_terminal():
        print_groups(_by_task(rows))
        return
    table = [("model", "task", "input", "parameters", "weights", "libtorch", "tensorrt")]
    for r in rows:
        weights = ",".join(r.weights)
        table.append((r.name, r.task, r.input, str(r.parameters), weights, r.libtorch, r.tensorrt))
    print_table(table)


def _by_task(rows: Sequence[CatalogRow]) -> list[tuple[str, Rows]]:
    """The models of each task; those that no backend takes have the reason above them."""
    groups: dict[str, list[tuple[str, ...]]] = {}
    for r in rows:
        told = {"libtorch": r.libtorch, "tensorrt": r.tensorrt}
        refused = [f"{name}: {text}" for name, text in told.items() if text != "yes"]
        if len(set(told.values())) == 1 and refused:
            refused = [f"not taken: {r.libtorch.removeprefix('no: ')}"]
        group = groups.setdefault(", ".join([r.task.replace("_", " "), *refused]), [])
        group.append((r.name, r.input, f"{r.parameters / 1e6:.1f} M", ", ".join(r.weights) or "none"))
    titles = ("model", "input", "size", "weights")
    order = sorted(groups, key=lambda heading: "not taken" in heading)
    return [(heading, [titles, *groups[heading]]) for heading in order]


def doctor(as_json: Json = False) -> None:
    """Show what this machine has for building and running projects."""
    from ..doctor import examine

    findings = examine()
    missing = any(f.status == "missing" for f in findings)
    if as_json:
        print_json({"findings": [f.to_json() for f in findings]}, indent=2)
    else:
        table = [("what", "status", "found")]
        for f in findings:
            table.append((f.name, f.status, f.detail + (f" -> {f.remedy}" if f.remedy else "")))
        print_table(table)
    if missing:
        raise typer.Exit(3)
