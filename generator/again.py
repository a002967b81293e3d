"""How a project's Python model was asked for, from the manifest, which keeps no folders."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from .spec import ProjectSpec
from .values import file_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What `gencpp new` was told of the model; files are looked for in folders that the user names again."""

    source: str
    weights: str
    seed: int
    state_dict: str | None
    inputs: tuple[str, ...]
    dynamic: tuple[str, ...]
    preprocess: str | None


def asked_for(project: ProjectSpec, path: Sequence[str]) -> Asked:
    """With the weights that `gencpp new` took, which `auto` does not tell."""
    options = project.options
    source = _found(options["model"], path)
    weights = "auto"
    if ":" not in source and "." not in Path(source).name:  # a torchvision builder
        info = project.model.weights
        weights = {"random": "none", "pretrained": info.detail.rpartition(".")[2]}.get(info.kind, "")
        weights = weights or _found(options.get("weights", info.detail), path)
    state, transforms = options.get("state_dict"), options.get("preprocess")
    return Asked(
        source=source,
        weights=weights,
        seed=int(options.get("seed", "0")),
        state_dict=_found(state, path) if state else None,
        inputs=tuple(_with_file(text, path) for text in shlex.split(options.get("input", ""))),
        dynamic=tuple(options.get("dynamic", "").split()),
        preprocess=_found(transforms, path) if transforms else None,
    )


def _with_file(text: str, path: Sequence[str]) -> str:
    """An `--input`, its file where it is found."""
    name = Path(file_of(text)).name
    return f"{text.partition('=')[0]}={_found(name, path)}" if name else text


def _found(name: str, path: Sequence[str]) -> str:
    """A file of this name in one of the folders; else the name, which may be no file's."""
    return next((str(Path(p) / name) for p in path if (Path(p) / name).is_file()), name)
