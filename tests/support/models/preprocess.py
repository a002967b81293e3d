"""Preprocessing of pictures beside the usual Resize, CenterCrop, ToTensor; each ends with 32x32."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torchvision import transforms as T
from torchvision.transforms import v2


class Grey(nn.Module):
    """Takes pictures of one channel."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 4, 4, stride=4)
        self.head = nn.Linear(256, 10)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(torch.relu(self.conv(x)).flatten(1))


def grey_model() -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(7)
        return Grey().eval()


def grey() -> Any:
    """Pads and converts PIL images."""
    return T.Compose(
        [
            T.Grayscale(),
            T.Pad((3, 5), fill=9),
            T.Resize(28),
            T.CenterCrop(28),
            T.Pad([1, 2, 3, 2], padding_mode="reflect"),
            T.ToTensor(),
            T.Normalize((0.1307,), (0.3081,)),
        ]
    )


def tensors() -> Any:
    """v2 in torchvision's own order."""
    return v2.Compose(
        [
            v2.ToImage(),
            v2.ToDtype(torch.uint8, scale=True),
            v2.Resize(40, antialias=True),
            v2.CenterCrop(30),
            v2.Pad(1, fill=(9, 8, 7)),
            v2.ToDtype(torch.float32, scale=True),
            v2.Normalize((0.5, 0.4, 0.3), (0.2, 0.3, 0.4)),
        ]
    )


def classic_tensors() -> Any:
    """The classic Resize takes tensors to float32 on every processor."""
    return T.Compose([T.PILToTensor(), T.Resize(40), T.CenterCrop(32), T.ConvertImageDtype(torch.float32)])


def nearest_tensors() -> Any:
    """Needs a fused multiply-add to be what it is elsewhere."""
    exact = v2.InterpolationMode.NEAREST_EXACT
    return v2.Compose(
        [v2.ToImage(), v2.Resize(32, interpolation=exact), v2.ToDtype(torch.float32, scale=True)]
    )
