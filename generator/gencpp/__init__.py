"""gencpp: from a trained model to a C++ project that is proven to compute the same.

    from pathlib import Path
    import gencpp

    gencpp.generate(gencpp.Request(source="resnet18", backend="libtorch", out=Path("out")))
    report = gencpp.verify(Path("out"))
    assert report.status == "passed", report.steps

What is named here stays; everything below may change. It is imported when it is first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

__version__ = "0.1.0"
__all__ = ["GencppError", "ModelRequest", "Request", "__version__", "generate", "inspect", "verify"]

if TYPE_CHECKING:
    from .core.errors import GencppError as GencppError
    from .core.request import ModelRequest as ModelRequest
    from .core.request import Request as Request
    from .pipeline import generate as generate
    from .pipeline import inspect as inspect
    from .pipeline import verify as verify
else:
    _WHERE = {
        "GencppError": "core.errors",
        **dict.fromkeys(("ModelRequest", "Request"), "core.request"),
        **dict.fromkeys(("generate", "inspect", "verify"), "pipeline"),
    }

    def __getattr__(name):
        if name not in _WHERE:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from importlib import import_module

        return getattr(import_module(f".{_WHERE[name]}", __name__), name)

    def __dir__():
        return sorted({*globals(), *__all__})
