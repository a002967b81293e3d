"""The backends: what a generated project links, as one visible table."""

from __future__ import annotations

from ..errors import UsageError
from .base import Backend
from .libtorch import LibTorch

BACKENDS: dict[str, Backend] = {"libtorch": LibTorch()}


def backend_named(name: str) -> Backend:
    """The backend of this name; raises UsageError that lists the names."""
    try:
        return BACKENDS[name]
    except KeyError:
        known = ", ".join(BACKENDS)
        planned = " TensorRT is not supported yet." if name == "tensorrt" else ""
        raise UsageError(f"there is no backend '{name}'.{planned}", hint=f"Choose from: {known}.") from None
