"""The torchvision builders, for `gencpp models`."""

from __future__ import annotations

from dataclasses import dataclass

from ..core.errors import EnvironmentLacks, UsageError
from ..core.spec import JsonValue
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


def torchvision_models() -> tuple[CatalogRow, ...]:
    """Every builder, in the order of its name; needs no weights and builds no model."""
    try:
        from torchvision.models import list_models
    except ImportError as e:
        raise EnvironmentLacks(
            f"torchvision cannot be imported: {e}", hint="pip install torch torchvision"
        ) from None

    return tuple(_row(name) for name in list_models())


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
