"""Models that call operators which the C++ program does not have, or TensorRT does not take."""

from __future__ import annotations

import torch
from torch import Tensor, nn


@torch.library.custom_op("gencpptest::leaky", mutates_args=())
def leaky(x: Tensor) -> Tensor:
    return torch.where(x > 0, x, x * 0.25)


@leaky.register_fake
def _(x: Tensor) -> Tensor:
    return torch.empty_like(x)


class Activation(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return torch.ops.gencpptest.leaky(x)


class Custom(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(7)
        self.head = nn.Linear(6, 6)
        self.act = Activation()

    def forward(self, x: Tensor) -> Tensor:
        return self.act(self.head(x)) + torch.ops.prims.abs(x)


class Detector(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(7)
        self.conv = nn.Conv2d(3, 5, 8, stride=8)

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        from torchvision.ops import nms

        grid = self.conv(image)[0].flatten(1).t()
        corner = grid[:, :2] * 20
        boxes = torch.cat([corner, corner + grid[:, 2:4].abs() * 20 + 1], 1)
        keep = nms(boxes, grid[:, 4], 0.4)
        return boxes[keep], grid[keep, 4]


class Frame(nn.Module):
    """A camera's frame: uint8, height x width x channels."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(7)
        self.conv = nn.Conv2d(3, 4, 3)
        self.table = nn.Embedding(256, 4)
        self.register_buffer("curve", torch.arange(256, dtype=torch.uint8).flip(0))

    def forward(self, frame: Tensor) -> Tensor:
        return self.conv(frame.permute(0, 3, 1, 2).float() / 255)


class FrameOut(Frame):
    def forward(self, frame: Tensor) -> tuple[Tensor, Tensor]:
        planes = frame.permute(0, 3, 1, 2)
        return planes[:, :, ::2], self.conv(planes.float())


class FrameIds(Frame):
    def forward(self, frame: Tensor) -> Tensor:
        return self.table(frame[:, 1:5, 2].long())


class FrameMask(Frame):
    def forward(self, frame: Tensor) -> tuple[Tensor, Tensor]:
        return (frame.permute(0, 3, 1, 2) > 3).float(), frame.bool()


class FrameTwice(Frame):
    def forward(self, frame: Tensor) -> tuple[Tensor, Tensor]:
        planes = frame.permute(0, 3, 1, 2)
        return self.conv(planes.half().float() / 255), planes.int()


class FrameCurve(Frame):
    def forward(self, frame: Tensor) -> Tensor:
        return self.curve[frame.long()].float()


class FrameHalves(Frame):
    def forward(self, frame: Tensor) -> Tensor:
        mirrored = torch.cat([frame[:, :8], frame[:, 8:].flip(2)], 1)
        return self.conv(mirrored.permute(0, 3, 1, 2).float() / 255)


class FrameSum(Frame):
    """Wraps at 256: no cast can come before it."""

    def forward(self, frame: Tensor) -> Tensor:
        return (frame + 250).float()


class Spectrum(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(7)
        self.register_buffer("window", torch.hann_window(64))
        self.head = nn.Linear(33, 4)

    def forward(self, x: Tensor) -> Tensor:
        spectrum = torch.stft(x, 64, 16, window=self.window, center=False, return_complex=True)
        return self.head(torch.view_as_real(spectrum).pow(2).sum(-1).transpose(1, 2))


custom = Custom
detector = Detector
frame = Frame
frame_out = FrameOut
frame_ids = FrameIds
frame_mask = FrameMask
frame_twice = FrameTwice
frame_curve = FrameCurve
frame_halves = FrameHalves
frame_sum = FrameSum
spectrum = Spectrum
