"""Without --artifact, a model that one variant cannot take gets the next, and is told why."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import pytest
from inspecting import inspected

from gencpp.backends.libtorch import bare_torch, operators
from gencpp.backends.libtorch import export as exporting
from gencpp.backends.libtorch.export import export_default, export_libtorch
from gencpp.backends.libtorch.memory_format import in_channels_last
from gencpp.backends.libtorch.variants import (
    DEFAULTS,
    FEATURES,
    VARIANTS,
    Unsuited,
    defaults_without,
    variant_named,
)
from gencpp.core.errors import CheckFailed
from gencpp.model.sizes.answers import Answers, Refused

CLIP, IMAGE = "clip:1x3x4x8x8", "image:1x3x8x8"


def made_by_default(tmp_path: Path, factory: str, *inputs: str) -> tuple[Any, Any, Any, list[str]]:
    told: list[str] = []
    loaded, spec = inspected(f"models.batches:{factory}", *inputs)
    artifact, found, libtorch = export_default(loaded, spec, tmp_path, told.append)
    assert found.inputs == spec.inputs, found.notes  # whatever it was, not the bounds are paid with
    assert [f.name for f in tmp_path.iterdir()] == [artifact.file]
    return artifact, found, libtorch, told


def test_the_defaults_end_with_a_variant_that_has_no_feature() -> None:
    assert not VARIANTS[DEFAULTS[-1]].features
    assert defaults_without(frozenset()) == DEFAULTS
    assert defaults_without(frozenset({"fusion"})) == ("channels-last", "frozen")
    assert defaults_without(frozenset({"channels_last"})) == ("fused", "frozen")
    assert defaults_without(frozenset(FEATURES)) == ("frozen",)


def test_3d_convolutions_are_fused_in_plain_order(tmp_path: Path) -> None:
    """torch: `required rank 4 tensor to use channels_last format`; gencpp spoke of branches on values."""
    artifact, _, libtorch, told = made_by_default(tmp_path, "volumes", CLIP)
    assert libtorch.variant == "fused" and not libtorch.channels_last
    assert "its convolutions are 3-D" in artifact.reason
    assert any(t.startswith("not fused-channels-last: models.batches:volumes cannot take") for t in told)


def test_3d_convolutions_that_cannot_be_fused_are_frozen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exporting, "_fusion_problem", lambda *_: "it fails: no schema")
    artifact, _, libtorch, _ = made_by_default(tmp_path, "volumes", CLIP)
    assert libtorch.variant == "frozen" and not libtorch.fusion
    assert "its convolutions are 3-D" in artifact.reason and "it fails: no schema" in artifact.reason


def test_2d_convolutions_beside_3d_ones_are_reordered(tmp_path: Path) -> None:
    import torch

    _, _, libtorch, _ = made_by_default(tmp_path, "mixed", CLIP)
    assert libtorch.variant == DEFAULTS[0]
    loaded, _ = inspected("models.batches:mixed", CLIP)
    made = in_channels_last(loaded.module)
    assert made.flat.weight.is_contiguous(memory_format=torch.channels_last)
    assert made.conv.weight.is_contiguous() and loaded.module.flat.weight.is_contiguous()


def test_a_script_file_with_3d_convolutions(tmp_path: Path) -> None:
    """It was a traceback."""
    import torch

    loaded, _ = inspected("models.batches:volumes", CLIP)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.jit.script(loaded.module).save(str(tmp_path / "given.pt"))
    given, spec = inspected(str(tmp_path / "given.pt"), CLIP)
    (tmp_path / "out").mkdir()
    _, _, libtorch = export_default(given, spec, tmp_path / "out", lambda _: None)
    assert libtorch.variant == "fused"


def test_what_no_channels_last_tensor_can_be_viewed_as(tmp_path: Path) -> None:
    artifact, _, libtorch, _ = made_by_default(tmp_path, "viewed_always", IMAGE)
    assert libtorch.variant == "fused" and "view" in artifact.reason


def test_a_view_of_several_items_does_not_cost_the_batch(tmp_path: Path) -> None:
    """In channels-last order one item can be viewed so, several cannot: the batch was fixed at 1."""
    artifact, found, libtorch, told = made_by_default(tmp_path, "viewed", IMAGE)
    assert libtorch.variant == "fused" and found.batch.max == 8
    assert "in channels-last order not all sizes are right" in artifact.reason
    assert any(t.startswith("fused instead of fused-channels-last") for t in told)


def test_a_named_variant_that_cannot_is_refused_with_one_that_can(tmp_path: Path) -> None:
    for factory, given in (("volumes", CLIP), ("viewed_always", IMAGE)):
        loaded, spec = inspected(f"models.batches:{factory}", given)
        with pytest.raises(Unsuited) as caught:
            export_libtorch(loaded, spec, tmp_path, variant_named("channels-last"), lambda _: None)
        assert "use --artifact fused, or leave --artifact out" in caught.value.hint
        assert "channels-last order" in caught.value.hint and not list(tmp_path.iterdir())


def test_without_fusion_for_other_precisions(tmp_path: Path) -> None:
    loaded, spec = inspected("models.batches:volumes", CLIP)
    _, _, libtorch = export_default(loaded, spec, tmp_path, lambda _: None, without=frozenset({"fusion"}))
    assert libtorch.variant == "frozen"


def test_a_model_that_no_variant_takes_fails_as_without_features(tmp_path: Path) -> None:
    loaded, spec = inspected("models.tiny:bad_branch", "x:1x6")
    with pytest.raises(CheckFailed, match="cannot be turned into TorchScript") as caught:
        export_default(loaded, spec, tmp_path, lambda _: None)
    assert not isinstance(caught.value, Unsuited) and "--artifact" not in caught.value.hint


def test_fusion_that_could_not_be_compared_is_not_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The model took none of the inputs, and that passed for a comparison."""
    loaded, spec = inspected("models.tiny:cnn", "image:1x3x32x32")
    artifact, found, _ = export_libtorch(loaded, spec, tmp_path, VARIANTS["fused"], lambda _: None)

    def refuses(*_: object) -> None:
        raise Refused("ValueError: not today")

    answers = Answers(loaded=loaded)
    monkeypatch.setattr(Answers, "of", refuses)
    problem = exporting._fusion_problem(answers, found, tmp_path / artifact.file, VARIANTS["fused"])
    assert "nothing could be compared" in problem and "ValueError: not today" in problem


_ENDED_BY_FUSION = """
import importlib.util, os, signal, sys
spec = importlib.util.spec_from_file_location("bare", {file!r})
bare = importlib.util.module_from_spec(spec)
sys.modules["bare"] = bare
spec.loader.exec_module(bare)
bare.run_fused = lambda *_: os.kill(os.getpid(), signal.SIGSEGV)
sys.exit(bare.main(sys.argv))
"""


def test_fusion_that_ends_the_process_ends_another_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As torchvision's raft_small does, in minutes."""
    script = tmp_path / "bare.py"
    script.write_text(_ENDED_BY_FUSION.format(file=bare_torch.__file__))
    monkeypatch.setattr(bare_torch, "__file__", str(script))
    monkeypatch.setattr(operators, "_kept", [])
    out = tmp_path / "out"
    out.mkdir()
    loaded, spec = inspected("models.tiny:cnn", "image:1x3x32x32")
    artifact, _, libtorch = export_default(loaded, spec, out, lambda _: None)
    for process in operators._kept:
        process.end()
    assert libtorch.variant == "channels-last"
    assert "cannot run models.tiny:cnn: the process that tried it ended by signal 11" in artifact.reason
    assert [f.name for f in out.iterdir()] == [artifact.file]
