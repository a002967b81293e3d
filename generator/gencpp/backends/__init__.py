"""The backends: what a generated project links, as one visible table."""

from __future__ import annotations

from ..core.backend import Backend as Backend
from ..core.backend import RuntimeOptions as RuntimeOptions
from ..core.errors import UsageError
from ..core.request import Request
from .libtorch.backend import LibTorch
from .libtorch.options import need_torch as need_torch
from .tensorrt.backend import TensorRT

BACKENDS: dict[str, Backend] = {"libtorch": LibTorch(), "tensorrt": TensorRT()}


def backend_named(name: str) -> Backend:
    """The backend of this name; raises UsageError that lists the names."""
    try:
        return BACKENDS[name]
    except KeyError:
        known = ", ".join(BACKENDS)
        raise UsageError(f"there is no backend '{name}'", hint=f"Choose from: {known}.") from None


def check(request: Request) -> Backend:
    """The backend that is asked for.

    Raises UsageError for options of another, or values that it does not have, EnvironmentLacks without what
    it needs.
    """
    backend = backend_named(request.backend)
    for other in BACKENDS.values():
        taken = set(other.own_options) - set(backend.own_options)
        used = [
            f"--{name.replace('_', '-')}"
            for name in other.own_options
            if name in taken and getattr(request, name)
        ]
        if used:
            raise UsageError(
                f"{', '.join(used)}: only for {other.title}",
                hint=f"Leave it out, or take --backend {other.name}.",
            )
    if request.precision not in (None, *backend.precisions):
        raise UsageError(
            f"there is no precision '{request.precision}' for {backend.name}",
            hint=f"Choose from: {', '.join(backend.precisions)}.",
        )
    backend.check(request)
    return backend
