"""How a project's Python model was asked for, from the manifest, which keeps no folders.

A manifest may come from anybody. It decides which file of a folder that the user names is read, and which of
torchvision's builders is called; code is imported or called only where the user names it on the command line.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from .errors import UsageError
from .names import check_file_name
from .spec import ProjectSpec
from .values import file_of

_BUILDER = re.compile(r"[A-Za-z0-9_]+")
_FACTORY = re.compile(r"[\w.]+:[\w.]+")
_MAX_SEED = 2**32 - 1


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


def asked_for(
    project: ProjectSpec, path: Sequence[str], *, named: Sequence[str] = (), transforms: bool = True
) -> Asked:
    """With the weights that `gencpp new` took, which `auto` does not tell.

    `named`: sources and transforms that the user names: `nets:make`, `models/net.pt`. Raises UsageError, with
    the options that are missing, for code that is not among them and for files that are in no folder of
    `path`; without `transforms`, those are left out.
    """
    options = project.options
    if "model" not in options:
        raise UsageError(f"the manifest of {project.name} does not say which model it was made from")
    wanted = {"--model": options["model"]}
    wanted["--preprocess"] = options.get("preprocess", "") if transforms else ""
    unnamed = {o: text for o, text in wanted.items() if _is_code(text) and text not in named}
    if unnamed:
        told = " and ".join(unnamed.values())
        raise UsageError(
            f"{project.name} was made with {told}: Python code, which runs only where you name it",
            hint=f"Add {' '.join(f'{o} {text}' for o, text in unnamed.items())}, and --path with its folder.",
        )
    source = options["model"]
    weights = "auto"
    if _BUILDER.fullmatch(source):
        weights = _weights(project, path)
        if Path(source).exists():  # which a source would be taken for
            raise UsageError(
                f"{source} is a file here, and {project.name} was made from torchvision's model of this name",
                hint="Run gencpp in another folder.",
            )
    elif not _is_code(source):
        source = _found(source, path, named, "--model")
    state, preprocess = options.get("state_dict"), wanted["--preprocess"]
    return Asked(
        source=source,
        weights=weights,
        seed=_seed(options.get("seed", "0")),
        state_dict=_found(state, path, named, "--state-dict") if state else None,
        inputs=tuple(_input(text, path, named) for text in _split(options.get("input", ""))),
        dynamic=tuple(options.get("dynamic", "").split()),
        preprocess=(preprocess if _is_code(preprocess) else _found(preprocess, path, named, "--preprocess"))
        if preprocess
        else None,
    )


def check_named(project: ProjectSpec, option: str, text: str) -> None:
    """Raises UsageError when the user names something else than the project was made with."""
    made_with = project.options.get(option.removeprefix("--"), "")
    if text != made_with and Path(text).name != made_with:
        raise UsageError(
            f"{option} {text}: {project.name} was made with {ascii(made_with) if made_with else 'none'}",
            hint="For another model, or other transforms, use gencpp new.",
        )


def _is_code(text: str) -> bool:
    return _FACTORY.fullmatch(text) is not None or ":" in text


def _weights(project: ProjectSpec, path: Sequence[str]) -> str:
    info = project.model.weights
    if info.kind == "random":
        return "none"
    name = info.detail.rpartition(".")[2] if info.kind == "pretrained" else ""
    name = name or project.options.get("weights", info.detail)
    return name if _BUILDER.fullmatch(name) else _found(name, path, (), "--weights")


def _seed(text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 10 or int(text) > _MAX_SEED:
        raise UsageError(f"the manifest's seed {ascii(text)[:40]} is not a number from 0 to {_MAX_SEED}")
    return int(text)


def _split(text: str) -> list[str]:
    """Several `--input`s, as the manifest holds them."""
    try:
        return shlex.split(text)
    except ValueError as e:
        raise UsageError(f"the manifest's inputs {ascii(text)[:80]} cannot be read: {e}") from None


def _input(text: str, path: Sequence[str], named: Sequence[str]) -> str:
    """An `--input`, whose values may be in a file."""
    facts, _, _ = text.partition("=")
    if name := file_of(text):
        return f"{facts}={_found(name, path, named, '--input')}"
    if "/" in text or "\\" in text:
        raise UsageError(f"the manifest's input {ascii(text)[:80]} names a folder")
    return text


def _found(name: str, path: Sequence[str], named: Sequence[str], option: str) -> str:
    """The file of this name that the user names, or that is in a folder that the user names."""
    check_file_name(name, f"the manifest's {option}")
    files = [*(Path(n) for n in named if Path(n).name == name), *(Path(p) / name for p in path)]
    found = next((str(file) for file in files if file.is_file()), "")
    if not found:
        raise UsageError(f"{name} is in no folder of --path", hint="Name its folder: --path FOLDER.")
    return found
