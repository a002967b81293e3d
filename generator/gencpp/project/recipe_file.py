"""A recipe's file: a project's gencpp.json, or the JSON of a Recipe alone."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..core import jsonfile
from ..core.errors import UnknownBackend, UsageError
from ..core.files import is_file, is_folder
from ..core.recipe import Recipe
from ..core.spec import ProjectSpec, WeightsInfo
from .manifest import MANIFEST, read_manifest_file


@dataclass(frozen=True, slots=True, kw_only=True)
class RecipeFile:
    """What was read."""

    recipe: Recipe
    folder: Path
    """Where the file lies."""
    project: ProjectSpec | None = None
    """Of a manifest whose backend this gencpp has."""
    weights: WeightsInfo | None = None
    """Of a manifest: those that its project has."""


def read_recipe(file: Path) -> RecipeFile:
    """The recipe in `file`, or in the project that `file` is the folder of; raises UsageError."""
    if is_folder(file):
        file = file / MANIFEST
    if not is_file(file):
        raise UsageError(
            f"--recipe {file}: there is no such file", hint="Name a project's gencpp.json, or its folder."
        )
    data = jsonfile.read(file)
    if isinstance(data, dict) and "schema" in data:
        try:
            made = read_manifest_file(file).project
        except UnknownBackend:
            return _of_another_backend(data["project"], file)
        return RecipeFile(recipe=made.recipe, folder=file.parent, project=made, weights=made.model.weights)
    try:
        return RecipeFile(recipe=Recipe.from_json(data), folder=file.parent)
    except UsageError as e:
        raise UsageError(
            f"{file} is no recipe: {e.message}", hint="Name a project's gencpp.json, or its folder."
        ) from None


def _of_another_backend(project: dict[str, Any], file: Path) -> RecipeFile:
    """What a project on a backend that is not known here was asked, for one that is."""
    try:
        weights = WeightsInfo.from_json(project["model"]["weights"])
        recipe = Recipe.from_json(project["recipe"])
    except (UsageError, KeyError, TypeError) as e:
        raise UsageError(f"{file} is damaged: {str(e)[:200]}", hint="Restore it.") from None
    return RecipeFile(recipe=recipe, folder=file.parent, weights=weights)
