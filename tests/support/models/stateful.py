"""Models that keep something between runs, each in another way; what answers depend on is the input alone."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class _Net(nn.Module):
    """Linear layers from equal random numbers."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(7)
        self.lin = nn.Linear(8, 8)


class Cached(_Net):
    """An attribute: positions for the length of the last call, as rotary embeddings have them."""

    def __init__(self) -> None:
        super().__init__()
        self.cache: Tensor | None = None

    def forward(self, x: Tensor) -> Tensor:
        if self.cache is None or self.cache.shape[1] != x.shape[1]:
            n = torch.arange(x.shape[1], dtype=torch.float32)
            self.cache = torch.sin(n[None, :, None] * torch.arange(1.0, 9.0))
        return self.lin(x + self.cache)


class Counted(_Net):
    """A buffer that counts runs, which no answer depends on."""

    runs: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("runs", torch.zeros((), dtype=torch.int64))

    def forward(self, x: Tensor) -> Tensor:
        self.runs.add_(1)
        return torch.tanh(self.lin(x))


class Turning(_Net):
    """Answers otherwise after so many runs, by a number of Python's; cannot be scripted."""

    def __init__(self) -> None:
        super().__init__()
        self.runs = 0

    def forward(self, x: Tensor, **_: object) -> Tensor:
        self.runs += 1
        y = self.lin(x)
        return -y if self.runs > 100_000 else y


class Scratch(_Net):
    """A buffer that intermediate results are written into and read from."""

    work: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("work", torch.zeros(4, 32, 8))

    def forward(self, x: Tensor) -> Tensor:
        y = self.work[: x.shape[0], : x.shape[1]]
        y.copy_(self.lin(x))
        return torch.relu(y) + y.mean(dim=2, keepdim=True)


class KeyValues(_Net):
    """Keys and values of attention in buffers, written by position: a transformer's cache."""

    keys: Tensor
    values: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.key, self.value = nn.Linear(8, 8), nn.Linear(8, 8)
        self.register_buffer("keys", torch.zeros(4, 32, 8))
        self.register_buffer("values", torch.zeros(4, 32, 8))

    def forward(self, x: Tensor) -> Tensor:
        batch, length = x.shape[0], x.shape[1]
        at = torch.arange(length)
        self.keys[:batch].index_copy_(1, at, self.key(x))
        self.values[:batch].index_copy_(1, at, self.value(x))
        scores = self.lin(x) @ self.keys[:batch, :length].transpose(1, 2)
        return torch.softmax(scores, dim=-1) @ self.values[:batch, :length]


class Lazy(_Net):
    """A table that is built at the first run, and again where it has become too short."""

    def __init__(self) -> None:
        super().__init__()
        self.table = torch.zeros(0, 8)

    def forward(self, x: Tensor) -> Tensor:
        if self.table.shape[0] < x.shape[1]:
            rows = torch.arange(x.shape[1] * 2, dtype=torch.float32)[:, None]
            self.table = torch.cos(rows * torch.arange(1.0, 9.0) * 0.1)
        return self.lin(x) + self.table[: x.shape[1]]


class RunningStatistics(_Net):
    """Batch normalisation by the batch's own statistics, which updates the running ones."""

    mean: Tensor
    var: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(8))
        self.register_buffer("var", torch.ones(8))

    def forward(self, x: Tensor) -> Tensor:
        y = self.lin(x)
        flat = F.batch_norm(y.transpose(1, 2), self.mean, self.var, training=True)
        return torch.tanh(flat.transpose(1, 2))


class Hidden(_Net):
    """A recurrent network that keeps its last state in attributes, and starts anew in every run."""

    def __init__(self) -> None:
        super().__init__()
        self.rnn = nn.LSTM(8, 8, batch_first=True)
        self.h = torch.zeros(1, 1, 8)
        self.c = torch.zeros(1, 1, 8)

    def forward(self, x: Tensor) -> Tensor:
        self.h = torch.zeros(1, x.shape[0], 8)
        self.c = torch.zeros(1, x.shape[0], 8)
        y, (self.h, self.c) = self.rnn(x, (self.h, self.c))
        return self.lin(y) + self.h.transpose(0, 1)


class Lists(_Net):
    """A list of layers' results that is emptied and filled in every run."""

    seen: list[Tensor]

    def __init__(self) -> None:
        super().__init__()
        self.seen = [torch.zeros(1)]

    def forward(self, x: Tensor) -> Tensor:
        self.seen.clear()
        for _ in range(3):
            x = torch.tanh(self.lin(x))
            self.seen.append(x)
        return torch.stack(self.seen).mean(dim=0)


class _Inner(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.calls = 0
        self.last = torch.zeros(1)

    def forward(self, x: Tensor) -> Tensor:
        self.calls += 1
        self.last = x * 2.0
        return self.last + x


class Nested(_Net):
    """Attributes of modules inside, a number among them."""

    def __init__(self) -> None:
        super().__init__()
        self.blocks = nn.ModuleList([_Inner(), _Inner()])

    def forward(self, x: Tensor) -> Tensor:
        for block in self.blocks:
            x = block(x)
        return self.lin(x)


class Tied(_Net):
    """Two buffers that are one memory: no run can have one of them for itself."""

    front: Tensor
    back: Tensor

    def __init__(self) -> None:
        super().__init__()
        both = torch.zeros(4, 32, 8)
        self.register_buffer("front", both)
        self.register_buffer("back", both)

    def forward(self, x: Tensor) -> Tensor:
        self.front[: x.shape[0], : x.shape[1]] = torch.sigmoid(self.lin(x))
        return self.back[: x.shape[0], : x.shape[1]] * 2.0


KINDS = (Cached, Counted, Scratch, KeyValues, Lazy, RunningStatistics, Hidden, Lists, Nested, Tied)
"""All of them take x of batch x length x 8; batch up to 4, length up to 32."""


class Remembering(_Net):
    """Adds what it saw last, of the same size: equal inputs twice in a row give equal outputs."""

    def __init__(self) -> None:
        super().__init__()
        self.before: Tensor = torch.zeros(1)
        self.now: Tensor = torch.zeros(1)

    def forward(self, x: Tensor) -> Tensor:
        if not bool((self.now.sum() - x.sum()).abs() < 1e-6):
            self.before = self.now
            self.now = x.clone()
        return self.lin(x) + self.before.sum()


class RareDropout(_Net):
    """Functional dropout that is left on, so rare that two runs may agree."""

    def forward(self, x: Tensor) -> Tensor:
        return F.dropout(self.lin(x), 0.001, training=True)


class Dropout(_Net):
    """Functional dropout that is left on: two runs never agree."""

    def forward(self, x: Tensor) -> Tensor:
        return F.dropout(self.lin(x), 0.5, training=True)


class SometimesDropout(_Net):
    """Dropout that a value of the input switches on, which no usual input does."""

    def forward(self, x: Tensor) -> Tensor:
        return F.dropout(self.lin(x), 0.5, training=bool(x.sum() > 1e6))


class EvalDropout(_Net):
    """Everything that draws in training and not in inference."""

    def __init__(self) -> None:
        super().__init__()
        self.drop, self.alpha, self.feature = nn.Dropout(), nn.AlphaDropout(), nn.Dropout1d()
        self.leak = nn.RReLU()
        self.rnn = nn.GRU(8, 8, 2, dropout=0.5, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        y = self.leak(self.feature(self.alpha(self.drop(self.lin(x)))))
        z, _ = self.rnn(y)
        return F.scaled_dot_product_attention(z, z, y, dropout_p=0.5 if self.training else 0.0)
