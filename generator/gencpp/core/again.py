"""A project's model, asked for again: from its recipe, which keeps no folders.

A manifest may come from anybody. It decides which file of a folder that the user names is read, and which of
torchvision's builders is called; code is imported or called only where the user names it on the command line,
or the folder that it lies in.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from .errors import UsageError
from .files import is_file
from .names import check_file_name
from .recipe import ModelRecipe
from .request import ModelRequest
from .spec import ProjectSpec, WeightsInfo
from .values import file_of

_BUILDER = re.compile(r"[A-Za-z0-9_]+")
_PART = r"[A-Za-z_]\w*"
_FACTORY = re.compile(rf"{_PART}(\.{_PART})*:{_PART}(\.{_PART})*", re.ASCII)
_MAX_SEED = 2**32 - 1


def asked_again(
    project: ProjectSpec,
    path: Sequence[str],
    *,
    named: Sequence[str] = (),
    transforms: bool = True,
    labels: str | None = None,
) -> ModelRequest:
    """The request for a project's model, with the weights that it has, which `auto` does not tell.

    `named`: sources and transforms that the user names: `nets:make`, `models/net.pt`. Raises UsageError, with
    the options that are missing, for code that is not among them and for files that are in no folder of
    `path`; without `transforms`, those and the labels are left out. `labels`: the file that has them.
    """
    recipe = project.recipe.model
    wanted = {"--model": recipe.source}
    wanted["--preprocess"] = (recipe.preprocess or "") if transforms else ""
    unnamed = {o: text for o, text in wanted.items() if _is_code(text) and text not in named}
    if unnamed:
        told = " and ".join(unnamed.values())
        raise UsageError(
            f"{project.name} was made with {told}: Python code, which runs only where you name it",
            hint=f"Add {' '.join(f'{o} {text}' for o, text in unnamed.items())}, and --path with its folder.",
        )
    return _asked(recipe, path, named, project.model.weights, transforms, labels)


def repeated(
    recipe: ModelRecipe, path: Sequence[str], weights: WeightsInfo | None, *, labels: str | None = None
) -> ModelRequest:
    """The request of a recipe; its Python code has to lie in a folder of `path`, which the user names.

    `weights`: those that the project of the recipe has; None: as the recipe says. Raises UsageError for code
    and files that are in no folder of `path`.
    """
    for option, text in (("--model", recipe.source), ("--preprocess", recipe.preprocess or "")):
        if not _is_code(text):
            continue
        if not _FACTORY.fullmatch(text):
            raise UsageError(
                f"the recipe has {option} {ascii(text)[1:-1][:80]}, which is no module:factory",
                hint="Name the code by its module, as nets:make, and its folder by --path.",
            )
        file = Path(*text.partition(":")[0].split("."))
        places = (Path(p) / part for p in path for part in (file.with_suffix(".py"), file / "__init__.py"))
        if not any(is_file(place) for place in places):
            raise UsageError(
                f"the recipe has {option} {ascii(text)[1:-1][:80]}: Python code that is in no folder of"
                f" --path{_looked(path)}",
                hint="Name its folder: --path FOLDER.",
            )
    return _asked(recipe, path, (), weights, True, labels)


def check_named(project: ProjectSpec, option: str, text: str) -> None:
    """Raises UsageError when the user names something else than the project was made with."""
    recipe = project.recipe.model
    made_with = {"--model": recipe.source, "--preprocess": recipe.preprocess or ""}[option]
    if text != made_with and Path(text).name != made_with:
        raise UsageError(
            f"{option} {text}: {project.name} was made with {ascii(made_with) if made_with else 'none'}",
            hint="For another model, or other transforms, use gencpp new.",
        )


def _asked(
    recipe: ModelRecipe,
    path: Sequence[str],
    named: Sequence[str],
    weights: WeightsInfo | None,
    transforms: bool,
    labels: str | None,
) -> ModelRequest:
    source, taken, preprocess = recipe.source, "auto", recipe.preprocess if transforms else None
    if _BUILDER.fullmatch(source) and "source" not in recipe.files:
        taken = _weights(recipe, weights, path)
        if is_file(Path(source)):  # which a source would be taken for
            raise UsageError(
                f"{source} is a file here, and torchvision's model of this name is wanted",
                hint="Run gencpp in another folder.",
            )
    elif not _is_code(source):
        source = _found(source, path, named, "--model")
    if not 0 <= recipe.seed <= _MAX_SEED:
        raise UsageError(f"the recipe's seed {recipe.seed} is not a number from 0 to {_MAX_SEED}")
    if labels is None and recipe.labels and transforms:
        labels = _found(recipe.labels, path, named, "--labels")
    if preprocess and not _is_code(preprocess):
        preprocess = _found(preprocess, path, named, "--preprocess")
    return ModelRequest(
        source=source,
        weights=taken,
        seed=recipe.seed,
        path=tuple(path),
        state_dict=_found(recipe.state_dict, path, named, "--state-dict") if recipe.state_dict else None,
        inputs=tuple(_input(text, path, named) for text in recipe.inputs),
        dynamic=recipe.dynamic,
        preprocess=preprocess,
        labels=labels,
    )


def _is_code(text: str) -> bool:
    return ":" in text


def _weights(recipe: ModelRecipe, info: WeightsInfo | None, path: Sequence[str]) -> str:
    name, file = recipe.weights, "weights" in recipe.files
    if info is not None:
        if info.kind == "random":
            return "none"
        if info.kind == "pretrained":
            name, file = info.detail.rpartition(".")[2] or name, False
    return _found(name, path, (), "--weights") if file or not _BUILDER.fullmatch(name) else name


def _input(text: str, path: Sequence[str], named: Sequence[str]) -> str:
    """An `--input`, whose values may be in a file."""
    facts, _, _ = text.partition("=")
    if name := file_of(text):
        return f"{facts}={_found(name, path, named, '--input')}"
    if "/" in text or "\\" in text:
        raise UsageError(f"the recipe's input {ascii(text)[:80]} names a folder")
    return text


def _found(name: str, path: Sequence[str], named: Sequence[str], option: str) -> str:
    """The file of this name that the user names, or that is in a folder that the user names."""
    check_file_name(name, f"the recipe's {option}")
    files = [*(Path(n) for n in named if Path(n).name == name), *(Path(p) / name for p in path)]
    found = next((str(file) for file in files if is_file(file)), "")
    if not found:
        raise UsageError(
            f"{name} ({option}) is in no folder of --path{_looked(path)}",
            hint="Name its folder: --path FOLDER.",
        )
    return found


def _looked(path: Sequence[str]) -> str:
    return f": {', '.join(path)}" if path else ", and none was given"
