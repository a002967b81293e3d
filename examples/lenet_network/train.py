"""Trains LeNet on digits that Pillow draws, and writes its state dict; half a minute on two cores.

    python examples/lenet_network/train.py lenet.pth

Drawn digits stand in for MNIST, which this example does not download: the weights are real, the task is easy.
"""

from __future__ import annotations

import sys
from pathlib import Path

import torch
from lenet import LeNet
from PIL import Image, ImageDraw, ImageFont
from torch import nn

IMAGES = 6000
HELD_OUT = 500


def drawn(count: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """(count, 1, 28, 28) float32 in 0..1, and the digits: shifted, turned, of several sizes, with noise."""
    random = torch.Generator().manual_seed(seed)

    def between(low: float, high: float) -> float:
        return low + (high - low) * float(torch.rand((), generator=random))

    labels = torch.randint(0, 10, (count,), generator=random)
    images = torch.zeros(count, 1, 28, 28)
    for i, digit in enumerate(labels.tolist()):
        picture = Image.new("L", (28, 28))
        place = (14 + between(-3, 3), 14 + between(-3, 3))
        font = ImageFont.load_default(between(16, 24))
        ImageDraw.Draw(picture).text(place, str(digit), fill=255, font=font, anchor="mm")
        turned = picture.rotate(between(-15, 15), resample=Image.Resampling.BILINEAR)
        images[i, 0] = torch.frombuffer(bytearray(turned.tobytes()), dtype=torch.uint8).view(28, 28) / 255
    noise = torch.randn(images.shape, generator=random) * 0.05
    return (images + noise).clamp(0, 1), labels


def main() -> int:
    if len(sys.argv) != 2:
        print("usage: train.py OUT.pth", file=sys.stderr)
        return 2
    torch.manual_seed(0)
    model = LeNet()
    images, labels = drawn(IMAGES, 1)
    optimiser = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    for _ in range(3):
        for batch in torch.randperm(IMAGES).split(64):
            optimiser.zero_grad()
            nn.functional.cross_entropy(model.logits(images[batch]), labels[batch]).backward()
            optimiser.step()
    held_out, digits = drawn(HELD_OUT, 2)
    with torch.inference_mode():
        right = int((model(held_out).argmax(1) == digits).sum())
    torch.save(model.state_dict(), Path(sys.argv[1]))
    print(f"{right} of {HELD_OUT} unseen digits recognised; wrote {sys.argv[1]}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
