"""What --fast-jpeg changes: the model's 8-bit pixels from JPEGs decoded whole and at a part of their size.

    python tools/pixels/scaled_difference.py [--table docs/results/fast-jpeg.md]

Both are decoded by Pillow, the second after Image.draft(): pixel_parity.py proves that the C++ has the same
pixels. Then resize 256 (bilinear) and crop 224 as torchvision does them. Told are the largest and the mean
difference of a level of 0 to 255, and the processor's time for decoding from memory, best of five.
"""

from __future__ import annotations

import argparse
import io
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import PIL
from picture_variants import noise, structured
from PIL import Image
from pixel_parity import PRESETS, apply_steps, find_pictures

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "generator"), str(ROOT / "tests" / "support")]

from provenance import write_page  # noqa: E402 - below the path

from gencpp.model.pictures import GOLDEN_SIZE, picture  # noqa: E402 - after the path

SHORTER = 256
SIZES = ((640, 480), (1024, 768), (2048, 1536), (4000, 3000))
HEAD = ("picture", "size", "decoded at", "largest", "mean", "whole ms", "scaled ms", "ratio")


def main() -> int:
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=raw)
    parser.add_argument("--table", type=Path, help="markdown file to write")
    options = parser.parse_args()
    rows = []
    for name, image in pictures():
        rows.append(row(name, image))
        print(" | ".join(rows[-1]), flush=True)
    if options.table:
        write_page(options.table, table(rows))
    return 0


def pictures() -> Iterator[tuple[str, Image.Image]]:
    """Such as the golden picture and larger; synthetic ones; photographs of installed packages."""
    rng = np.random.default_rng(0)
    for size in (GOLDEN_SIZE, *SIZES):
        yield "golden", picture(*size, 0)
    for size in ((1024, 768), (4000, 3000)):
        yield "edges and lines", Image.fromarray(structured(rng, *size))
        yield "noise", Image.fromarray(noise(rng, *size))
    for file in find_pictures([]):
        if file.suffix in (".jpg", ".jpeg"):
            with Image.open(file) as opened:
                image = opened.convert("RGB")
            if min(image.size) >= 2 * SHORTER:
                yield file.name, image


def row(name: str, image: Image.Image) -> tuple[str, ...]:
    data = io.BytesIO()
    image.save(data, "JPEG", quality=90)
    whole, whole_ms = decoded(data.getvalue(), draft=False)
    scaled, scaled_ms = decoded(data.getvalue(), draft=True)
    size = f"{image.width}x{image.height}"
    part = round(image.width / scaled.width)
    if part == 1:
        return (name, size, "1", "0", "0", f"{whole_ms:.1f}", f"{scaled_ms:.1f}", "")
    a, b = (apply_steps(i, PRESETS[0]).astype(np.int16) for i in (whole, scaled))
    difference = np.abs(a - b)
    figures = (str(difference.max()), f"{difference.mean():.2f}", f"{whole_ms:.1f}", f"{scaled_ms:.1f}")
    return (name, size, f"1/{part}", *figures, f"{whole_ms / scaled_ms:.1f}")


def decoded(data: bytes, *, draft: bool) -> tuple[Image.Image, float]:
    best = float("inf")
    for _ in range(5):
        begin = time.thread_time()
        image = Image.open(io.BytesIO(data))
        if draft:
            image.draft(None, (SHORTER, SHORTER))
        image.load()
        best = min(best, 1e3 * (time.thread_time() - begin))
    return image.convert("RGB"), best


def table(rows: list[tuple[str, ...]]) -> str:
    made = (
        "JPEGs of quality 90, decoded whole and at the "
        f"part of their size that `--fast-jpeg` takes for a shorter side of {SHORTER}, then resized "
        "(bilinear) and cropped to 224. Differences are of a level of 0 to 255 of the model's pixels; the "
        "C++ program's are the same, bit for bit (`tools/pixels/pixel_parity.py`). Times are Pillow "
        f"{PIL.__version__}'s, of decoding alone, on one processor."
    )
    why = (
        "libjpeg averages blocks of 2, 4 or 8 pixels where a resize of the whole picture weighs more of "
        "them, so that smooth parts hardly change and fine lines do. A picture whose shorter side is below "
        "twice what the model takes is decoded whole. The file's Huffman codes are read whole at every "
        "scale, which bounds what can be saved."
    )
    lines = [
        "# What `--fast-jpeg` changes",
        "",
        *textwrap.wrap(made, 110),
        "",
        "| " + " | ".join(HEAD) + " |",
        "|---|---|---|" + "--:|" * (len(HEAD) - 3),
        *("| " + " | ".join(r) + " |" for r in rows),
        "",
        *textwrap.wrap(why, 110),
        "",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
