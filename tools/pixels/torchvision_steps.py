"""Steps that torchvision has besides Resize and CenterCrop of PIL images: of tensors, Pad and Grayscale.

Each comes as the text that pixels_tool reads and as torchvision's own transform.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import torchvision.transforms.v2 as v2
from PIL import Image
from torchvision.transforms import InterpolationMode

FILTERS = ("nearest", "nearest-exact", "bilinear", "bicubic")
MODES = ("constant", "edge", "reflect", "symmetric")
ALL_SIDES = 40

Step = tuple[str, Any]
"""(text, transform)"""


def resize(size: int | tuple[int, int], name: str, *, antialias: bool = True, longest: int = 0) -> Step:
    """A Resize of a uint8 tensor."""
    sides = f"size={size[0]}x{size[1]}" if isinstance(size, tuple) else f"shorter={size},max={longest}"
    of = "torch" if antialias else "torch_no_antialias"
    transform = v2.Resize(
        size, interpolation=InterpolationMode(name), max_size=longest or None, antialias=antialias
    )
    return f"resize:{sides},filter={name},of={of}", transform


def pad(sides: list[int], mode: str, fill: tuple[int, ...], *, of_tensor: bool) -> Step:
    """A Pad of a PIL image or a uint8 tensor."""
    text = f"pad:sides={'/'.join(map(str, sides))},mode={mode},fill={'/'.join(map(str, fill))}"
    transform = v2.Pad(sides, fill=fill if mode == "constant" else 0, padding_mode=mode)
    return f"{text},of={'tensor' if of_tensor else 'picture'}", transform


def result(image: Image.Image, transforms: list[Any]) -> npt.NDArray[np.uint8]:
    """HWC of RGB; a grey picture has three equal channels."""
    made = v2.Compose(transforms)(image)
    if isinstance(made, Image.Image):
        made = np.asarray(made)
        made = made[..., None] if made.ndim == 2 else made
    else:
        made = made.as_subclass(torch.Tensor).permute(1, 2, 0).numpy()
    return np.repeat(made, 3, axis=2) if made.shape[2] == 1 else made


def random_steps(rng: np.random.Generator) -> list[Step]:
    """A few steps of a picture, the conversion to a tensor, and a few steps of that."""

    def side() -> int:
        return int(rng.integers(1, 12 if rng.random() < 0.2 else 400))

    def padding(of_tensor: bool, channels: int) -> Step:
        sides = [int(n) for n in rng.integers(0, 9 if rng.random() < 0.7 else 60, 4)]
        fill = tuple(int(n) for n in rng.integers(0, 256, channels))
        return pad(sides, str(rng.choice(MODES)), fill, of_tensor=of_tensor)

    steps: list[Step] = []
    channels = 3
    for _ in range(int(rng.integers(0, 3))):
        if rng.random() < 0.5:
            channels = int(rng.choice([1, 3]))
            steps.append((f"grayscale:{channels}", v2.Grayscale(channels)))
        else:
            steps.append(padding(False, channels))
    if rng.random() < 0.2:
        return steps or [("grayscale:1", v2.Grayscale(1))]
    steps.append(("", v2.ToImage()))
    for _ in range(int(rng.integers(1, 4))):
        kind = rng.random()
        if kind < 0.6:
            name, antialias = str(rng.choice(FILTERS)), bool(rng.random() < 0.7)
            if rng.random() < 0.6:
                steps.append(resize((side(), side()), name, antialias=antialias))
            else:
                shorter = side()
                longest = shorter + int(rng.integers(1, 200)) if rng.random() < 0.4 else 0
                steps.append(resize(shorter, name, antialias=antialias, longest=longest))
        elif kind < 0.8:
            height, width = side(), side()
            steps.append((f"crop:{height}x{width}", v2.CenterCrop((height, width))))
        else:
            steps.append(padding(True, channels))
    return steps


def all_sides(limit: int = ALL_SIDES) -> Iterator[tuple[int, int, str, bool]]:
    """Every side to every side, by every filter: (from, to, filter, antialias)."""
    for name in FILTERS:
        for antialias in (True, False) if name in ("bilinear", "bicubic") else (True,):
            for a in range(1, limit + 1):
                for b in range(1, limit + 1):
                    yield a, b, name, antialias
