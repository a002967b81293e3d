"""The Python packages that artifacts and goldens are made with."""

from __future__ import annotations

import sys

from .. import __version__


def versions() -> dict[str, str]:
    """Versions of what makes artifacts and goldens."""
    from importlib.metadata import PackageNotFoundError
    from importlib.metadata import version as installed

    found = {"gencpp": __version__, "python": ".".join(map(str, sys.version_info[:3]))}
    for package in ("torch", "torchvision", "pillow", "numpy", "onnx", "onnxruntime"):
        try:
            found[package] = installed(package)
        except PackageNotFoundError:
            found[package] = "none"
    return found
