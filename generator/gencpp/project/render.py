"""Renders a project's text files; pure and deterministic."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from ..core.backend import Backend
from ..core.errors import EnvironmentLacks
from ..core.spec import ProjectSpec
from ..tasks import TASKS
from . import headers, readme

SUBLAYERS = "api"
"""A folder of a layer that is no part of it: its subfolders are layers of their own."""


def templates_root() -> Path:
    """The templates: inside an installed wheel, or beside the package in a checkout."""
    package = Path(__file__).resolve().parent.parent
    for candidate in (package / "templates", package.parent.parent / "templates"):
        if (candidate / "common").is_dir():
            return candidate
    raise EnvironmentLacks(
        "gencpp's templates are missing from this installation", hint="Install it anew: pip install gencpp"
    )


def render(
    project: ProjectSpec, backend: Backend, more: Mapping[str, str] | None = None
) -> dict[PurePosixPath, bytes]:
    """Every text file of the project, by its path; pure and deterministic.

    `more`: files that were made from more than the project's facts, such as a network's C++.
    """
    from jinja2 import Environment, StrictUndefined

    environment = Environment(
        variable_start_string="{=",
        variable_end_string="=}",
        block_start_string="<%%",
        block_end_string="%%>",
        comment_start_string="<##",
        comment_end_string="##>",
        undefined=StrictUndefined,
        keep_trailing_newline=True,
        autoescape=False,
    )
    names: dict[str, Any] = {
        "name": project.name,
        "NAME": project.name.upper(),
        "version": project.version,
        "artifact_file": project.artifact.file,
        "labels_file": "labels.txt",
        "asset_files": " ".join(
            f.file for f in (project.artifact, project.artifact.external) if f is not None
        )
        + " labels.txt",
        "weights_detail": project.model.weights.detail,
        **backend.template_names(project),
        **readme.names(project, backend.title),
    }
    tree: dict[PurePosixPath, bytes] = {}
    task = TASKS[project.model.task]
    for layer in ("common", task.layer, *backend.template_layers(project)):
        root = templates_root() / layer
        for file in sorted(p for p in root.rglob("*") if p.is_file()):
            if (root / SUBLAYERS) in file.parents:
                continue
            relative = file.relative_to(root).as_posix().replace("__name__", project.name)
            text = environment.from_string(file.read_text(encoding="utf-8")).render(names)
            _add(tree, relative, text)

    generated = {
        f"include/{project.name}/model_info.hpp": headers.model_info_header(project.name, project.model),
        "src/artifact_info.hpp": headers.artifact_info_header(project),
        "bench/input_values.hpp": headers.input_values_header(project.name, project.model, project.goldens),
        "tests/golden_cases.hpp": headers.golden_cases_header(project.name, project.goldens),
        "tests/cases.cmake": headers.cases_cmake(project.name, project.goldens),
        "assets/labels.txt": headers.labels_text(project.model),
    }
    generated |= task.generated_files(project) | backend.generated_files(project) | dict(more or {})
    for path, text in generated.items():
        _add(tree, path, text)
    return tree


def _add(tree: dict[PurePosixPath, bytes], path: str, text: str) -> None:
    """Layers add files: one that replaced another's would hide it, and what is mended there."""
    if PurePosixPath(path) in tree:
        raise ValueError(f"{path} is written by two layers")
    tree[PurePosixPath(path)] = text.encode()
