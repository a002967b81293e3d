"""Models that take only some values, or go another way by them."""

from __future__ import annotations

import warnings

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class Tokens(nn.Module):
    """Three ids, of which one has two values only."""

    def __init__(self) -> None:
        super().__init__()
        self.word, self.kind = nn.Embedding(100, 16), nn.Embedding(2, 16)
        self.head = nn.Linear(16, 3)

    def forward(self, ids: Tensor, mask: Tensor, types: Tensor) -> Tensor:
        h = (self.word(ids) + self.kind(types)) * mask.unsqueeze(-1)
        return self.head(h.sum(1) / mask.sum(1, keepdim=True).clamp_min(1))


class Rate(nn.Module):
    """Two branches by a value; anything else raises."""

    def __init__(self) -> None:
        super().__init__()
        self.low, self.high = nn.Linear(8, 4), nn.Linear(8, 4)

    def forward(self, x: Tensor, rate: int) -> Tensor:
        if rate == 16000:
            return self.high(x)
        if rate == 8000:
            return self.low(x)
        raise ValueError("rate must be 8000 or 16000")


class Flag(nn.Module):
    """A branch by a bool, one by what the data are, one by a size, and a loop by a value."""

    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Linear(8, 4)

    def forward(self, x: Tensor, flag: Tensor, turns: int) -> Tensor:
        y = self.head(x)
        if x.size(0) > 100:
            y = y * 2
        if bool(flag):
            y = -y
        if bool(y.sum() > 1e9):
            y = y + 1
        for _ in range(turns):
            y = y + 0.5 * torch.tanh(y)
        return y


class Padded(nn.Module):
    """PyTorch's fast path writes 0 at padded places when the mask is left-aligned."""

    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Embedding(50, 32)
        layer = nn.TransformerEncoderLayer(32, 4, 64, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, 2)

    def forward(self, tokens: Tensor, padding: Tensor) -> Tensor:
        return self.encoder(self.table(tokens), src_key_padding_mask=padding)


class Softmax(nn.Module):
    """Attention weights written out: nan where everything is masked."""

    def forward(self, scores: Tensor, padding: Tensor) -> Tensor:
        return F.softmax(scores.masked_fill(padding, float("-inf")), -1)


class Lengths(nn.Module):
    """Refuses 0."""

    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Linear(8, 4)

    def forward(self, x: Tensor, length: Tensor) -> Tensor:
        if bool((length < 1).any()):
            raise ValueError("a length of 0")
        return self.head(x) / length.float()


class Frames(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)

    def forward(self, frame: Tensor) -> Tensor:
        return self.conv(frame.permute(0, 3, 1, 2).float() / 255).mean((2, 3))


class Gain(nn.Module):
    """A float argument, and one with a default that nobody gives."""

    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Linear(8, 4)

    def forward(self, x: Tensor, gain: float, bias: float = 1.0) -> Tensor:
        return self.head(x) * gain + bias


class Steps(nn.Module):
    """As many steps as a number says."""

    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Linear(8, 4)

    def forward(self, x: Tensor, count: int) -> Tensor:
        y = self.head(x)
        for i in range(count):
            if i == 3:
                y = -y
            y = y + 0.5
        return y


def steps() -> nn.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return torch.jit.script(Steps().eval())


tokens = Tokens
rate = Rate
flag = Flag
padded = Padded
softmax = Softmax
lengths = Lengths
frames = Frames
gain = Gain


class Updates(nn.Module):
    """An optional argument that nobody gives, as raft_small's num_flow_updates."""

    def forward(self, x: Tensor, count: int = 2) -> Tensor:
        for _ in range(count):
            x = x + 1
        if bool(x.sum() > 0):
            return x
        return -x


updates = Updates
