"""The torchvision builders, for `gencpp models`."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass

from ..core.errors import EnvironmentLacks, UsageError
from ..core.spec import JsonValue
from .names import GROUPS
from .torchvision import group_of, refuse_unsupported


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogRow(JsonValue):
    """One torchvision builder."""

    name: str
    task: str
    input: str
    """`3x224x224` for a picture as the default weights' preset makes it; `?` where it is not fixed."""
    weights: tuple[str, ...]
    parameters: int
    """Count of parameter elements, as the default weights' metadata says; 0 where it does not."""
    libtorch: str
    """`yes`, or why not."""
    tensorrt: str
    """The same."""


def torchvision_models(part: str = "", task: str | None = None) -> tuple[CatalogRow, ...]:
    """Every builder with `part` in its name, and of `task`; needs no weights and builds no model.

    In the order of their names. Raises UsageError where there is none.
    """
    if task is not None and task not in GROUPS:
        raise UsageError(f"there is no task {task!r}", hint=f"Choose from: {', '.join(GROUPS)}.")
    try:
        from torchvision.models import list_models
    except ImportError as e:
        raise EnvironmentLacks(
            f"torchvision cannot be imported: {e}", hint="pip install torch torchvision"
        ) from None

    every = list_models()
    named = [name for name in every if part.lower() in name]
    if not named:
        raise UsageError(f"torchvision has no model with {part!r} in its name", hint=_near(part, every))
    found = [name for name in named if task in (None, group_of(name))]
    if not found:
        others = ", ".join(dict.fromkeys(group_of(name) for name in named))
        raise UsageError(
            f"no model with {part!r} in its name is of the task {task}", hint=f"Their tasks: {others}."
        )
    return tuple(map(_row, found))


def _near(part: str, every: Sequence[str]) -> str:
    near = difflib.get_close_matches(part.lower(), every, n=5, cutoff=0.5)
    return (f"Did you mean {', '.join(near)}? " if near else "") + "`gencpp models` lists all of them."


def _row(name: str) -> CatalogRow:
    from torchvision.models import get_model_weights

    entries = list(get_model_weights(name))
    default = entries[0].__class__["DEFAULT"] if entries else None
    return CatalogRow(
        name=name,
        task=group_of(name),
        input=_input(default),
        weights=tuple(entry.name for entry in entries),
        parameters=int(default.meta.get("num_params", 0)) if default else 0,
        libtorch=_status(name),
        tensorrt=_status(name),
    )


def _input(default: object) -> str:
    preset = getattr(default, "transforms", lambda: None)()
    crop = getattr(preset, "crop_size", None)
    if not crop:
        return "3x?x?"
    height, width = (crop[0], crop[-1])
    return f"3xTx{height}x{width}" if "Video" in type(preset).__name__ else f"3x{height}x{width}"


def _status(name: str) -> str:
    try:
        refuse_unsupported(name)
    except UsageError as e:
        return f"no: {e.message.removeprefix(f'{name} is ')}"
    return "yes"
