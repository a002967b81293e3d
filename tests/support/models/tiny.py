"""Small factories for tests: what real users bring, and what goes wrong with it."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn


class Cnn(nn.Module):
    def __init__(self, classes: int = 10) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3, stride=2)
        self.norm = nn.BatchNorm2d(8)
        self.head = nn.Linear(8, classes)

    def forward(self, image: Tensor) -> Tensor:
        return self.head(torch.relu(self.norm(self.conv(image))).mean(dim=(2, 3)))


class TwoInThreeOut(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.a = nn.Linear(6, 4)
        self.b = nn.Linear(5, 4)

    def forward(self, left: Tensor, right: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        p, q = self.a(left), self.b(right)
        return p + q, torch.stack((p, q), dim=1), (p * q).sum(dim=1)


class NotScriptable(nn.Module):
    """`**kwargs` in a call: torch.jit.script refuses it, tracing takes it."""

    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Linear(6, 4)

    def forward(self, x: Tensor) -> Tensor:
        options = {"dim": 1}
        return torch.softmax(self.head(x), **options)


class DataBranch(nn.Module):
    """Not scriptable, and the branch depends on data: the trace keeps one side."""

    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Linear(6, 4)

    def forward(self, x: Tensor) -> Tensor:
        options = {"dim": 1}
        y = torch.softmax(self.head(x), **options)
        return y if float(x.flatten()[0]) > 100.0 else y * 2


class BadBranch(DataBranch):
    """The branch is taken for about half of all inputs: no trace is right."""

    def forward(self, x: Tensor) -> Tensor:
        options = {"dim": 1}
        y = torch.softmax(self.head(x), **options)
        return y if float(x.sum()) > 0 else y * 2


class Named(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Linear(6, 4)

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        y = self.head(x)
        return {"scores": y, "best": y.argmax(dim=1)}


class FixedBatch(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Linear(6, 4)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(x.reshape(1, 6))


class Mixing(nn.Module):
    """Items of a batch influence each other."""

    def forward(self, x: Tensor) -> Tensor:
        return x - x.mean(dim=0, keepdim=True) * 0.5


class Constant(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.value = nn.Parameter(torch.ones(4))

    def forward(self, x: Tensor) -> Tensor:
        return self.value + 1e-9 * x[:, :4]


class Infinite(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x / 0.0


class Words(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Embedding(10, 6)

    def forward(self, tokens: Tensor) -> Tensor:
        return self.table(tokens).sum(dim=1)


cnn = Cnn
two_in_three_out = TwoInThreeOut
not_scriptable = NotScriptable
data_branch = DataBranch
bad_branch = BadBranch
named = Named
fixed_batch = FixedBatch
mixing = Mixing
constant = Constant
infinite = Infinite
words = Words


class nested:
    make = Cnn


def raises() -> nn.Module:
    raise RuntimeError("no weights on this machine")


def no_module() -> Any:
    return {"weights": 1}


def preprocess() -> Any:
    from torchvision import transforms as T

    return T.Compose([T.Resize(40), T.CenterCrop(32), T.ToTensor(), T.Normalize([0.5] * 3, [0.5] * 3)])


def bad_preprocess() -> Any:
    from torchvision import transforms as T

    return T.Compose(
        [T.RandomHorizontalFlip(), T.ToTensor(), T.Resize(32), T.Lambda(lambda x: x), T.GaussianBlur(3)]
    )


class Tricky(nn.Module):
    """Changes its input in place, has an argument with a default value, returns a buffer and a view."""

    anchors: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("anchors", torch.arange(4.0))
        self.head = nn.Linear(6, 4)

    def forward(self, x: Tensor, scale: float = 2.0) -> tuple[Tensor, Tensor, Tensor]:
        x = torch.relu_(x)
        y = self.head(x) * scale
        return y, y.view(-1), self.anchors


tricky = Tricky


class Half(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.bfloat16()


class Random(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x + torch.rand_like(x)


class Counting(nn.Module):
    """Keeps state between calls."""

    def __init__(self) -> None:
        super().__init__()
        self.calls = 0

    def forward(self, x: Tensor) -> Tensor:
        self.calls += 1
        return x * self.calls


class Doubling(nn.Module):
    """Changes its input, each time anew."""

    def forward(self, x: Tensor) -> Tensor:
        return x.mul_(2.0) + 1.0


half = Half
random = Random
counting = Counting
doubling = Doubling


def encoder() -> nn.Module:
    layer = nn.TransformerEncoderLayer(64, 4, dim_feedforward=128, batch_first=True)
    return nn.TransformerEncoder(layer, 6)


def vit() -> nn.Module:
    """A vision transformer of torchvision's own code, which oneDNN graph fusion cannot run when scripted."""
    from torchvision.models import VisionTransformer

    torch.manual_seed(0)
    return VisionTransformer(
        image_size=32, patch_size=8, num_layers=2, num_heads=2, hidden_dim=32, mlp_dim=64, num_classes=10
    ).eval()


class StateTuple(nn.Module):
    """Takes its state as a tuple, which is no tensor."""

    def __init__(self) -> None:
        super().__init__()
        self.rnn = nn.LSTM(6, 4, batch_first=True)

    def forward(self, x: Tensor, state: tuple[Tensor, Tensor]) -> Any:
        return self.rnn(x, state)


def sized(classes: int) -> nn.Module:
    return nn.Linear(6, classes)


def number() -> Any:
    return 7


def to_tensor() -> Any:
    from torchvision.transforms import v2

    return v2.Compose([v2.Resize((8, 8)), v2.ToTensor()])
