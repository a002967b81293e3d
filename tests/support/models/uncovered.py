"""A model with operators that network-definition code does not cover, in two of its modules."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Volume(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return torch.linalg.det(x)


class Finite(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return torch.where(torch.isinf(x), torch.zeros_like(x), x)


class Uncovered(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(4, 16)
        self.finite = Finite()
        self.head = nn.ModuleDict({"volume": Volume()})

    def forward(self, x: Tensor) -> Tensor:
        y = self.finite(self.first(x))
        return self.head["volume"](y.view(-1, 4, 4))


def model() -> nn.Module:
    torch.manual_seed(5)
    return Uncovered().eval()
