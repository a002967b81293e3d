"""Models whose multiply-adds torch's own counter leaves out, in part or on some versions."""

from __future__ import annotations

import torch
from torch import nn


class _First(nn.Module):
    """The sequence of a recurrent layer, without its state."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.layer(x)[0]


def lstm() -> nn.Module:
    torch.manual_seed(7)
    return _First(nn.LSTM(8, 16, 2, batch_first=True, bidirectional=True)).eval()


def gru() -> nn.Module:
    torch.manual_seed(7)
    return _First(nn.GRU(8, 16, batch_first=True)).eval()


class Attention(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return nn.functional.scaled_dot_product_attention(x, x * 2, x + 1)


def attention() -> nn.Module:
    return Attention().eval()


class Bilinear(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(7)
        self.layer = nn.Bilinear(4, 5, 6)

    def forward(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return self.layer(x, y)


def bilinear() -> nn.Module:
    return Bilinear().eval()


class Products(nn.Module):
    """A matrix and a vector, two vectors, and a sum over a batch of matrix products."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(7)
        self.vector = nn.Parameter(torch.randn(4))
        self.weight = nn.Parameter(torch.randn(2, 4, 5))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        row = torch.mv(x, self.vector)
        stacked = torch.stack([x, x * 2])
        return torch.addbmm(torch.dot(row, row), stacked, self.weight)


def products() -> nn.Module:
    return Products().eval()
