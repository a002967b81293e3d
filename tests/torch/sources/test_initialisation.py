"""Random weights answer differently to different inputs; tools/sweeps/initialisation.py covers all models."""

from __future__ import annotations

import pytest

# Small models of every kind that needed care: zero heads, gates, no BatchNorm, attention as functions.
MODELS = ["resnet18", "mobilenet_v3_small", "squeezenet1_1", "shufflenet_v2_x0_5", "mnasnet0_5", "swin_t"]


@pytest.mark.parametrize("name", MODELS)
def test_random_weights_answer_and_differ(name: str) -> None:
    import torch

    from gencpp.sources.torchvision import build
    from gencpp.tensors.stimuli import seeded_inputs

    built = build(name, "none", 0, 0.0, lambda _: None)
    with torch.inference_mode():
        a, b = (built.module(*seeded_inputs(built.inputs, seed)) for seed in (0, 1))
    largest = max(float(a.abs().max()), float(b.abs().max()))
    assert 0.1 < largest < 1e3
    assert float((a - b).abs().max()) > 0.1 * largest
    assert float(a.std()) > 1e-3 * largest


def test_tiny_parameters_are_drawn_again() -> None:
    import torch
    from torch import nn

    from gencpp.core.spec import Dim, DType, TensorSpec
    from gencpp.sources.initialisation import initialise_from_data

    class Scaled(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.head = nn.Linear(6, 4)
            self.layer_scale = nn.Parameter(torch.full((4,), 1e-6))
            nn.init.zeros_(self.head.weight)
            nn.init.zeros_(self.head.bias)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.head(x) * self.layer_scale

    module = Scaled().eval()
    spec = TensorSpec(name="x", dtype=DType.float32, dims=(Dim.fixed(1), Dim.fixed(6)))
    initialise_from_data(module, (spec,), 0)
    assert float(module.layer_scale.detach().abs().min()) >= 0.5
    assert float(module(torch.randn(8, 6)).detach().std()) > 0.1


def test_seeded_inputs_differ_item_by_item_and_repeat() -> None:
    import torch

    from gencpp.core.spec import Dim, DType, TensorSpec
    from gencpp.tensors.stimuli import seeded_inputs

    dims = (Dim(min=1, opt=1, max=8), Dim.fixed(3), Dim.fixed(20), Dim.fixed(24))
    spec = TensorSpec(name="x", dtype=DType.float32, dims=dims)
    (batch,) = seeded_inputs((spec,), 0, 3)
    assert batch.shape == (3, 3, 20, 24)
    assert torch.equal(batch, seeded_inputs((spec,), 0, 3)[0])
    assert torch.equal(batch[:1], seeded_inputs((spec,), 0)[0])
    assert not torch.equal(batch[0], batch[1])
    assert not torch.equal(batch, seeded_inputs((spec,), 1, 3)[0])
