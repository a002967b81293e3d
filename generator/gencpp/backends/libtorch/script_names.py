"""Names that a TorchScript file cannot have: it is written with them, and then cannot be read again."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ...core.errors import UsageError
from ...core.loaded import LoadedModel
from ...tensors.module import forward_arguments

_SHOWN = 5


def check_names(loaded: LoadedModel, *, frozen: bool) -> None:
    """Raises UsageError for names with other letters than ASCII's: Python takes them, TorchScript does not.

    Those of the arguments and of the model's class; where the graph is not `frozen`, also those of its parts.
    """
    wrong = list(dict.fromkeys(n for n in _names(loaded.module, frozen) if not n.isascii()))
    if wrong:
        shown = ", ".join(wrong[:_SHOWN]) + (
            f" and {len(wrong) - _SHOWN} more" if len(wrong) > _SHOWN else ""
        )
        raise UsageError(
            f"TorchScript takes ASCII names only; {loaded.source_text} has {shown}",
            hint="Rename them in the Python code, or use --backend tensorrt, which takes them.",
        )


def _names(module: Any, frozen: bool) -> Iterator[str]:
    required, optional = forward_arguments(module)
    yield from (*required, *optional, type(module).__name__)
    if not frozen:
        for path, part in module.named_modules():
            yield from (path, type(part).__name__)
        yield from (name for name, _ in module.named_parameters())
        yield from (name for name, _ in module.named_buffers())
