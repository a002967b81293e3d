"""What oneDNN graph fusion is given: one straight line of operators, for every batch."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from inspecting import inspected

from gencpp.backends.libtorch.export import export_libtorch
from gencpp.backends.libtorch.exported_trace import export_and_trace
from gencpp.backends.libtorch.variants import VARIANTS
from gencpp.core.spec import Dim

pytestmark = [
    pytest.mark.filterwarnings("ignore:`torch.jit:FutureWarning"),
    pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning"),
]


def artifact_of(tmp_path: Path, text: str, *inputs: str) -> tuple[Any, Any, Any, list[str]]:
    """(its facts, the spec, the loaded artifact, what was told)."""
    import torch

    loaded, spec = inspected(text, *inputs)
    told: list[str] = []
    variant = VARIANTS["fused-channels-last"]
    artifact, spec, _ = export_libtorch(loaded, spec, tmp_path, variant, told.append)
    return artifact, spec, torch.jit.load(str(tmp_path / artifact.file)), told


def kinds(graph: Any) -> list[str]:
    return [str(node.kind()) for node in graph.nodes()]


def test_no_branch_and_no_growing_list_is_left(tmp_path: Path) -> None:
    import torch

    artifact, spec, module, _ = artifact_of(tmp_path, "models.fusable:squeeze_and_grow", "x:1x3x16x16")
    assert artifact.method == "export, trace, frozen"
    found = kinds(module.graph)
    assert not {"prim::If", "prim::Loop", "aten::append", "aten::hardsigmoid"} & set(found)
    assert found.count("aten::hardtanh") == 1
    assert spec.inputs[0].dims[0].dynamic
    with torch.inference_mode():
        assert module(torch.zeros(5, 3, 16, 16)).shape == (5, 10)


def test_scripting_alone_leaves_them() -> None:
    """What the straight line is for: if this fails, torch has learnt it, and exported_trace.py may go."""
    import torch

    loaded, _ = inspected("models.fusable:squeeze_and_grow", "x:1x3x16x16")
    found = kinds(torch.jit.freeze(torch.jit.script(loaded.module)).graph)
    assert {"prim::If", "aten::append", "aten::hardsigmoid"} <= set(found)


def test_the_model_keeps_its_weights() -> None:
    import torch

    loaded, spec = inspected("models.fusable:squeeze_and_grow", "x:1x3x16x16")
    before = {name: t.clone() for name, t in loaded.module.state_dict().items()}
    export_and_trace(loaded.module, spec.inputs, channels_last=True)
    after = loaded.module.state_dict()
    assert list(before) == list(after)
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert all(before[name].stride() == after[name].stride() for name in before)


@pytest.mark.parametrize("model", ["hard_sigmoid_without_bias", "hard_sigmoid_of_a_shared_convolution"])
def test_hard_sigmoids_stay_the_model(tmp_path: Path, model: str) -> None:
    """export compares with eager: a fold that is wrong would fall back to scripting."""
    artifact, _, module, _ = artifact_of(tmp_path, f"models.fusable:{model}", "x:1x3x8x8")
    assert artifact.method == "export, trace, frozen"
    folded = "aten::hardsigmoid" not in kinds(module.graph)
    assert folded == (model == "hard_sigmoid_without_bias")


def test_a_channel_that_is_scaled_alone_is_dense(tmp_path: Path) -> None:
    """In channels-last order oneDNN has only a slow kernel for it as it lies."""
    artifact, _, module, _ = artifact_of(tmp_path, "models.fusable:scales_channels", "x:1x3x8x8")
    assert artifact.method == "export, trace, frozen"
    assert kinds(module.graph).count("aten::contiguous") == 3
    loaded, spec = inspected("models.fusable:scales_channels", "x:1x3x8x8")
    as_it_is = export_and_trace(loaded.module, spec.inputs, channels_last=False)
    assert "aten::contiguous" not in kinds(as_it_is.inlined_graph)


def test_sizes_that_vary_are_read(tmp_path: Path) -> None:
    import torch

    artifact, spec, module, _ = artifact_of(tmp_path, "models.fusable:reads_the_batch", "x:1x6")
    assert artifact.method == "export, trace, frozen"
    assert spec.inputs[0].dims[0].dynamic
    x = torch.arange(24.0).reshape(4, 6)
    loaded, _ = inspected("models.fusable:reads_the_batch", "x:1x6")
    with torch.inference_mode():
        assert torch.allclose(module(x), loaded.module(x))


def test_what_depends_on_values_is_scripted(tmp_path: Path) -> None:
    artifact, _, _, told = artifact_of(tmp_path, "models.fusable:branches_on_values", "x:1x6")
    assert artifact.method == "script, frozen"
    assert any(line.startswith("not exported: ") for line in told)


def test_another_dimension_that_varies_is_not_traced() -> None:
    loaded, spec = inspected("models.fusable:reads_the_batch", "x:1x6")
    first = spec.inputs[0]
    varies = replace(first, dims=(first.dims[0], Dim(min=2, opt=6, max=9)))
    with pytest.raises(ValueError, match="besides the batch"):
        export_and_trace(loaded.module, (varies,), channels_last=False)
