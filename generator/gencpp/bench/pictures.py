"""Synthetic pictures of any size, by a program: `pictures.py FILE WIDTH HEIGHT`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..core.errors import CheckFailed
from .process import environment, spawn

_ASPECT = (4, 3)


def sides(megapixels: float) -> tuple[int, int]:
    """Width and height of a 4:3 picture."""
    across, down = _ASPECT
    width = round((megapixels * 1e6 * across / down) ** 0.5)
    return width, round(width * down / across)


def write(file: Path, width: int, height: int) -> None:
    """In a process of its own, which gives the memory of a large picture back."""
    argv = [sys.executable, "-m", __name__, str(file), str(width), str(height)]
    ran = spawn(argv, environment(1), timeout=600)
    if ran.code != 0:
        raise CheckFailed(f"no picture of {width}x{height}: {ran.problem()}")


def main(argv: Sequence[str]) -> int:
    """Smooth colours under noise, so that it compresses about as a photograph does."""
    import numpy as np
    from PIL import Image

    file, width, height = Path(argv[1]), int(argv[2]), int(argv[3])
    generator = np.random.default_rng(0)
    x = np.linspace(0, 9, width, dtype=np.float32)
    y = np.linspace(0, 7, height, dtype=np.float32)[:, None]
    planes = [(96 * np.sin(x * k + y) + 128).astype(np.uint8) for k in (1, 2, 3)]
    pixels = np.stack(planes, axis=-1)
    pixels += generator.integers(0, 24, pixels.shape, dtype=np.uint8)
    options: dict[str, Any] = {"quality": 90} if file.suffix == ".jpg" else {}
    Image.fromarray(pixels).save(file, **options)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
