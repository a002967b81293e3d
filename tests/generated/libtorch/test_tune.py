"""`--tune` measures in the generated program."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest
from places import MODELS

from gencpp import pipeline
from gencpp.backends.libtorch import export as exporting
from gencpp.backends.libtorch.spec import LibTorchSpec
from gencpp.backends.libtorch.tune import TuneOptions, fastest
from gencpp.backends.libtorch.variants import VARIANTS
from gencpp.core import request
from gencpp.project import read_manifest


def test_tune_measures_in_the_program_and_keeps_what_passes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three candidates, of which one is spoiled after its export: it is shown, and not chosen."""
    kept = {name: VARIANTS[name] for name in ("plain", "frozen", "fused-channels-last")}
    monkeypatch.setattr(exporting, "VARIANTS", kept)
    export = exporting.export_libtorch

    def spoiled(loaded, spec, directory, variant, progress, answers):  # type: ignore[no-untyped-def]
        import torch

        if variant.name != "frozen":
            return export(loaded, spec, directory, variant, progress, answers=answers)
        with torch.no_grad():
            first = next(loaded.module.parameters())
            first.mul_(1.5)
            try:
                return export(loaded, spec, directory, variant, progress)
            finally:
                first.div_(1.5)

    monkeypatch.setattr(exporting, "export_libtorch", spoiled)
    briefly = partial(TuneOptions, seconds=0.1)
    monkeypatch.setattr("gencpp.backends.libtorch.tune.TuneOptions", briefly)
    made = pipeline.generate(
        request.Request(
            source="photo:model",
            path=(str(MODELS),),
            backend="libtorch",
            out=tmp_path / "photo",
            name="photo",
            inputs=("image:1x3x32x32:float32",),
            preprocess="photo:transforms",
            device="cpu",
            tune=True,
            tune_rounds=1,
        )
    )
    libtorch = LibTorchSpec.of(made.project)
    assert read_manifest(tmp_path / "photo").project == made.project
    rows = {r.variant: r for r in libtorch.tuning}
    assert set(rows) == set(kept)
    assert "relative difference" in rows["frozen"].problem and rows["frozen"].p50_ms is None
    measured = [r for r in libtorch.tuning if r.p50_ms is not None]
    assert {r.variant for r in measured} == {"plain", "fused-channels-last"}
    assert all(r.max_rel_diff is not None and r.max_rel_diff <= 1e-4 for r in measured)
    chosen = fastest(libtorch.tuning)
    assert (libtorch.variant, libtorch.threads) == (chosen.variant, chosen.threads)
    assert libtorch.fusion == VARIANTS[chosen.variant].fusion
    info = (tmp_path / "photo" / "src" / "libtorch_info.hpp").read_text()
    assert f'kVariant = "{chosen.variant}"' in info and f"kThreads = {chosen.threads};" in info
    assert list((tmp_path / "photo").glob("assets/model.*")) == [tmp_path / "photo" / "assets" / "model.pt"]
