"""Everything that `gencpp new` was asked: lossless, and without folders of this machine."""

from __future__ import annotations

from dataclasses import dataclass, field

from .json_value import JsonValue
from .names import check_version


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelRecipe(JsonValue):
    """Which model; the fields of ModelRequest, of files their names only."""

    source: str
    weights: str = "auto"
    seed: int = 0
    state_dict: str | None = None
    inputs: tuple[str, ...] = ()
    dynamic: tuple[str, ...] = ()
    preprocess: str | None = None
    labels: str | None = None
    files: dict[str, str] = field(default_factory=dict)
    """sha256 of each file by the field that names it; labels and inputs are in the ModelSpec."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectRecipe(JsonValue):
    """Which project; the fields of Request but for where it is written."""

    backend: str
    name: str | None = None
    project_version: str | None = None
    precision: str | None = None
    device: str | None = None
    tf32: bool = False
    tensorrt_min: str | None = None
    trt_api: str | None = None
    artifact: str | None = None
    tune: bool = False
    tune_rounds: int = 5

    def __post_init__(self) -> None:
        if self.project_version is not None:  # it becomes a part of CMake code and of files' names
            check_version(self.project_version, "project_version")


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe(JsonValue):
    """What a project is made from, and may be made from again."""

    model: ModelRecipe
    project: ProjectRecipe
