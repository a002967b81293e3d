"""Seeded synthetic pictures: gradients, edges, fine lines and noise, without text or foreign content."""

from __future__ import annotations

from typing import Any

GOLDEN_SIZE = (613, 419)
"""Width and height of the golden picture, odd on purpose."""


def picture(width: int, height: int, seed: int) -> Any:
    """An RGB PIL image; the same seed gives the same picture on every machine with this numpy."""
    import numpy as np
    from PIL import ImageDraw

    rng = np.random.default_rng(seed)
    x = np.linspace(0.0, 1.0, width)[None, :, None]
    y = np.linspace(0.0, 1.0, height)[:, None, None]
    corners = rng.uniform(20, 235, (4, 3))
    ramp = (corners[0] * (1 - x) + corners[1] * x) * (1 - y) + (corners[2] * (1 - x) + corners[3] * x) * y
    image = _image(ramp)
    draw = ImageDraw.Draw(image)
    scale = min(width, height)
    for _ in range(5):
        cx, cy = rng.integers(0, width), rng.integers(0, height)
        r = int(rng.integers(1, max(2, scale // 4)))
        colour = tuple(int(c) for c in rng.integers(0, 256, 3))
        box = (int(cx - r), int(cy - r), int(cx + r), int(cy + r))
        (draw.ellipse if rng.random() < 0.5 else draw.rectangle)(box, fill=colour)
    for _ in range(12):  # one-pixel lines, which a wrong filter loses
        ends = [int(rng.integers(0, n)) for n in (width, height, width, height)]
        draw.line(ends, fill=tuple(int(c) for c in rng.integers(0, 256, 3)), width=1)
    pixels = np.array(image).astype(np.int16)
    bars = pixels[: height // 4, : width // 4]
    bars[:, ::2] = 255 - bars[:, ::2]
    noisy = pixels[height // 2 :, width // 2 :]
    noisy += rng.integers(-60, 61, noisy.shape).astype(np.int16)
    return _image(pixels)


def pnm(maxval: int, *, grey: bool) -> bytes:
    """A PPM or PGM file of one row whose values a decoder scales from 0..maxval to 8 bits: 288 of them.

    Pillow reads wide grey values as 16 bits, which it clips to 8: there, the values are low ones.
    """
    import numpy as np

    count = 288
    values = np.arange(count)
    if maxval < 256 or not grey:
        values = values * maxval // (count - 1)
    row = values.astype(np.uint8 if maxval < 256 else ">u2")
    width = count if grey else count // 3
    return f"P{5 if grey else 6}\n{width} 1\n{maxval}\n".encode() + row.tobytes()


def _image(values: Any) -> Any:
    import numpy as np
    from PIL import Image

    return Image.fromarray(np.clip(values, 0, 255).astype(np.uint8))
