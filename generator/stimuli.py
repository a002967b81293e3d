"""Seeded inputs that excite a model: smooth patterns for images, noise for other tensors.

Sits after structure.py; used by lively, inspection, export and golden. White noise of two seeds gives
nearly the same features, so image-like inputs get patterns whose colour and contrast follow the seed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .spec import DType, TensorSpec
from .structure import torch_dtype

_SCALES = ((2, 1.0), (5, 0.8), (14, 0.6), (40, 0.5))
"""Cells a side and amplitude of each layer of a pattern."""


def seeded_inputs(inputs: Sequence[TensorSpec], seed: int, batch: int | None = None) -> list[Any]:
    """One contiguous CPU tensor an input, of its opt shape or with the first dimension at `batch`.

    Every item of a batch differs; the caller's random state is left alone. Floats are about unit
    standard deviation, integers lie in 0..9 (bool: 0 or 1).
    """
    import torch

    return [
        torch.stack([_item(spec, shape[1:], (seed, index, item)) for item in range(shape[0])])
        if (shape := spec.shape(batch))
        else _item(spec, (), (seed, index, 0))
        for index, spec in enumerate(inputs)
    ]


def _item(spec: TensorSpec, shape: tuple[int, ...], key: tuple[int, int, int]) -> Any:
    import torch

    seed, index, item = key
    generator = torch.Generator().manual_seed(((seed + 1) * 1_000_003 + index * 10_007 + item * 101) % 2**63)
    if spec.dtype is DType.bool_:
        return torch.randint(0, 2, shape, generator=generator).bool()
    if spec.dtype not in (DType.float32, DType.float64, DType.float16, DType.bfloat16):
        return torch.randint(0, 10, shape, generator=generator).to(torch_dtype(spec.dtype))
    value = _pattern(shape, generator) if len(shape) in (3, 4) else torch.randn(shape, generator=generator)
    return value.to(torch_dtype(spec.dtype))


def _pattern(shape: tuple[int, ...], generator: Any) -> Any:
    """Channels x (depth x) height x width: layers of smooth noise, colour cast, contrast, a little grain."""
    import torch

    channels, *space = shape
    mode = "bilinear" if len(space) == 2 else "trilinear"
    pattern = torch.zeros(shape)
    for cells, amplitude in _SCALES:
        grid = [max(1, min(cells, s)) for s in space]
        grey = torch.randn((1, 1, *grid), generator=generator)
        colour = torch.randn((1, channels, *grid), generator=generator)
        layer = torch.nn.functional.interpolate(
            grey + 0.7 * colour, size=tuple(space), mode=mode, align_corners=False
        )
        pattern += amplitude * layer[0]
    tail = (1,) * len(space)
    contrast = 0.6 + 0.6 * torch.rand((channels, *tail), generator=generator)
    cast = 0.6 * torch.randn((channels, *tail), generator=generator)
    pattern = pattern / pattern.std(correction=0).clamp_min(0.1)
    return pattern * contrast + cast + 0.1 * torch.randn(shape, generator=generator)
