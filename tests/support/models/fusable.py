"""Models whose scripted graphs have branches, growing lists and sizes that vary."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Gate(nn.Module):
    """Squeeze and excitation, as in MobileNetV3."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.squeeze = nn.AdaptiveAvgPool2d(1)
        self.excite = nn.Conv2d(channels, channels, 1)
        self.scale = nn.Hardsigmoid()

    def forward(self, x: Tensor) -> Tensor:
        return x * self.scale(self.excite(self.squeeze(x)))


class SqueezeAndGrow(nn.Module):
    """A gate, then a list of features that grows, as in DenseNet."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, padding=1)
        self.gate = Gate(8)
        self.norms = nn.ModuleList(nn.BatchNorm2d(8 * (i + 1)) for i in range(3))
        self.convs = nn.ModuleList(nn.Conv2d(8 * (i + 1), 8, 3, padding=1) for i in range(3))
        self.head = nn.Linear(32, 10)

    def forward(self, x: Tensor) -> Tensor:
        features = [self.gate(torch.relu(self.stem(x)))]
        for norm, conv in zip(self.norms, self.convs):  # noqa: B905 - TorchScript knows no strict
            features.append(conv(torch.relu(norm(torch.cat(features, 1)))))
        return self.head(torch.cat(features, 1).mean((2, 3)))


class Gated(nn.Module):
    def __init__(self, bias: bool, shared: bool) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3, bias=bias)
        self.shared = shared

    def forward(self, x: Tensor) -> Tensor:
        y = self.conv(x)
        gate = nn.functional.hardsigmoid(y)
        return (gate * y if self.shared else gate).flatten(1)


class ScalesChannels(nn.Module):
    """torchvision's transform_input, and halves of the channels, which are left as they lie."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)

    def forward(self, x: Tensor) -> Tensor:
        planes = [(x[:, i] * (0.4 + i)).unsqueeze(1) + 0.1 for i in range(2)]
        planes.append(x[:, 2:] * 3 - 0.5)
        y = self.conv(torch.cat(planes, 1))
        return torch.cat([torch.relu(y[:, :4]), y[:, 4:]], 1).flatten(1)


class ReadsTheBatch(nn.Module):
    """Attention without a layer: every reshape names the batch."""

    def forward(self, x: Tensor) -> Tensor:
        n = x.shape[0]
        pairs = x.view(n, 3, 2).transpose(1, 2).reshape(n * 2, 3)
        return torch.softmax(pairs, 1).view(n, 2, 3) @ torch.ones(n, 3, 1)


class BranchesOnValues(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(6, 4)

    def forward(self, x: Tensor) -> Tensor:
        y = self.linear(x)
        if bool(y.sum() > 1e9):
            y = -y
        return y


def squeeze_and_grow() -> nn.Module:
    return SqueezeAndGrow()


def hard_sigmoid_without_bias() -> nn.Module:
    return Gated(bias=False, shared=False)


def hard_sigmoid_of_a_shared_convolution() -> nn.Module:
    return Gated(bias=True, shared=True)


def scales_channels() -> nn.Module:
    return ScalesChannels()


def reads_the_batch() -> nn.Module:
    return ReadsTheBatch()


def branches_on_values() -> nn.Module:
    return BranchesOnValues()
