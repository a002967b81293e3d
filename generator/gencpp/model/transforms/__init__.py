"""Reads preprocessing out of torchvision's transforms or a JSON file, and computes its reference.

What is not understood is refused by name, never approximated.
"""

from __future__ import annotations

from typing import Any

from ...core.spec import PreprocessSpec
from .from_json import from_json
from .from_torchvision import from_transforms
from .reference import PictureRefused as PictureRefused
from .reference import check_against as check_against
from .reference import own_pixels as own_pixels
from .reference import reference_pixels as reference_pixels
from .reference import reference_tensor as reference_tensor


def preprocess_from(obj: Any, where: str) -> tuple[PreprocessSpec | None, str]:
    """(spec, note) of a transform object or of a JSON file's dict; `where` says where it comes from.

    The spec is None, and the note says why, for presets that do not take one picture (video, optical
    flow). Else a note says where the transforms themselves compute in float32 on this machine. Raises
    UsageError that lists every step that is not supported.
    """
    if isinstance(obj, dict):
        return from_json(obj, where), ""
    return from_transforms(obj, where)
