"""A model whose argument has a name that is no ASCII."""

from __future__ import annotations

from torch import Tensor, nn


class Size(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Linear(6, 4)

    def forward(self, größe: Tensor) -> dict[str, Tensor]:
        return {"höhe": self.head(größe)}


size = Size
