"""The files of a project that its manifest names, before anything reads them or hands them to a program."""

from __future__ import annotations

import os
from pathlib import Path

from ..core.errors import UsageError
from ..core.spec import ProjectSpec
from .paths import regular_file


def check_assets(folder: Path, project: ProjectSpec) -> None:
    """Raises UsageError unless each is a regular file inside `folder`, or missing, which later steps tell."""
    problems = []
    for path in named_files(project):
        if os.path.lexists(folder / path):
            try:
                regular_file(folder, path)
            except UsageError as e:
                problems.append(e.message)
    if problems:
        told = problems[0] if len(problems) == 1 else "\n  ".join(["", *problems[:20]])
        raise UsageError(
            f"files of the project cannot be used: {told}", hint="Put regular files in their places."
        )


def named_files(project: ProjectSpec) -> tuple[str, ...]:
    """Paths of the assets, relative to the project."""
    assets = [project.artifact.file, "labels.txt"]
    if project.artifact.external is not None:
        assets.append(project.artifact.external.file)
    goldens: list[str] = []
    for case in project.goldens.cases:
        goldens += [*case.inputs, *(o.file for o in case.outputs), case.image, case.pixels]
    for pixel in project.goldens.pixel_cases:
        goldens += [pixel.image, pixel.pixels, pixel.tensor]
    paths = [*(f"assets/{name}" for name in assets), *(f"assets/goldens/{name}" for name in goldens if name)]
    if project.artifact.format == "network":
        paths.append("network.json")
    return tuple(dict.fromkeys(paths))
