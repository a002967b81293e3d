"""torchvision's names of models, without importing it: its files are read."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

GROUPS = ("classification", "segmentation", "detection", "video", "optical_flow", "quantization")
"""Of torchvision's builders: the folders that they lie in, and classification for all others."""

_REGISTERED = re.compile(r"@register_model\((?:name=)?(?:[\"'](\w+)[\"'])?\)")
_FUNCTION = re.compile(r"def (\w+)\(")


def registered_names() -> list[str]:
    """As torchvision.models.list_models() gives them; empty where torchvision is not installed."""
    found = find_spec("torchvision")
    if found is None or not found.submodule_search_locations:
        return []
    folder = Path(found.submodule_search_locations[0]) / "models"
    return sorted(name for file in folder.rglob("*.py") for name in _names(file))


def _names(file: Path) -> Iterator[str]:
    """Of the functions that the decorator stands above, other decorators between them or not."""
    waiting: str | None = None
    for line in file.read_text(encoding="utf-8").splitlines():
        if registered := _REGISTERED.match(line):
            waiting = registered[1] or ""
        elif waiting is not None and (function := _FUNCTION.match(line)):
            yield waiting or function[1]
            waiting = None
