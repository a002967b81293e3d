"""What `gencpp new` is asked for."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING

from .errors import UsageError
from .files import is_file, sha256_file
from .python_file import as_module, refuse_two_of_one_name
from .recipe import ModelRecipe, ProjectRecipe, Recipe
from .spec import WeightsInfo
from .values import without_folder

if TYPE_CHECKING:
    from .loaded import LoadOptions


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelRequest:
    """Which model."""

    source: str
    """`resnet18`, `nets:make`, `nets.py:make`, `model.pt`, `model.onnx`"""
    weights: str = "auto"
    """`auto`, `none`, `DEFAULT`, a name of the model's weights, or a file (torchvision only)"""
    seed: int = 0
    path: tuple[str, ...] = ()
    """Folders added to the import path."""
    state_dict: str | None = None
    inputs: tuple[str, ...] = ()
    """`name:1x3x224x224:float32`, one an input, in the order of forward's arguments"""
    dynamic: tuple[str, ...] = ()
    """`input:dimension=min:opt:max`, further profiles after commas"""
    preprocess: str | None = None
    """`module:attr`, `file.py:attr` or a JSON file"""
    labels: str | None = None
    """A UTF-8 file with one label a line."""
    again: Again | None = None
    """Of a model that is asked for again: how it was asked for first, and the weights that it has."""

    def __post_init__(self) -> None:
        """Code that is named by its file becomes the module that it is, in a folder of `path`."""
        for name in ("path", "inputs", "dynamic"):
            if isinstance(getattr(self, name), str):
                raise UsageError(f"{name}: a sequence of texts is wanted, not one text")
        texts = [str(self.source), *([self.preprocess] if self.preprocess else [])]
        refuse_two_of_one_name(texts)
        source, folders = as_module(texts[0])
        preprocess, more = as_module(self.preprocess) if self.preprocess else (self.preprocess, ())
        object.__setattr__(self, "source", source)
        object.__setattr__(self, "preprocess", preprocess)
        object.__setattr__(self, "path", tuple(dict.fromkeys((*folders, *more, *self.path))))

    def load_options(self) -> LoadOptions:
        """The part that loading a source needs."""
        from .loaded import LoadOptions

        return LoadOptions(
            weights=self.weights,
            seed=self.seed,
            path=self.path,
            state_dict=self.state_dict,
            inputs=self.inputs,
            preprocess=self.preprocess,
            labels=self.labels,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Request(ModelRequest):
    """What `gencpp new` is asked for: which model, and which project of it."""

    backend: str
    out: Path
    name: str | None = None
    force: bool = False
    precision: str | None = None
    device: str | None = None
    """`cpu`, `cuda`: what code is compiled for (--artifact aoti only)"""
    tf32: bool = False
    tensorrt_min: str | None = None
    """The oldest TensorRT that the artifact is made for: `10.0`."""
    trt_api: str | None = None
    """`parser`, `network`"""
    artifact: str | None = None
    """`torchscript`, `aoti`, or a variant of backends/libtorch/variants.py (libtorch only)"""
    tune: bool = False
    """Whether the variant and the threads are chosen by measuring (libtorch only)"""
    tune_rounds: int = 5

    def __post_init__(self) -> None:
        ModelRequest.__post_init__(self)
        object.__setattr__(self, "out", Path(self.out))


@dataclass(frozen=True, slots=True, kw_only=True)
class Again:
    """What a model that is asked for again has from when it was asked for first."""

    recipe: ModelRecipe
    weights: WeightsInfo | None = None
    """None: those of the recipe."""


def recipe_of(request: Request) -> Recipe:
    """`request` without the folders of this machine, and without the sha256 of files."""
    model = request.again.recipe if request.again is not None else _model_recipe(request)
    asked = {f.name: getattr(request, f.name) for f in fields(ProjectRecipe)}
    return Recipe(model=model, project=ProjectRecipe(**asked))


def with_files(recipe: Recipe, request: Request) -> Recipe:
    """`recipe` with the sha256 of the files that `request` names."""
    files = {name: sha256_file(Path(getattr(request, name))) for name in _named_files(request)}
    return replace(recipe, model=replace(recipe.model, files=files))


def _named_files(request: ModelRequest) -> list[str]:
    named = {name: getattr(request, name) for name in ("source", "weights", "state_dict", "preprocess")}
    words = (None, "auto", "none", "DEFAULT")  # of --weights
    return [
        name for name, text in named.items() if text not in words and ":" not in text and is_file(Path(text))
    ]


def _model_recipe(request: ModelRequest) -> ModelRecipe:
    def last(path: str | None) -> str | None:
        return Path(path).name if path and "/" in path else path

    asked = {f.name: getattr(request, f.name) for f in fields(ModelRecipe) if f.name != "files"}
    files = {name: last(asked[name]) for name in ("source", "weights", "state_dict", "preprocess", "labels")}
    return ModelRecipe(**{**asked, **files, "inputs": tuple(map(without_folder, request.inputs))})


def check_path(folder: Path) -> None:
    """Raises UsageError for characters that CMake cannot handle in the path of a project."""
    if bad := sorted(set(str(folder)) & set(';"\\\n\r')):
        raise UsageError(
            f"OUT has characters that CMake cannot handle in a path: {' '.join(map(repr, bad))}",
            hint="Choose another name.",
        )


def resolve_out(out: Path) -> Path:
    """`out` as an absolute path; raises UsageError for the root."""
    check_path(out)
    try:
        resolved = out.resolve()
    except (OSError, RuntimeError) as e:  # RuntimeError: a loop of links, before Python 3.13
        raise UsageError(f"OUT {out}: {getattr(e, 'strerror', None) or e}") from None
    if resolved == resolved.parent:
        raise UsageError("OUT must not be the root of the file system", hint="Name a folder inside it.")
    return resolved
