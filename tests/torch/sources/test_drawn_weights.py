"""A factory whose weights nobody loaded is told; one that loads them itself, or has constants, is not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from test_sources import load

from gencpp.sources.drawn_weights import note_of, watching_draws


def small(width: int = 4) -> Any:
    import torch
    from torch import nn

    torch.manual_seed(7)  # as factories do that want the same weights each time
    return nn.Sequential(nn.Linear(8, width), nn.BatchNorm1d(width), nn.Linear(width, width))


def told(make: Callable[[], Any]) -> str:
    with watching_draws() as drawn:
        module = make()
    return note_of(drawn, module, "nets:make", state_dict=False)


def test_the_note_of_a_factory(tmp_path: Path) -> None:
    import torch

    loaded = load("models.tiny:cnn")
    assert loaded.notes[0].startswith(
        "Nobody loaded weights: they are the random ones that models.tiny:cnn made."
    )
    torch.save(loaded.module.state_dict(), tmp_path / "w.pth")
    assert load("models.tiny:cnn", state_dict=str(tmp_path / "w.pth")).notes == ()


def trunc_normal() -> Any:
    from torch import nn

    made = nn.Linear(8, 8)
    nn.init.trunc_normal_(made.weight, std=0.02)
    return made


def cloned_layers() -> Any:
    from torch import nn

    return nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 2, 8), 2, enable_nested_tensor=False)


def padded() -> Any:
    from torch import nn

    return nn.Embedding(50, 6, padding_idx=0)


def position() -> Any:
    import torch
    from torch import nn

    made = nn.Module()
    made.position = nn.Parameter(torch.randn(1, 9, 4))
    return made


@pytest.mark.parametrize(
    "make", [small, trunc_normal, cloned_layers, padded, position, lambda: small().half()]
)
def test_nobody_loaded(make: Callable[[], Any]) -> None:
    assert told(make).startswith("Nobody loaded weights: they are the random ones that nets:make made.")


def itself(tmp_path: Path, **options: Any) -> Any:
    """The very weights that it has already: what counts is that they were loaded."""
    import torch

    made = small()
    torch.save(made.state_dict(), tmp_path / "w.pth")
    made.load_state_dict(torch.load(tmp_path / "w.pth", weights_only=True), **options)
    return made


def by_hand(_: Path) -> Any:
    import torch

    made = small()
    for p in made.parameters():
        p.data.copy_(torch.linspace(-1, 1, p.numel()).reshape(p.shape))
    return made


def from_numpy(_: Path) -> Any:
    import numpy as np
    import torch

    made = small()
    for p in made.parameters():
        p.data = torch.from_numpy(np.ones(p.shape, np.float32))
    return made


def constant(_: Path) -> Any:
    from torch import nn

    made = nn.Linear(4, 4)
    nn.init.constant_(made.weight, 0.25)
    nn.init.zeros_(made.bias)
    return made


def rows_of_a_table(_: Path) -> Any:
    import torch
    from torch import nn

    made = nn.Embedding(500, 6)
    made.weight.data[:499].copy_(torch.ones(499, 6))
    return made


def a_torchscript_file(tmp_path: Path) -> Any:
    import warnings

    import torch

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.jit.save(torch.jit.script(small()), str(tmp_path / "m.pt"))
        return torch.jit.load(str(tmp_path / "m.pt"))


def torchvisions(_: Path) -> Any:
    """As a published file would be loaded: by the builder, which sees to it by load_state_dict."""
    from torchvision.models import squeezenet1_1

    state = {k: v + 1 for k, v in squeezenet1_1().state_dict().items()}
    made = squeezenet1_1()
    made.load_state_dict(state)
    return made


@pytest.mark.parametrize(
    "make",
    [
        itself,
        lambda p: itself(p, assign=True),
        *(by_hand, from_numpy, constant, rows_of_a_table, a_torchscript_file, torchvisions),
    ],
)
def test_no_false_alarm(make: Callable[[Path], Any], tmp_path: Path) -> None:
    assert told(lambda: make(tmp_path)) == ""


def test_a_new_head_on_loaded_weights(tmp_path: Path) -> None:
    from torch import nn

    note = told(lambda: nn.Sequential(itself(tmp_path), nn.Linear(4, 3)))
    assert note.startswith("2 of 8 weights are the random ones that nets:make made (1.weight, 1.bias).")
