"""What `gencpp new` is asked for."""

from __future__ import annotations

import re
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING

from .errors import UsageError
from .files import is_file, sha256_file
from .names import check_text, check_version
from .python_file import as_module, refuse_two_of_one_name
from .recipe import ModelRecipe, ProjectRecipe, Recipe
from .spec import WeightsInfo
from .values import without_folder

if TYPE_CHECKING:
    from .loaded import LoadOptions


_OPTIONS = {
    **{"source": "--model", "weights": "--weights", "state_dict": "--state-dict", "inputs": "--input"},
    **{"dynamic": "--dynamic", "preprocess": "--preprocess", "labels": "--labels"},
}
"""Texts of a request that a project keeps, by its fields."""


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
        for name, option in _OPTIONS.items():
            value = getattr(self, name)
            for text in value if isinstance(value, tuple) else (value,):
                check_text(str(text or ""), option)
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
    project_version: str | None = None
    """Of the C++ project: `2.1.0`. None: 1.0.0."""
    force: bool = False
    precision: str | None = None
    device: str | None = None
    """`cpu`, `cuda`, `any`: where a LibTorch project may run. None: any; of compiled code the CPU."""
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
        if self.project_version is not None:
            check_version(self.project_version, "--project-version")


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


_NOT_IN_A_PATH = frozenset(';"\\<>|*?[]^`') | {chr(c) for c in (*range(32), 127)}
"""CMake takes them for lists, escapes, expressions or patterns, or Ninja compiles all in every build."""
_VARIABLE = re.compile(r"\$\w*\{")
"""CMake puts a variable's value in its place."""


def check_path(folder: Path) -> Path:
    """`folder` as an absolute path; raises UsageError for what CMake and Ninja cannot handle in it.

    All else goes, such as spaces, `#`, `$`, quotes, commas and letters of any script.
    """
    try:
        resolved = folder.resolve()
    except (OSError, RuntimeError) as e:  # RuntimeError: a loop of links, before Python 3.13
        raise UsageError(f"OUT {folder}: {getattr(e, 'strerror', None) or e}") from None
    for path in (folder.as_posix(), resolved.as_posix()):
        check_text(path, "OUT")
        if bad := [*sorted(set(path) & _NOT_IN_A_PATH), *_VARIABLE.findall(path)]:
            raise UsageError(
                f"OUT {ascii(path)[1:-1][-200:]}: CMake or Ninja cannot handle"
                f" {' '.join(map(repr, bad))} in a path",
                hint="Choose another name, for it or for the folder above it that has them.",
            )
    return resolved


def resolve_out(out: Path) -> Path:
    """`out` as an absolute path; raises UsageError as check_path, and for the root."""
    resolved = check_path(out)
    if resolved == resolved.parent:
        raise UsageError("OUT must not be the root of the file system", hint="Name a folder inside it.")
    return resolved
