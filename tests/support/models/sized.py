"""Small factories: answers that depend on sizes as artifacts may lose it, and sizes that depend on values."""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
from torch import Tensor, nn


class _Seeded(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(7)
        self.lin = nn.Linear(6, 4)


class LargeBatches(_Seeded):
    """Another formula for more than four items; cannot be scripted."""

    def forward(self, x: Tensor, **_: Any) -> Tensor:
        y = self.lin(x)
        return torch.cat([y[:4], -y[4:]]) if x.shape[0] > 4 else y


class BakedLength(_Seeded):
    """A trace keeps the length that it saw."""

    def forward(self, x: Tensor, **_: Any) -> Tensor:
        n = int(x.shape[1])
        return self.lin(x) * torch.arange(n, dtype=torch.float32).add(1)[None, :, None] / n


class ShortRows(_Seeded):
    """Another branch for fewer than four rows."""

    def forward(self, x: Tensor, **_: Any) -> Tensor:
        y = self.lin(x)
        return y * 3 if x.shape[1] < 4 else y


class HarmlessBranch(_Seeded):
    """Both sides are the same."""

    def forward(self, x: Tensor, **_: Any) -> Tensor:
        y = self.lin(x)
        return y + y if x.shape[1] < 4 else y * 2


class NumberBranch(_Seeded):
    """A branch on a number that a tensor gave before; no input that is drawn takes the other side."""

    def forward(self, x: Tensor, **_: Any) -> Tensor:
        most = float(x.abs().max())
        y = self.lin(x)
        if most > 1000:
            y = y.clamp(-1, 1)
        return y


class Hidden(_Seeded):
    """Takes a value out of a tensor, and decides by it where no condition on that value is to be seen."""

    def __init__(self, how: str) -> None:
        super().__init__()
        self.how = how

    def forward(self, x: Tensor, **_: Any) -> Tensor:
        y = self.lin(x)
        return y * getattr(self, f"by_{self.how}")(x)

    def by_equal(self, x: Tensor) -> float:
        return 1.0 if torch.equal(x.clamp(max=50), x) else -1.0

    def by_allclose(self, x: Tensor) -> float:
        return 1.0 if torch.allclose(x.clamp(max=50), x) else -1.0

    def by_numpy(self, x: Tensor) -> float:
        largest = x.detach().numpy().max()
        return sign(largest)

    def by_list(self, x: Tensor) -> float:
        return sign(max(x.flatten().tolist()))

    def by_table(self, x: Tensor) -> float:
        return (1.0, -1.0)[min(int(x.abs().max()) // 50, 1)]

    def by_function(self, x: Tensor) -> float:
        return sign(x.abs().max().item())

    def by_attribute(self, x: Tensor) -> float:
        self.largest = float(x.max())
        return self.of_attribute()

    def of_attribute(self) -> float:
        return 1.0 if self.largest < 50 else -1.0

    def by_length(self, x: Tensor) -> float:
        return {13: -1.0}.get(int(x.shape[1]), 1.0)


def sign(largest: float) -> float:
    return 1.0 if largest < 50 else -1.0


class OneBatch(_Seeded):
    """Another formula for five items, and for no other number of them; cannot be scripted."""

    def forward(self, x: Tensor, **_: Any) -> Tensor:
        y = self.lin(x)
        return -y if x.shape[0] == 5 else y


class EveryEighth(_Seeded):
    """Another formula for lengths that eight divides."""

    def forward(self, x: Tensor, **_: Any) -> Tensor:
        y = self.lin(x)
        return -y if x.shape[1] % 8 == 0 else y


class Together(_Seeded):
    """Another formula where two sizes are so to each other, by a product or an order."""

    def __init__(self, how: str) -> None:
        super().__init__()
        self.how = how

    def forward(self, x: Tensor, **_: Any) -> Tensor:
        y = self.lin(x)
        a, b = x.shape[1], x.shape[2]
        other = a * b == 77 if self.how == "product" else a > 2 * b
        return -y if other else y


class Windows(_Seeded):
    """Fills windows of eight up where a length has a rest: the usual code for that."""

    def forward(self, x: Tensor, **_: Any) -> Tensor:
        if x.shape[1] % 8:
            x = torch.nn.functional.pad(x, (0, 0, 0, 8 - x.shape[1] % 8))
        return self.lin(x).reshape(x.shape[0], -1, 8, 4).mean(2)


class Harmless(_Seeded):
    """A condition on sizes that changes no answer."""

    def forward(self, x: Tensor, **_: Any) -> Tensor:
        return self.lin(x) if x.shape[1] % 8 else self.lin(x.clone())


class Boxes(_Seeded):
    """Places in pixels and scores in one tensor, a row for each of 30."""

    def forward(self, x: Tensor) -> Tensor:
        y = torch.sigmoid(self.lin(x))
        return torch.cat([y[..., :3] * 640, y[..., 3:]], -1)


class FewItems(_Seeded):
    """Refuses more than five items."""

    def forward(self, x: Tensor) -> Tensor:
        if x.shape[0] > 5:
            raise ValueError("five items at most")
        return self.lin(x)


class Rows(_Seeded):
    """As many rows as a mask leaves."""

    def __init__(self, least: float = 0.0) -> None:
        super().__init__()
        self.least = least

    def forward(self, x: Tensor) -> Tensor:
        y = self.lin(x)[0]
        return y[y[:, 0] > self.least]


class Tokens(_Seeded):
    """A mask as long as its tokens: the two lengths move together."""

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        return (self.lin(x) * mask.unsqueeze(-1)).sum(1)


class EvenLength(_Seeded):
    """Takes even lengths only."""

    def forward(self, x: Tensor) -> Tensor:
        return self.lin(x).reshape(x.shape[0], x.shape[1] // 2, 2, 4).sum(2)


class Checked(_Seeded):
    """Asserts of a number what torch.export keeps and files do not."""

    def forward(self, x: Tensor, count: Tensor) -> Tensor:
        n = count.item()
        torch._check(n < 100)
        return self.lin(x) * n


large_batches = LargeBatches
baked_length = BakedLength
short_rows = ShortRows
harmless_branch = HarmlessBranch
number_branch = NumberBranch
few_items = FewItems
boxes = Boxes
rows = Rows
tokens = Tokens
even_length = EvenLength
checked = Checked


def no_rows() -> nn.Module:
    return Rows(1e6)


by_equal = partial(Hidden, "equal")
by_allclose = partial(Hidden, "allclose")
by_numpy = partial(Hidden, "numpy")
by_list = partial(Hidden, "list")
by_table = partial(Hidden, "table")
by_function = partial(Hidden, "function")
by_attribute = partial(Hidden, "attribute")
by_length = partial(Hidden, "length")
one_batch = OneBatch
every_eighth = EveryEighth
product = partial(Together, "product")
order = partial(Together, "order")
windows = Windows
harmless = Harmless
