"""Dicts of a class of their own, named tuples, lists and None: flattened alike on both backends."""

from __future__ import annotations

import warnings
from pathlib import Path

import pytest
from inspecting import inspected

from gencpp.backends.libtorch.export import export_default, export_libtorch
from gencpp.backends.libtorch.precision import in_precision
from gencpp.backends.libtorch.stateless_program import stateless_program
from gencpp.backends.libtorch.torchscript import _trace, _Way
from gencpp.backends.libtorch.variants import VARIANTS
from gencpp.backends.tensorrt.onnx_export import OnnxOptions, export_onnx
from gencpp.core.spec import Precision
from gencpp.model.sizes.answers import Answers
from gencpp.tensors.dynamic_shapes import dynamic_shapes
from gencpp.tensors.flat import with_flat_outputs
from gencpp.tensors.stimuli import seeded_inputs

NAMES = ["logits", "inner_hidden", "pair_mean", "states_0", "states_1_0"]


def test_names_and_order_are_those_of_the_python_model() -> None:
    _, spec = inspected("models.batches:nested", "x:1x6")
    assert [t.name for t in spec.outputs] == NAMES and spec.batch.dynamic


@pytest.mark.parametrize("variant", ["fused-channels-last", "plain"])
def test_torchscript(tmp_path: Path, variant: str) -> None:
    """`Tracer cannot infer type of {'logits': ...`, and nothing came of it."""
    import torch

    loaded, spec = inspected("models.batches:nested", "x:1x6")
    artifact, found, _ = export_libtorch(loaded, spec, tmp_path, VARIANTS[variant], lambda _: None)
    assert found.inputs == spec.inputs and found.outputs == spec.outputs
    inputs = seeded_inputs(spec.inputs, 1, 4)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        value = torch.jit.load(str(tmp_path / artifact.file))(*inputs)
    assert [tuple(t.shape) for t in value] == [(4, 4), (4, 4), (4,), (4, 4), (4, 4)]
    torch.testing.assert_close(value[4], loaded.module(*inputs)["states"][1][0])


def test_a_trace_of_the_module_itself(tmp_path: Path) -> None:
    loaded, spec = inspected("models.batches:nested", "x:1x6")
    way = _Way(freeze=False, channels_last=False, export_first=False, answers=Answers(loaded=loaded))
    assert not _trace(loaded, spec, way, reason="").why_not


def test_compiled_code_gets_a_program_of_tensors() -> None:
    loaded, spec = inspected("models.batches:counting", "x:2x6")
    inputs = tuple(seeded_inputs(spec.inputs, 1))
    program = stateless_program(loaded.module, inputs, dynamic_shapes(spec.inputs), "counting")
    found = program.module()(*inputs)
    assert len(found) == len(NAMES) and found[0].shape == (2, 4)


def test_what_runs_change_is_named_as_in_the_model(tmp_path: Path) -> None:
    loaded, spec = inspected("models.batches:counting", "x:1x6")
    artifact, found, _ = export_default(loaded, spec, tmp_path, lambda _: None)
    assert [c.path for c in artifact.changed] == ["gencpp_model.last"]  # where the file has it
    assert any("forward changes last of the model" in n for n in found.notes)


def test_onnx(tmp_path: Path) -> None:
    loaded, spec = inspected("models.batches:nested", "x:1x6")
    made = export_onnx(loaded, spec, tmp_path, OnnxOptions(), lambda _: None)
    assert [t.name for t in made.model.outputs] == NAMES and made.model.inputs == spec.inputs


def test_another_precision() -> None:
    loaded, spec = inspected("models.batches:nested", "x:1x6")
    made = in_precision(loaded, spec, Precision.bf16)
    assert len(made.module(*seeded_inputs(spec.inputs, 1))) == len(NAMES)


def test_modules_whose_outputs_are_tuples_stay_as_they_are() -> None:
    loaded, spec = inspected("models.tiny:two_in_three_out", "left:1x6", "right:1x5")
    assert with_flat_outputs(loaded.module, seeded_inputs(spec.inputs, 1)) is loaded.module
