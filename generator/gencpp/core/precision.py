"""What models compute in: a row for each precision, and what follows from it everywhere.

Each backend says which of them it has, by its tolerances (core/tolerances.py) and its exporters.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass


class Precision(enum.StrEnum):
    """What the weights and the arithmetic inside the model are; its inputs and outputs stay as they are."""

    fp32 = "fp32"
    fp16 = "fp16"
    bf16 = "bf16"


@dataclass(frozen=True, slots=True, kw_only=True)
class PrecisionRow:
    """One of them."""

    title: str
    """For people: `float16`"""
    cpp: str
    """The enumerator of Precision in generated C++."""
    torch: str
    """Name of torch's element type."""
    onnx: str
    """Name of ONNX's element type."""
    onnx_opset: int
    """From which on ONNX's operators take it; earlier ones do in TensorRT's parser all the same."""
    largest: float
    """Largest finite value."""
    capability: tuple[int, int] = (0, 0)
    """Compute capability of the oldest NVIDIA GPU that TensorRT computes in it on; (0, 0): of any."""


PRECISIONS = {
    Precision.fp32: PrecisionRow(
        title="float32",
        cpp="fp32",
        torch="float32",
        onnx="FLOAT",
        onnx_opset=1,
        largest=3.4028234663852886e38,
    ),
    Precision.fp16: PrecisionRow(
        title="float16",
        cpp="fp16",
        torch="float16",
        onnx="FLOAT16",
        onnx_opset=1,
        largest=65504.0,
    ),
    Precision.bf16: PrecisionRow(
        title="bfloat16",
        cpp="bf16",
        torch="bfloat16",
        onnx="BFLOAT16",
        onnx_opset=22,
        largest=3.3895313892515355e38,
        capability=(8, 0),
    ),
}
