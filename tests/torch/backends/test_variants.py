"""The ways in which LibTorch can run a model: each is the model, and the fastest is chosen by measuring."""

from __future__ import annotations

import json
import platform
import subprocess
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from inspecting import inspected
from places import MODELS

from gencpp import pipeline
from gencpp.backends.libtorch import aoti
from gencpp.backends.libtorch import export as exporting
from gencpp.backends.libtorch.spec import CompiledFor, LibTorchSpec, Tuned, tuning_table
from gencpp.backends.libtorch.tune import fastest, thread_counts, tuned
from gencpp.backends.libtorch.variants import ARTIFACTS, DEFAULT, UNFUSED, VARIANTS, Unsuited, variant_named
from gencpp.core import request
from gencpp.core.errors import CheckFailed, UsageError
from gencpp.core.other_work import OtherWork
from gencpp.core.spec import Artifact
from gencpp.project import read_manifest

Gencpp = Callable[..., subprocess.CompletedProcess[str]]


def row(variant: str, ms: float | None, threads: int = 2, problem: str = "") -> Tuned:
    spread = None if ms is None else (0.9, 1.1)
    return Tuned(
        variant=variant, threads=threads, p50_ms=ms, spread=spread, max_rel_diff=1e-6, problem=problem
    )


def test_names() -> None:
    assert {variant_named(name).name for name in (*VARIANTS, *ARTIFACTS)} == set(VARIANTS)
    with pytest.raises(UsageError, match="no artifact 'onnx'") as caught:
        variant_named("onnx")
    assert all(name in caught.value.hint for name in (*VARIANTS, *ARTIFACTS))


def test_the_fastest_of_those_that_pass_and_the_simpler_of_equals() -> None:
    rows = (row("plain", 9.0), row("frozen", 5.05), row("fused", 5.0), row("aoti", None, 0, "wrong answers"))
    assert fastest(rows).variant == "frozen"
    assert fastest((*rows, row("fused", 4.0, 1))).threads == 1
    with pytest.raises(CheckFailed, match="aoti: wrong answers"):
        fastest(rows[-1:])
    assert thread_counts(1) == (1,) and thread_counts(8) == (8, 4)


def test_the_table_marks_the_chosen_one() -> None:
    rows = (row("plain", 8.0), row("fused", 2.0), row("aoti", None, 0, "no compiler"))
    table = tuning_table(LibTorchSpec(variant="fused", threads=2, tuning=rows))
    assert [r[-1] for r in table[1:]] == ["", "chosen", "no compiler"]
    assert table[2][3] == "0.25"


def test_this_machine() -> None:
    found = aoti.this_machine("2.15.0+cu132", 4)
    assert (found.torch, found.threads, found.architecture) == ("2.15.0", 4, platform.machine())
    if found.architecture == "x86_64":
        assert "avx" in found.cpu_flags or "pni" in found.cpu_flags
        assert not set(found.cpu_flags) & {"hypervisor", "constant_tsc", "fpu"}


@pytest.mark.parametrize("name", [v.name for v in VARIANTS.values() if not v.compiled])
def test_torchscript_variants_are_the_model(name: str, tmp_path: Path) -> None:
    import torch

    loaded, spec = inspected("models.tiny:cnn", "image:1x3x32x32")
    before = {k: v.stride() for k, v in loaded.module.state_dict().items()}
    artifact, found, libtorch = exporting.export_libtorch(
        loaded, spec, tmp_path, variant_named(name), lambda _: None
    )
    assert artifact.format == "torchscript" and found.inputs == spec.inputs
    assert ("frozen" in artifact.method) == VARIANTS[name].freeze
    assert (libtorch.fusion, libtorch.channels_last) == (VARIANTS[name].fusion, VARIANTS[name].channels_last)
    assert {k: v.stride() for k, v in loaded.module.state_dict().items()} == before  # eager is the reference
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        module = torch.jit.load(str(tmp_path / artifact.file))
    x = torch.randn(2, 3, 32, 32)
    with torch.inference_mode():
        torch.testing.assert_close(module(x), loaded.module(x), rtol=1e-4, atol=1e-5)


def test_what_cannot_be_fused_is_run_without_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded, spec = inspected("models.tiny:cnn", "image:1x3x32x32")
    fused = exporting.export_default(loaded, spec, tmp_path, lambda _: None)
    assert fused[2].variant == DEFAULT and fused[2].fusion and not fused[0].reason
    monkeypatch.setattr(exporting, "_fusion_problem", lambda *_: "it fails: no schema")
    artifact, _, libtorch = exporting.export_default(loaded, spec, tmp_path, lambda _: None)
    assert libtorch.variant == UNFUSED and not libtorch.fusion
    assert "it fails: no schema" in artifact.reason
    with pytest.raises(CheckFailed, match="no schema"):
        exporting.export_libtorch(loaded, spec, tmp_path, variant_named("fused"), lambda _: None)


def test_a_model_that_the_fuser_fails_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """torchvision's ViT: exported it is fused; scripted, the fuser leaves a list without its type."""
    loaded, spec = inspected("models.tiny:vit", "x:1x3x32x32")
    artifact, found, libtorch = exporting.export_default(loaded, spec, tmp_path, lambda _: None)
    assert artifact.method == "export, trace, frozen" and libtorch.fusion
    assert found.inputs[0].dims[0].dynamic

    def fails(*_: object, **__: object) -> None:
        raise RuntimeError("no export today")

    monkeypatch.setattr("gencpp.backends.libtorch.exported_trace.export_and_trace", fails)
    told: list[str] = []
    with pytest.raises(Unsuited, match=r"it fails: [A-Z]"):
        exporting.export_libtorch(loaded, spec, tmp_path, variant_named("fused"), told.append)
    assert told[0] == "not exported: RuntimeError: no export today"


def test_fusion_is_tried_with_what_the_program_warms_up_on(tmp_path: Path) -> None:
    """The fuser fails on a loop of no steps, which no golden has; the program could not be loaded."""
    loaded, spec = inspected("models.valued:steps", "x:1x8", "count::int64")
    artifact, _, libtorch = exporting.export_default(loaded, spec, tmp_path, lambda _: None)
    assert libtorch.variant == UNFUSED and "oneDNN graph fusion cannot run" in artifact.reason


def test_candidates_tell_why_one_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A TorchScript file cannot be compiled; the others remain."""
    import torch

    loaded, _ = inspected("models.tiny:cnn", "image:1x3x32x32")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.jit.script(loaded.module).save(str(tmp_path / "given.pt"))
    given, spec = inspected(str(tmp_path / "given.pt"), "image:1x3x32x32")
    kept = {name: VARIANTS[name] for name in ("frozen", "aoti")}
    monkeypatch.setattr(exporting, "VARIANTS", kept)
    found = exporting.export_candidates(given, spec, tmp_path / "work", lambda _: None)
    assert list(found.made) == ["frozen"]
    assert [(r.variant, r.p50_ms) for r in found.lost] == [("aoti", None)]
    assert "not TorchScript files" in found.lost[0].problem


def test_a_candidate_of_another_batch_is_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    loaded, spec = inspected("models.tiny:cnn", "image:1x3x32x32")
    artifact = Artifact(
        file="model.pt", format="torchscript", size=1, sha256="", head_tail_sha256="", method=""
    )
    fixed = aoti.fix_batch(spec)
    answers = iter([(artifact, spec, LibTorchSpec()), (artifact, fixed, LibTorchSpec())])
    monkeypatch.setattr(exporting, "VARIANTS", {n: VARIANTS[n] for n in ("plain", "frozen")})
    monkeypatch.setattr(exporting, "export_libtorch", lambda *_, **__: next(answers))
    found = exporting.export_candidates(loaded, spec, tmp_path, lambda _: None)
    assert list(found.made) == ["plain"] and "fixed batch" in found.lost[0].problem


def test_refusals(gencpp: Gencpp, tmp_path: Path) -> None:
    for options, words in (
        (("--artifact", "onnx"), "no artifact 'onnx'"),
        (("--artifact", "aoti", "--tune"), "--tune chooses the artifact"),
        (("--tune", "--backend", "tensorrt"), "--tune: only for LibTorch"),
        (("--artifact", "aoti", "--backend", "tensorrt"), "--artifact: only for LibTorch"),
    ):
        done = gencpp("new", "--model", "resnet18", *options, tmp_path / "out")
        assert done.returncode == 2 and words in done.stderr, done.stderr
        assert not (tmp_path / "out").exists()


def test_the_manifest_keeps_everything() -> None:
    compiled = CompiledFor(architecture="x86_64", cpu_flags=("avx", "fma"), torch="2.15.0", threads=2)
    spec = LibTorchSpec(variant="aoti", compiled=compiled, tuning=(row("aoti", 3.0), row("plain", None)))
    assert LibTorchSpec.from_json(json.loads(json.dumps(spec.to_json()))) == spec


def test_tuned_keeps_the_candidate_and_adds_the_table(photo_project: Path) -> None:
    made = replace(read_manifest(photo_project).project, runtime=LibTorchSpec(variant="fused", fusion=True))
    rows = (row("plain", 8.0), row("fused", 2.0, 1))
    found = tuned(made, rows[1], rows).runtime
    assert found == LibTorchSpec(variant="fused", fusion=True, threads=1, tuning=rows)


@pytest.mark.parametrize(("share", "said"), [(0.02, False), (0.4, True)])
def test_tuned_on_a_busy_machine_says_so(photo_project: Path, share: float, said: bool) -> None:
    made = replace(read_manifest(photo_project).project, runtime=LibTorchSpec(variant="fused"))
    rows, others = (row("fused", 2.0, 1),), OtherWork(share=share, stolen=0.0)
    found = tuned(made, rows[0], rows, others)
    assert LibTorchSpec.of(found).tuning_other_work == others
    told = "--tune: Other work took 40 % of the processors' time during the measurement"
    assert any(note.startswith(told) for note in found.notes) == said


def test_tune_asks_for_the_same_model_again(photo_project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[request.Request] = []

    def generate(request: request.Request, progress: object) -> None:
        asked.append(request)

    monkeypatch.setattr(pipeline, "generate", generate)
    models = str(MODELS)
    pipeline.tune_project(photo_project, (models,), 3, model="photo:model", preprocess="photo:transforms")
    (request,) = asked
    assert (request.source, request.name, request.out) == ("photo:model", "photo", photo_project)
    assert request.inputs == ("image:1x3x32x32:float32",) and request.preprocess == "photo:transforms"
    assert request.labels == str(photo_project / "assets" / "labels.txt")
    assert request.tune and request.tune_rounds == 3 and not request.force


def test_tune_is_for_libtorch(trt_project: Path) -> None:
    with pytest.raises(UsageError, match="runs on tensorrt"):
        pipeline.tune_project(trt_project, (), 3)
