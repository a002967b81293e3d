"""Small factories: a batch that is not the first dimension of every input, outputs that are no tuples."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor, nn


class Recurrent(nn.Module):
    """A state of layers x batch x width."""

    def __init__(self, *, batch_first: bool) -> None:
        super().__init__()
        torch.manual_seed(7)
        self.rnn = nn.GRU(4, 6, 2, batch_first=batch_first)
        self.head = nn.Linear(6, 3)
        self.steps = 1 if batch_first else 0

    def forward(self, x: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        y, state = self.rnn(x, state)
        return self.head(y.select(self.steps, -1)), state


class StateFirst(Recurrent):
    def forward(self, state: Tensor, x: Tensor) -> tuple[Tensor, Tensor]:
        return super().forward(x, state)


class Transposed(nn.Module):
    """Features x batch, of convolution-free code: an output of two rows an item, and one without a batch."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(7)
        self.weight = nn.Parameter(torch.randn(3, 4))

    def forward(self, x: Tensor, shift: Tensor) -> tuple[Tensor, Tensor]:
        y = self.weight @ x + shift
        return torch.stack((y, -y), 2).flatten(1), self.weight.sum(1)


class Normalised(nn.Module):
    """The items of a batch influence each other, whatever dimension counts them."""

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        return x / x.abs().sum() * y.sum()


class Output(dict[str, Any]):
    """As transformers' ModelOutput: a dict with attributes, and a class that no exporter knows."""

    def __getattr__(self, name: str) -> Any:
        return self[name]


class Pair(NamedTuple):
    mean: Tensor
    spread: Tensor | None


class Nested(nn.Module):
    """Dicts in dicts, a named tuple, a list, None."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(7)
        self.lin = nn.Linear(6, 4)

    def forward(self, x: Tensor, **_: Any) -> Output:
        y = self.lin(x)
        inner = Output(hidden=torch.relu(y), cache=None)
        return Output(logits=y, inner=inner, pair=Pair(y.mean(1), None), states=[y, (y * 2, None)])


class Counting(Nested):
    """The same, with a buffer that every run changes."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("last", torch.zeros(4))

    def forward(self, x: Tensor, **_: Any) -> Output:
        self.last.copy_(x[0, :4])
        found = super().forward(x)
        found["pair"] = Pair(self.last + found.logits, None)
        return found


class Volumes(nn.Module):
    """A 3-D convolution: channels-last order is for 2-D ones."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(7)
        self.conv = nn.Conv3d(3, 4, 3, padding=1)

    def forward(self, clip: Tensor) -> Tensor:
        return torch.relu(self.conv(clip)).mean((2, 3, 4))


class Mixed(Volumes):
    """A 3-D convolution, then a 2-D one."""

    def __init__(self) -> None:
        super().__init__()
        self.flat = nn.Conv2d(4, 5, 3)

    def forward(self, clip: Tensor) -> Tensor:
        return self.flat(torch.relu(self.conv(clip)).mean(2)).mean((2, 3))


class Viewed(nn.Module):
    """`view` of a convolution's result: channels-last order makes it fail, always or for several items."""

    def __init__(self, *, always: bool) -> None:
        super().__init__()
        torch.manual_seed(7)
        self.conv = nn.Conv2d(3, 4, 3)
        self.always = always

    def forward(self, image: Tensor) -> Tensor:
        y = self.conv(image)
        n, c, h, w = y.shape
        if self.always:
            return torch.sin(y.view(n, c * h * w))
        return torch.sin(y.view(n * c, h, w)).sum(2).reshape(n, c, h)


def _of(module: nn.Module) -> nn.Module:
    return module.eval()


def state_second() -> nn.Module:
    return _of(Recurrent(batch_first=True))


def steps_first() -> nn.Module:
    return _of(Recurrent(batch_first=False))


def state_first() -> nn.Module:
    return _of(StateFirst(batch_first=True))


class Forwards(nn.Module):
    """Steps x batch x width, in which no step changes one before it."""

    def __init__(self) -> None:
        super().__init__()
        self.unit = nn.GRU(5, 7)

    def forward(self, steps: torch.Tensor) -> torch.Tensor:
        return self.unit(steps)[0]


class Summed(nn.Module):
    def forward(self, steps: torch.Tensor) -> torch.Tensor:
        return torch.cumsum(steps, 0)


def forwards() -> nn.Module:
    return _of(Forwards())


def summed() -> nn.Module:
    return _of(Summed())


def transposed() -> nn.Module:
    return _of(Transposed())


def normalised() -> nn.Module:
    return _of(Normalised())


def nested() -> nn.Module:
    return _of(Nested())


def counting() -> nn.Module:
    return _of(Counting())


def volumes() -> nn.Module:
    return _of(Volumes())


def mixed() -> nn.Module:
    return _of(Mixed())


def viewed_always() -> nn.Module:
    return _of(Viewed(always=True))


def viewed() -> nn.Module:
    return _of(Viewed(always=False))
