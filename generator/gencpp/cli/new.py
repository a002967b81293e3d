"""`gencpp new` and `gencpp tune`: a project is written."""

from __future__ import annotations

import shlex
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from . import completion
from .options import (
    Dynamic,
    ImportPath,
    Input,
    Json,
    Labels,
    OptionalModel,
    Preprocess,
    Seed,
    StateDict,
    Weights,
    request_for,
)
from .show import print_json, print_row, print_table, progressing, shown, stdout_is_ours, warn

if TYPE_CHECKING:
    from ..pipeline import Generated


def new(
    context: typer.Context,
    out: Annotated[Path, typer.Argument(help="Folder to write.", show_default=False)],
    model: OptionalModel = None,
    recipe: Annotated[
        Path | None,
        typer.Option(
            help="Instead of --model: a project's gencpp.json, whose command is repeated with the same "
            "weights. Files and Python code that it had are looked for in the folders of --path; options "
            "of the project, such as --backend, may be given anew.",
            show_default=False,
        ),
    ] = None,
    backend: Annotated[
        str,
        typer.Option("--backend", "-b", help="libtorch or tensorrt.", autocompletion=completion.backends),
    ] = "libtorch",
    name: Annotated[
        str | None, typer.Option(help="Name in C++ and CMake (default: from the source).")
    ] = None,
    project_version: Annotated[
        str | None,
        typer.Option(
            help="Of the C++ project, and of its shared libraries (default: 1.0.0).",
            show_default=False,
        ),
    ] = None,
    weights: Weights = "auto",
    seed: Seed = 0,
    path: ImportPath = None,
    state_dict: StateDict = None,
    input_: Input = None,
    dynamic: Dynamic = None,
    precision: Annotated[
        str | None,
        typer.Option(
            help="Of weights and arithmetic: fp32 (default), fp16, bf16.",
            show_default=False,
            autocompletion=completion.precisions,
        ),
    ] = None,
    tf32: Annotated[
        bool, typer.Option("--tf32/--no-tf32", help="TensorRT: float32 may be rounded to TF32.")
    ] = False,
    tensorrt_min: Annotated[
        str | None,
        typer.Option(
            help="The oldest TensorRT that the model must run on: 8.5, 8.6, 10.0 (default), ...",
            show_default=False,
        ),
    ] = None,
    trt_api: Annotated[
        str | None,
        typer.Option(
            help="TensorRT: parser (default; its ONNX parser reads the model), network (C++ defines it).",
            show_default=False,
            autocompletion=completion.trt_apis,
        ),
    ] = None,
    artifact: Annotated[
        str | None,
        typer.Option(
            help="LibTorch: torchscript (default), aoti (code compiled for this machine), or one of the "
            "variants that the error for another name lists.",
            show_default=False,
            autocompletion=completion.artifacts,
        ),
    ] = None,
    device: Annotated[
        str | None,
        typer.Option(
            help="LibTorch: where the project may run: cpu (no code for GPUs), cuda, any (default). With "
            "--artifact aoti what its code is compiled for: cpu (default), or cuda, the GPU of this machine.",
            show_default=False,
            autocompletion=completion.devices,
        ),
    ] = None,
    tune: Annotated[
        bool,
        typer.Option(
            "--tune/--no-tune",
            help="LibTorch: build the program, measure the variants and thread counts, and keep the fastest "
            "that passes (minutes).",
        ),
    ] = False,
    preprocess: Preprocess = None,
    labels: Labels = None,
    force: Annotated[
        bool, typer.Option("--force", help="Replace edited files, too; copies of them are kept.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Write a C++ project for a model."""
    if recipe is not None:
        _print_made(_repeated(context, recipe, out, tuple(path or ()), force, as_json), as_json)
        return
    from ..core.errors import UsageError
    from ..pipeline import generate

    if model is None:
        raise UsageError(
            "which model? Neither --model nor --recipe was given", hint="Such as: --model resnet18."
        )
    request = request_for(
        source=model,
        backend=backend,
        out=out,
        name=name,
        project_version=project_version,
        force=force,
        dynamic=tuple(dynamic or ()),
        precision=precision,
        tf32=tf32,
        tensorrt_min=tensorrt_min,
        trt_api=trt_api,
        artifact=artifact,
        device=device,
        tune=tune,
        weights=weights,
        seed=seed,
        path=tuple(path or ()),
        state_dict=state_dict,
        inputs=tuple(input_ or ()),
        preprocess=preprocess,
        labels=labels,
    )
    with progressing(quiet=as_json) as progress, stdout_is_ours():
        made = generate(request, progress)
    _print_made(made, as_json)


def _repeated(
    context: typer.Context, recipe: Path, out: Path, path: tuple[str, ...], force: bool, as_json: bool
) -> Generated:
    """The recipe's project, with the options of the project that were given beside it."""
    from dataclasses import fields

    from ..core.errors import UsageError
    from ..core.recipe import ProjectRecipe
    from ..pipeline import repeat

    given = {
        name: value
        for name, value in context.params.items()
        if getattr(context.get_parameter_source(name), "name", "") == "COMMANDLINE"
    }
    own = {"out", "recipe", "path", "force", "as_json"}
    changes = {f.name: given.pop(f.name) for f in fields(ProjectRecipe) if f.name in given}
    if more := sorted(f"--{name.rstrip('_').replace('_', '-')}" for name in set(given) - own):
        raise UsageError(
            f"--recipe and {', '.join(more)}: the recipe says which model it is",
            hint="Leave one of them out.",
        )
    with progressing(quiet=as_json) as progress, stdout_is_ours():
        return repeat(recipe, out, path=path, force=force, changes=changes, progress=progress)


def tune(
    out: Annotated[
        Path, typer.Argument(help="A LibTorch project that `gencpp new` wrote.", show_default=False)
    ],
    path: ImportPath = None,
    model: Annotated[
        str | None,
        typer.Option(
            "--model",
            "-m",
            help="The model's Python code or file, as it was given to `gencpp new`.",
        ),
    ] = None,
    preprocess: Annotated[
        str | None, typer.Option(help="The transforms' Python code or file, as given to `gencpp new`.")
    ] = None,
    rounds: Annotated[int, typer.Option(help="In each, all candidates take their turn.", min=1)] = 5,
    force: Annotated[
        bool, typer.Option("--force", help="Replace edited files, too; copies of them are kept.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Measure a project's variants here, and keep the fastest.

    The project is written anew with the variant and the count of threads that won. Files that `gencpp new`
    was given are looked for in the folders of --path. Python code is named again with --model and
    --preprocess.
    """
    from .. import pipeline

    with progressing(quiet=as_json) as progress, stdout_is_ours():
        made = pipeline.tune_project(
            out,
            tuple(path or ()),
            rounds,
            model=model,
            preprocess=preprocess,
            force=force,
            progress=progress,
        )
    _print_made(made, as_json)


def _print_made(made: Generated, as_json: bool) -> None:
    from ..backends import backend_named

    project = made.project
    if as_json:
        told = {"out": str(made.out), "warnings": list(made.warnings), "kept": list(map(str, made.kept))}
        print_json({**told, "project": project.to_json()})
        return
    warn(made.warnings)
    made_artifact = project.artifact
    size, reason = f"{made_artifact.size / 1e6:.1f} MB", made_artifact.reason
    print(f"{project.name}: {project.model.source} on {project.backend}, {size}")
    row = partial(print_row, width=8)
    way = f"{project.runtime.way}: " if project.runtime.way else ""
    row("artifact", way + made_artifact.method + (f" ({reason})" if reason else ""))
    row("weights", project.model.weights.detail)
    for note in project.notes:
        row("note", note)
    if rows := backend_named(project.backend).measured(project):
        print_table(rows)
    row("folder", shown(made.out))
    for copy in made.kept:
        row("kept", shown(copy))
    out = shown(made.out)
    print(f"next: gencpp verify {shlex.quote(f'./{out}' if out.startswith('-') else out)}")
