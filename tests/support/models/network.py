"""Networks that torchvision lacks, for network-definition code: a small U-Net and a transformer encoder."""

from __future__ import annotations

from typing import TypeVar

import torch
from torch import Tensor, nn

_SEED = 20

Module = TypeVar("Module", bound=nn.Module)


class Double(nn.Sequential):
    """Two convolutions of 3x3."""

    def __init__(self, given: int, made: int) -> None:
        layers: list[nn.Module] = []
        for channels in (given, made):
            layers += [nn.Conv2d(channels, made, 3, padding=1, bias=False), nn.BatchNorm2d(made), nn.ReLU()]
        super().__init__(*layers)


class UNet(nn.Module):
    """Three levels: one goes up by a transposed convolution, one by interpolation."""

    def __init__(self) -> None:
        super().__init__()
        self.down = nn.ModuleList([Double(3, 8), Double(8, 16), Double(16, 32)])
        self.pool = nn.MaxPool2d(2)
        self.up = nn.ConvTranspose2d(32, 16, 2, stride=2)
        self.wide = nn.Sequential(nn.Upsample(scale_factor=2, mode="bilinear"), nn.Conv2d(16, 8, 1))
        self.join = nn.ModuleList([Double(32, 16), Double(16, 8)])
        self.head = nn.Conv2d(8, 2, 1)

    def forward(self, image: Tensor) -> Tensor:
        fine = self.down[0](image)
        middle = self.down[1](self.pool(fine))
        coarse = self.down[2](self.pool(middle))
        y = self.join[0](torch.cat([middle, self.up(coarse)], dim=1))
        y = self.join[1](torch.cat([fine, self.wide(y)], dim=1))
        return self.head(y)


class OddUNet(UNet):
    """The same for pictures of any size: what came up is padded, resized or cropped to what went down."""

    def forward(self, image: Tensor) -> Tensor:
        height, width = image.shape[2:]
        fine = self.down[0](image)
        middle = self.down[1](self.pool(fine))
        coarse = self.down[2](self.pool(middle))
        up = self.up(coarse)
        missing = [middle.shape[d] - up.shape[d] for d in (3, 2)]
        up = nn.functional.pad(up, [p for n in missing for p in (n // 2, n - n // 2)])
        y = self.join[0](torch.cat([middle, up], dim=1))
        y = self.wide[1](nn.functional.interpolate(y, size=fine.shape[2:], mode="bilinear"))
        y = self.head(self.join[1](torch.cat([fine, y], dim=1)))
        half = ((height + 1) // 2, (width + 1) // 2)
        wide = nn.functional.interpolate(y, size=half, mode="nearest").repeat_interleave(2, 2)
        return y + wide.repeat_interleave(2, 3)[:, :, :height, :width]


class Encoder(nn.Module):
    """Tokens to one vector each sequence; those that are 0 are padding and no other attends to them."""

    def __init__(self) -> None:
        super().__init__()
        width, length = 32, 16
        self.tokens = nn.Embedding(50, width)
        self.places = nn.Parameter(torch.zeros(length, width))
        layer = nn.TransformerEncoderLayer(width, 4, 64, activation="gelu", batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.head = nn.Linear(width, 5)

    def forward(self, tokens: Tensor) -> Tensor:
        padding = tokens == 0
        y = self.encoder(self.tokens(tokens) + self.places, src_key_padding_mask=padding)
        kept = (~padding).to(y.dtype)[..., None]
        return self.head((y * kept).sum(dim=1) / kept.sum(dim=1).clamp(min=1.0))


def unet() -> UNet:
    return _random(UNet())


def odd_unet() -> OddUNet:
    return _random(OddUNet())


def encoder() -> Encoder:
    return _random(Encoder())


def _random(module: Module) -> Module:
    """Every parameter and statistic away from 0 and 1, so that none can be left out unseen."""
    generator = torch.Generator().manual_seed(_SEED)
    with torch.no_grad():
        for value in [*module.parameters(), *(b for b in module.buffers() if b.is_floating_point())]:
            fan_in = max(1, value[0].numel()) if value.dim() > 1 else 4
            value.copy_(torch.randn(value.shape, generator=generator) / fan_in**0.5)
        for name, value in [*module.named_parameters(), *module.named_buffers()]:
            if name.endswith("running_var"):
                value.copy_(0.5 + value.abs())
    return module.eval()
