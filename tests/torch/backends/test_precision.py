"""LibTorch projects that compute in float16 or bfloat16 behind float32 inputs and outputs."""

from __future__ import annotations

import subprocess
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from inspecting import inspected

from gencpp import pipeline
from gencpp.backends.libtorch import export
from gencpp.backends.libtorch import precision as precisions
from gencpp.backends.libtorch.spec import LibTorchSpec
from gencpp.backends.libtorch.variants import UNFUSED, variant_named
from gencpp.core import tolerances
from gencpp.core.errors import CheckFailed, UsageError
from gencpp.core.spec import DType, Precision
from gencpp.project import read_manifest

Gencpp = Callable[..., subprocess.CompletedProcess[str]]
HALVES = (Precision.fp16, Precision.bf16)


def test_tolerances_have_their_reasons() -> None:
    """fp16 is held to what TensorRT's is; bf16 has three bits less."""
    assert tolerances.LIBTORCH[Precision.fp16] == tolerances.TENSORRT[Precision.fp16]
    assert tolerances.LIBTORCH[Precision.bf16] == 2**3 * tolerances.LIBTORCH[Precision.fp16]


def test_refusals(gencpp: Gencpp, tmp_path: Path) -> None:
    for options, words in (
        (("--precision", "int8"), "no precision 'int8' for libtorch"),
        (
            ("--precision", "bf16", "--backend", "tensorrt", "--tensorrt-min", "8.6"),
            "--precision bf16 needs TensorRT 10.0, and --tensorrt-min is 8.6",
        ),
        (("--precision", "fp16", "--tune"), "measures on the CPU"),
        (("--precision", "fp16", "--artifact", "fused"), "oneDNN graph fusion is for float32"),
    ):
        done = gencpp("new", "--model", "resnet18", *options, tmp_path / "out")
        assert done.returncode == 2 and words in done.stderr, done.stderr
        assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("precision", HALVES)
def test_weights_are_half_and_the_border_is_not(precision: Precision, tmp_path: Path) -> None:
    import torch

    loaded, spec = inspected("models.tiny:cnn", "image:1x3x32x32")
    made = precisions.in_precision(loaded, spec, precision)
    assert {p.dtype for p in loaded.module.parameters()} == {torch.float32}  # the reference stays
    artifact, found, libtorch = export.export_libtorch(
        made, spec, tmp_path, variant_named(UNFUSED), lambda _: None
    )
    assert found.inputs == spec.inputs and found.outputs == spec.outputs
    assert libtorch.precision is precision and artifact.method.startswith("script")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        module = torch.jit.load(str(tmp_path / artifact.file))
    constants = [
        c.t("value")
        for c in module.graph.findAllNodes("prim::Constant")
        if c.hasAttribute("value") and c.kindOf("value") == "t"
    ]
    types = {t.dtype for t in (*module.parameters(), *constants) if t.is_floating_point() and t.dim()}
    assert types == {torch.float16 if precision is Precision.fp16 else torch.bfloat16}
    x = torch.randn(3, 3, 32, 32)
    with torch.inference_mode():
        answer, reference = module(x), loaded.module(x)
    assert answer.dtype == torch.float32
    worst = float((answer - reference).abs().max() / reference.abs().max())
    assert 0 < worst <= tolerances.LIBTORCH[precision]


def test_outputs_of_any_structure_and_integers() -> None:
    import torch
    from torch import Tensor, nn

    class Several(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.table = nn.Embedding(10, 8)
            self.head = nn.Linear(8, 4)

        def forward(self, ids: Tensor, shift: Tensor) -> dict[str, Tensor]:
            x = self.head(self.table(ids)) + shift
            return {"logits": x, "best": x.argmax(-1)}

    torch.manual_seed(0)
    _, spec = inspected("models.tiny:cnn", "image:1x3x32x32")
    image, output = spec.inputs[0], spec.outputs[0]
    spec = replace(
        spec,
        inputs=(
            replace(image, name="ids", dtype=DType.int64, dims=image.dims[2:3]),
            replace(image, name="shift", dims=image.dims[3:]),
        ),
        outputs=(output, output),
    )
    module = Several().eval()
    inputs = [torch.arange(6) % 10, torch.randn(6, 4)]
    made = precisions._bordered(module, spec, Precision.fp16, inputs)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        scripted = torch.jit.script(made)
    logits, best = scripted(*inputs)
    assert (logits.dtype, best.dtype) == (torch.float32, torch.int64)
    torch.testing.assert_close(logits, module(*inputs)["logits"], rtol=1e-2, atol=1e-2)


def test_models_that_do_not_run_in_half_are_refused() -> None:
    import torch
    from torch import Tensor, nn

    class Mixed(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.head = nn.Linear(32, 4)

        def forward(self, image: Tensor) -> Tensor:
            return self.head(image.float())

    class Large(nn.Module):
        def forward(self, image: Tensor) -> Tensor:
            return image * 1e6

    loaded, spec = inspected("models.tiny:cnn", "image:1x3x32x32")
    torch.manual_seed(0)
    with pytest.raises(CheckFailed, match="cannot be run in fp16") as caught:
        precisions.in_precision(replace(loaded, module=Mixed().eval()), spec, Precision.fp16)
    assert "--precision fp32" in caught.value.hint
    with pytest.raises(CheckFailed, match="is not the model any more") as caught:
        precisions.in_precision(replace(loaded, module=Large().eval()), spec, Precision.fp16)
    assert "bf16" in caught.value.hint
    precisions.in_precision(replace(loaded, module=Large().eval()), spec, Precision.bf16)


def test_tune_is_for_float32(photo_project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = read_manifest(photo_project)
    halved = replace(made, project=replace(made.project, runtime=LibTorchSpec(precision=Precision.fp16)))
    monkeypatch.setattr(pipeline.project, "read_manifest", lambda _: halved)
    with pytest.raises(UsageError, match="computes in fp16"):
        pipeline.tune_project(photo_project, (), 3)
