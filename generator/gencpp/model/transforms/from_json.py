"""Preprocessing as a JSON file of --preprocess has it: the fields of PreprocessSpec."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from ...core.errors import UsageError
from ...core.spec import Interpolation, PreprocessSpec


def from_json(data: dict[str, Any], where: str) -> PreprocessSpec:
    """The dict of a JSON file; a resize that names no interpolation is bilinear, as torchvision's."""
    if "float_resize" in data:
        raise UsageError(f"{where}: unknown fields ['float_resize']")  # which tells of transforms
    geometry = data.get("geometry")
    if isinstance(geometry, list):
        steps = []
        for step in geometry:
            resize = step.get("resize") if isinstance(step, dict) else None
            if isinstance(resize, dict):
                step = {**step, "resize": {"interpolation": Interpolation.bilinear.value, **resize}}
            steps.append(step)
        data = {**data, "geometry": steps}
    try:
        spec = PreprocessSpec.from_json({**data, "source": where})
    except UsageError as e:
        message = e.message
        for name, said in _SAID.items():
            message = re.sub(name, said, message)
        raise UsageError(f"{where}: {message}", hint=e.hint) from None
    except (OverflowError, RecursionError):
        raise UsageError(f"{where}: a number is out of range") from None
    _check_float32(spec)
    return spec


_SAID: dict[str, str | Callable[[re.Match[str]], str]] = {
    r"\b(PreprocessSpec|GeometryStep)\.": "",
    r"\bPreprocessSpec\b": "preprocessing",
    r"\bGeometryStep\b": "geometry",
    r"\b(Resize|Crop|Pad|Grayscale)Step\b": lambda found: found[1].lower(),
    r"valid Interpolation\b": "valid interpolation",
    r"valid Rescale\b": "valid rescale",
    r"valid Resampling\b": "valid resampling",
    r"valid PadMode\b": "valid mode",
    r"expected float\b": "expected a number",
    r"expected int\b": "expected a whole number",
    r"expected bool\b": "expected true or false",
    r"found NoneType\b": "found null",
    r"found str\b": "found a string",
    r"found dict\b": "found an object",
    r", missing fields \[\]|unknown fields \[\], ": "",
}
"""Names of Python in the messages of core/preprocess.py, and what a JSON file calls them."""


def _check_float32(spec: PreprocessSpec) -> None:
    """Mean and std are used as float32: they must not become infinite there, nor std zero."""
    import torch

    values = torch.tensor([*(spec.mean or ()), *(spec.std or ())], dtype=torch.float64).float()
    if not bool(torch.isfinite(values).all()) or bool((values[len(spec.mean or ()) :] == 0).any()):
        raise UsageError(f"{spec.source}: mean or std is out of the range of float32")
