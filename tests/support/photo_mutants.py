"""Models that are not tests/support/models/photo.py's: what a broken export would look like."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn

sys.path.insert(0, str(Path(__file__).resolve().parent / "models"))
import photo


class Wrapped(nn.Module):
    def __init__(self, before: Callable[[Tensor], Tensor], after: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.model = photo.model()
        self.before, self.after = before, after

    def forward(self, image: Tensor) -> Tensor:
        return self.after(self.model(self.before(image)))


def same(x: Tensor) -> Tensor:
    return x


def save(module: nn.Module, file: Path) -> None:
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.jit.freeze(torch.jit.trace(module.eval(), torch.rand(1, 3, 32, 32))).save(str(file))


def zeroed(file: Path) -> None:
    save(Wrapped(same, lambda y: y * 0.0), file)


def input_channels_reversed(file: Path) -> None:
    save(Wrapped(lambda x: x.flip(1), same), file)


def outputs_permuted(file: Path) -> None:
    save(Wrapped(same, lambda y: y.roll(1, dims=1)), file)


def weight_perturbed(file: Path) -> None:
    module = photo.model()
    with torch.no_grad():
        module.second.weight += 0.01 * module.second.weight.abs().mean()
    save(module, file)


def bias_lost(file: Path) -> None:
    module = photo.model()
    with torch.no_grad():
        module.first.bias.zero_()
    save(module, file)


MUTANTS: dict[str, Callable[[Path], None]] = {
    f.__name__: f for f in (zeroed, input_channels_reversed, outputs_permuted, weight_perturbed, bias_lost)
}
