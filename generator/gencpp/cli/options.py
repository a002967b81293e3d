"""Options that several commands take."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Annotated, Any

import typer

from . import completion

if TYPE_CHECKING:
    from ..core.request import ModelRequest, Request


_MODEL = typer.Option(
    "--model",
    "-m",
    autocompletion=completion.models,
    help="A torchvision name (resnet18), package.module:factory or nets.py:make, a TorchScript file, or "
    "(TensorRT) an ONNX file.",
    show_default=False,
)
Model = Annotated[str, _MODEL]
OptionalModel = Annotated[str | None, _MODEL]
Json = Annotated[bool, typer.Option("--json", help="JSON on standard output.")]
Weights = Annotated[
    str,
    typer.Option(
        help="Torchvision: auto (pretrained when cached or downloadable within 60 s, else random), none, "
        "DEFAULT, a name such as IMAGENET1K_V1, or a state dict file.",
        autocompletion=completion.weights,
    ),
]
Seed = Annotated[int, typer.Option(help="Of random weights and golden inputs.", min=0, max=2**32 - 1)]
ImportPath = Annotated[list[str] | None, typer.Option("--path", help="Folder to add to the import path.")]
StateDict = Annotated[
    str | None, typer.Option(help="Weights for a factory's model, loaded with weights_only.")
]
Input = Annotated[
    list[str] | None,
    typer.Option(
        "--input",
        help="An input: name:1x3x224x224:float32. Its values behind it: ids:1x12:int64=0..99 (a range), "
        "rate::int64=8000,16000 (values, each in turn), mask:1x12:bool=FILE.npy (one input or several).",
    ),
]
Dynamic = Annotated[
    list[str] | None,
    typer.Option(
        "--dynamic",
        help="Bounds of a dimension (0: the batch): INPUT:DIMENSION=MIN:OPT:MAX; more profiles for "
        "TensorRT after commas.",
    ),
]
Preprocess = Annotated[
    str | None,
    typer.Option(help="Transforms, where they are not torchvision's preset: module:attr or JSON."),
]
Labels = Annotated[str | None, typer.Option(help="File with one class label a line.")]


def typed(context: typer.Context) -> str:
    """The command with the arguments that were given, each option by its long name; paths without folders,
    which are of one machine."""
    words: list[str] = []
    for parameter in context.command.params:
        if getattr(context.get_parameter_source(parameter.name or ""), "name", "") != "COMMANDLINE":
            continue
        value = context.params[parameter.name or ""]
        given = value if isinstance(value, list | tuple) else [value]
        values = [str(v).rstrip("/").rpartition("/")[2] or str(v) for v in given]
        if parameter.param_type_name == "argument":
            words += values
        elif isinstance(value, bool):
            words.append((parameter.opts if value else parameter.secondary_opts)[0])
        else:
            words += [word for v in values for word in (parameter.opts[0], v)]
    return shlex.join(["gencpp", str(context.info_name), *words])


def request_for(**options: Any) -> Request:
    """What the pipeline is asked, its module imported no earlier than that."""
    from ..core.request import Request

    return Request(**options)


def model_request_for(**options: Any) -> ModelRequest:
    """The same of a model alone."""
    from ..core.request import ModelRequest

    return ModelRequest(**options)
