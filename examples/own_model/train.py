"""Trains ShapeNet on shapes that Pillow draws; about half a minute on two cores.

    python examples/own_model/train.py FOLDER

writes shapes.pth (the state dict), labels.txt and one picture of each class into FOLDER.
"""

from __future__ import annotations

import sys
from pathlib import Path

import torch
from PIL import Image, ImageDraw
from shapes import LABELS, ShapeNet, transforms
from torch import nn

TRAINED, HELD_OUT = 1500, 300
WIDTH, HEIGHT = 120, 90


def drawn(count: int, seed: int) -> tuple[list[Image.Image], torch.Tensor]:
    """`count` pictures of 120x90 with one shape each, and the numbers of their classes."""
    random = torch.Generator().manual_seed(seed)

    def between(low: int, high: int) -> int:
        return int(torch.randint(low, high + 1, (), generator=random))

    def colour(low: int, high: int) -> tuple[int, int, int]:
        return (between(low, high), between(low, high), between(low, high))

    classes = torch.randint(0, len(LABELS), (count,), generator=random)
    pictures = []
    for shape in classes.tolist():
        picture = Image.new("RGB", (WIDTH, HEIGHT), colour(0, 110))
        draw, fill = ImageDraw.Draw(picture), colour(140, 255)
        x, y, r = between(45, 75), between(35, 55), between(15, 28)
        if LABELS[shape] == "circle":
            draw.ellipse((x - r, y - r, x + r, y + r), fill=fill)
        else:
            corners = 4 if LABELS[shape] == "square" else 3
            draw.regular_polygon((x, y, r), corners, rotation=between(-10, 10), fill=fill)
        pictures.append(picture)
    return pictures, classes


def tensors(pictures: list[Image.Image]) -> torch.Tensor:
    transform = transforms()
    return torch.stack([transform(p) for p in pictures])


def main() -> int:
    if len(sys.argv) != 2:
        print("usage: train.py FOLDER", file=sys.stderr)
        return 2
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(0)
    model = ShapeNet()
    pictures, classes = drawn(TRAINED, 1)
    inputs = tensors(pictures)
    optimiser = torch.optim.Adam(model.parameters(), lr=3e-3)
    for _ in range(6):
        for batch in torch.randperm(TRAINED).split(50):
            optimiser.zero_grad()
            nn.functional.cross_entropy(model(inputs[batch]), classes[batch]).backward()
            optimiser.step()
    model.eval()
    pictures, classes = drawn(HELD_OUT, 2)
    with torch.inference_mode():
        right = int((model(tensors(pictures)).argmax(1) == classes).sum())
    torch.save(model.state_dict(), folder / "shapes.pth")
    (folder / "labels.txt").write_text("\n".join(LABELS) + "\n", encoding="utf-8")
    for number, label in enumerate(LABELS):
        pictures[classes.tolist().index(number)].save(folder / f"{label}.png")
    print(f"{right} of {HELD_OUT} unseen pictures recognised; wrote shapes.pth and labels.txt to {folder}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
