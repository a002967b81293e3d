"""Small networks for the ONNX exporter: one concern each."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class Normed(nn.Module):
    """LayerNorm over one and over two dimensions."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.LayerNorm(6)
        self.second = nn.LayerNorm((4, 6))
        self.head = nn.Linear(6, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.second(self.first(x) * 3.0 + x))


class Picture(nn.Module):
    """Of any height and width."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3, stride=2, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(8)
        self.head = nn.Conv2d(8, 2, 1)

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        y = torch.relu(self.norm(self.conv(image)))
        return self.head(y), y.mean(dim=(2, 3))


class Masked(nn.Module):
    """A mask as long as the tokens."""

    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Embedding(10, 8)
        self.attention = nn.MultiheadAttention(8, 2, batch_first=True)

    def forward(self, tokens: Tensor, mask: Tensor) -> Tensor:
        x = self.table(tokens) * mask[..., None]
        return self.attention(x, x, x, need_weights=False)[0]


class New(nn.Module):
    """What opset 17 writes in another way: reductions, uneven parts, padding, Mish, resizing."""

    def forward(self, x: Tensor) -> Tensor:
        a, b, c = x.split([3, 3, 2], dim=1)
        y = torch.cat([F.mish(a), b.amax(dim=(2, 3), keepdim=True) * b, c], dim=1)
        y = F.interpolate(F.pad(y, (1, 2, 0, 1)), scale_factor=2.0, mode="bilinear", align_corners=False)
        p, q, r = y.chunk(3, dim=1)
        return p.mean(dim=(2, 3)) + q.amin(dim=(2, 3)) + F.pad(r.logsumexp(dim=(2, 3)), (0, 1))


class Bits(nn.Module):
    """Two operators that no TensorRT imports, in a module of their own."""

    class Mix(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return torch.bitwise_or(torch.bitwise_and(x, 5), 2)

    def __init__(self) -> None:
        super().__init__()
        self.mix = Bits.Mix()

    def forward(self, x: Tensor) -> Tensor:
        return self.mix(x).float() * 0.5


class TooLarge(nn.Module):
    """Beyond float16 on the way, not at the end."""

    def __init__(self) -> None:
        super().__init__()
        self.up = nn.Linear(6, 4)
        self.down = nn.Linear(4, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.down(self.up(x) * 3e3 * 1e3) * 1e-6


class Wide(nn.Module):
    """64 KiB of weights and more."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(128, 128)
        self.second = nn.Linear(128, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.second(torch.relu(self.first(x)))


class Mask(nn.Module):
    """With a constant that stands for minus infinity."""

    def forward(self, x: Tensor) -> Tensor:
        hidden = torch.arange(6) > 3
        return x.masked_fill(hidden, -1e9).softmax(dim=1)


class Double(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.double() * 2.0


class Longs(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.argmax(dim=1)


class Awkward(nn.Module):
    """Outputs that are an input, the same value twice, a buffer, nested, and named as an input."""

    mark: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Linear(6, 4)
        self.register_buffer("mark", torch.arange(4.0) + 1.0)

    def forward(self, x: Tensor, y: Tensor) -> dict[str, Tensor | tuple[Tensor, ...] | None]:
        a = self.head(x) + y
        return {"x": x, "again": (a, a), "mark": self.mark, "nothing": None, "sum": a.sum(dim=1)}


normed = Normed
picture = Picture
masked = Masked
new = New
bits = Bits
too_large = TooLarge
wide = Wide
mask = Mask
double = Double
longs = Longs
awkward = Awkward
