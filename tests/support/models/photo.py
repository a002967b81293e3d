"""A small classifier with every stage of preprocessing: what the integration tests generate and build."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

LABELS = tuple(f"class {i}" for i in range(10))


class Photo(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 16, 3, stride=2)
        self.second = nn.Conv2d(16, 32, 3, stride=2)
        self.head = nn.Linear(32 * 49, 10)

    def forward(self, image: Tensor) -> Tensor:
        x = torch.relu(self.second(torch.relu(self.first(image))))
        return self.head(x.flatten(1))


def model() -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        made = Photo()
        for parameter in made.parameters():
            nn.init.normal_(parameter, std=0.2)
    return made.eval()


class Large(Photo):
    """Weights that reach further than the first and the last 64 KiB of any artifact."""

    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Sequential(nn.Linear(32 * 49, 64), nn.ReLU(), nn.Linear(64, 10))


def large_model() -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        return Large().eval()


class Waiting(Photo):
    """Looks at a value, for which a program has to wait for the GPU: no graph of it can be captured."""

    def forward(self, image: Tensor) -> Tensor:
        x = torch.relu(self.second(torch.relu(self.first(image))))
        if bool(x.sum() < 0):
            x = -x
        return self.head(x.flatten(1))


def waiting_model() -> nn.Module:
    made = Waiting()
    made.load_state_dict(model().state_dict())
    return made.eval()


class Writing(Photo):
    """Changes its input in place, which has to stay as it is for the caller and for the next replay."""

    def forward(self, image: Tensor) -> Tensor:
        return super().forward(image.mul_(0.5).add_(0.125))


def writing_model() -> nn.Module:
    made = Writing()
    made.load_state_dict(model().state_dict())
    return made.eval()


def transforms() -> Any:
    from torchvision import transforms as T

    return T.Compose(
        [
            T.Resize(40, interpolation=T.InterpolationMode.BICUBIC),
            T.CenterCrop(32),
            T.ToTensor(),
            T.Normalize((0.4, 0.45, 0.5), (0.2, 0.25, 0.3)),
        ]
    )
