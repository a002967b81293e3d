"""The backends: what a generated project links, as one visible table."""

from __future__ import annotations

from ..core.backend import Backend as Backend
from ..core.backend import RuntimeOptions as RuntimeOptions
from ..core.errors import UsageError
from .libtorch.backend import LibTorch
from .tensorrt.backend import TensorRT

BACKENDS: dict[str, Backend] = {"libtorch": LibTorch(), "tensorrt": TensorRT()}


def backend_named(name: str) -> Backend:
    """The backend of this name; raises UsageError that lists the names."""
    try:
        return BACKENDS[name]
    except KeyError:
        known = ", ".join(BACKENDS)
        raise UsageError(f"there is no backend '{name}'", hint=f"Choose from: {known}.") from None
