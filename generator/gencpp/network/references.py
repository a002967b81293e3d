"""What every layer of a plan gives for one input: samples, by which `<name>_diff` finds one that departs.

Whole tensors would be hundreds of megabytes; a layer that computes something else shows in hundreds of its
elements.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..core.spec import DType
from .calls.calls import calls
from .interpret.interpreter import run
from .plan import Constant, NetworkPlan

SAMPLES = 512
"""Elements of each tensor."""

_FLOATS = (DType.float32, DType.float16, DType.bfloat16)


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerReference:
    """Every `stride`-th element of a layer's output, `count` of them from `begin` in the array of samples."""

    layer: str
    """As setName gets it."""
    output: int
    elements: int
    stride: int
    begin: int
    count: int
    largest: float
    """max |value| of the whole tensor"""


def sampled(
    plan: NetworkPlan, weights: Mapping[str, Any], inputs: Mapping[str, Any]
) -> tuple[tuple[LayerReference, ...], Any]:
    """References of every floating-point tensor that a layer makes, and their samples (float32, 1-D)."""
    import numpy as np

    described = {t.name: t for t in plan.tensors}
    skipped = {o for layer in plan.layers if isinstance(layer, Constant) for o in layer.outputs}
    # A plan's layer may be several calls; the last of them makes its tensor.
    places = {
        tensor: (call.name, i)
        for call in calls(plan, 1013)
        for i, tensor in enumerate(call.outputs)
        if tensor in described and described[tensor].dtype in _FLOATS and tensor not in skipped
    }
    found = run(plan, weights, inputs, keep=tuple(places))
    references: list[LayerReference] = []
    samples: list[Any] = []
    begin = 0
    for tensor, (layer, output) in places.items():
        values = found[tensor].reshape(-1)
        if values.size == 0:
            continue
        stride = _stride(values.size, found[tensor].shape)
        taken = values[::stride].astype(np.float32)
        references.append(
            LayerReference(
                layer=layer,
                output=output,
                elements=int(values.size),
                stride=stride,
                begin=begin,
                count=int(taken.size),
                largest=float(np.abs(values.astype(np.float32)).max()),
            )
        )
        samples.append(taken)
        begin += int(taken.size)
    return tuple(references), np.concatenate(samples) if samples else np.zeros(0, np.float32)


def _stride(elements: int, dims: Sequence[int]) -> int:
    """About elements / SAMPLES; no divisor in common with a dimension, or only some channels were seen."""
    stride = max(1, elements // SAMPLES)
    while any(math.gcd(stride, size) > 1 for size in dims if size > 1):
        stride += 1
    return stride
