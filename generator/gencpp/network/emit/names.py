"""Names in generated C++: functions after classes or paths, variables after layers."""

from __future__ import annotations

import re
from collections.abc import Collection

from ...core.cpp import KEYWORDS

_RESERVED = frozenset(
    {"net", "at", "i", "x", "y", "z", "define_layers", "layers", "trt", "nvinfer1", "to_string", "int8_t"}
)
"""What generated code says itself."""
_TAKEN = frozenset(
    """
    std main torch at c10 caffe2 gencpp nvinfer1 linux unix windows errno stdin stdout stderr assert
    """.split()  # noqa: SIM905
)
"""Macros, and namespaces that a variable would hide."""


def snake(name: str) -> str:
    """`BasicBlock` -> basic_block, `layer1.0` -> layer1_0; "" where nothing is left."""
    text = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name)
    text = re.sub(r"[^A-Za-z0-9]+", "_", text).strip("_").lower()
    return re.sub(r"_+", "_", text)[:48].rstrip("_")


def variable(name: str, taken: Collection[str], fallback: str = "value") -> str:
    """`name` as an identifier that is free: no keyword, not of `taken`, numbered where it has to be."""
    text = snake(name)
    if not text or text[0].isdigit():
        text = f"{fallback}_{text}".rstrip("_")
    if text in KEYWORDS or text in _TAKEN:
        text = f"{text}_{fallback}"
    unique, n = text, 1
    while unique in taken or unique in _RESERVED:
        n += 1
        unique = f"{text}_{n}"
    return unique
