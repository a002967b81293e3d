"""Sizes: what is compared, what becomes of an artifact that is wrong at some, and what depends on values."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from places import SUPPORT

from gencpp.backends.libtorch.export import export_default
from gencpp.backends.libtorch.torchscript import export_torchscript
from gencpp.backends.tensorrt.onnx_export import OnnxOptions, export_onnx
from gencpp.core.errors import CheckFailed, UsageError
from gencpp.core.loaded import LoadedModel, LoadOptions
from gencpp.core.spec import UNBOUNDED, Dim, DType, ModelSpec, TensorSpec
from gencpp.model.golden import make_goldens
from gencpp.model.inspection import inspect_model
from gencpp.model.sizes.answers import Answers
from gencpp.model.sizes.bounding import taken_by_the_model
from gencpp.model.sizes.dynamic import apply_dynamic, asked_places
from gencpp.model.sizes.plan import axes_of, odd_size, sizes_alone, together
from gencpp.project.headers import model_info_header
from gencpp.project.readme import shape_text
from gencpp.sources.load import load_source, parse_source

HERE = str(SUPPORT)


def loaded_as(
    factory: str, *inputs: str, dynamic: tuple[str, ...] = ()
) -> tuple[LoadedModel, ModelSpec, Answers]:
    """A model of models.sized as `gencpp new` loads it."""
    options = LoadOptions(path=(HERE,), inputs=inputs)
    loaded = load_source(parse_source(f"models.sized:{factory}"), options, lambda _: None)
    spec, profiles = apply_dynamic(loaded, inspect_model(loaded, options), dynamic)
    asked = asked_places(spec, dynamic)
    answers = Answers(loaded=loaded, profiles=profiles if asked else (), asked=asked)
    return loaded, taken_by_the_model(answers, spec), answers


def on_libtorch(tmp_path: Path, *given: str, dynamic: tuple[str, ...] = ()) -> tuple[ModelSpec, Any, Answers]:
    loaded, spec, answers = loaded_as(*given, dynamic=dynamic)
    artifact, spec, _ = export_default(loaded, spec, tmp_path / "ts", lambda _: None, answers)
    return spec, artifact, answers


def on_onnx(tmp_path: Path, *given: str, dynamic: tuple[str, ...] = ()) -> tuple[ModelSpec, Any, Answers]:
    loaded, spec, answers = loaded_as(*given, dynamic=dynamic)
    made = export_onnx(loaded, spec, tmp_path / "onnx", OnnxOptions(), lambda _: None, answers)
    return made.model, made.artifact, answers


BACKENDS = pytest.mark.parametrize("export", [on_libtorch, on_onnx])


def tensor(*dims: Dim) -> TensorSpec:
    return TensorSpec(name="x", dtype=DType.float32, dims=dims)


BATCH = Dim(min=1, opt=1, max=8)
SIDE = Dim(min=32, opt=64, max=128)


def test_a_dimension_is_taken_at_its_smallest_an_odd_and_its_largest_size() -> None:
    inputs = (tensor(BATCH, Dim.fixed(3), SIDE, SIDE),)
    axes = axes_of(inputs, [t.dims for t in inputs])
    assert [a.places for a in axes] == [((0, 0),), ((0, 2),), ((0, 3),)]
    assert [sizes_alone(a) for a in axes] == [(8, 3), (128, 63, 32), (128, 63, 32)]
    names = [c.name for c in together([t.dims for t in inputs], axes)]
    assert names == ["all smallest", "all largest"]
    tied = axes_of(inputs, [t.dims for t in inputs], frozenset({(0, 2), (0, 3)}))
    assert [a.places for a in tied] == [((0, 0),), ((0, 2), (0, 3))]


@pytest.mark.parametrize(
    ("dim", "step", "odd"),
    [
        (Dim(min=1, opt=1, max=8), 1, 3),
        (Dim(min=1, opt=1, max=2), 1, None),
        (Dim(min=2, opt=2, max=4), 1, 3),
        (Dim(min=1, opt=3, max=8), 1, 5),
        (Dim(min=32, opt=64, max=128), 32, 96),
        (Dim(min=4, opt=4, max=6), 2, None),
    ],
)
def test_an_odd_size_lies_between_the_bounds(dim: Dim, step: int, odd: int | None) -> None:
    assert odd_size(dim, step=step) == odd


@BACKENDS
def test_a_default_batch_is_bounded_where_the_artifact_is_wrong(tmp_path: Path, export: Any) -> None:
    spec, _, _ = export(tmp_path, "large_batches", "x:1x6")
    assert spec.inputs[0].dims[0] == Dim(min=1, opt=1, max=4)
    assert spec.outputs[0].dims[0] == Dim(min=1, opt=1, max=4)
    assert any("batch is bounded to 1 to 4" in n for n in spec.notes)


@BACKENDS
def test_a_batch_that_was_asked_for_is_refused_with_the_right_bound(tmp_path: Path, export: Any) -> None:
    with pytest.raises(CheckFailed) as caught:
        export(tmp_path, "large_batches", "x:1x6", dynamic=("x:0=1:2:8",))
    assert "--dynamic x:0=1:2:4" in caught.value.hint
    assert not [f for folder in tmp_path.iterdir() for f in folder.iterdir()]


@BACKENDS
def test_a_branch_on_a_size_is_refused_with_the_right_bound(tmp_path: Path, export: Any) -> None:
    with pytest.raises(CheckFailed) as caught:
        export(tmp_path, "short_rows", "x:1x5x6", dynamic=("x:1=2:5:9",))
    assert "--dynamic x:1=4:5:9" in caught.value.hint


@BACKENDS
def test_a_baked_length_is_refused(tmp_path: Path, export: Any) -> None:
    with pytest.raises(CheckFailed) as caught:
        export(tmp_path, "baked_length", "x:1x5x6", dynamic=("x:1=2:5:20",))
    assert "x:1 at 5 only: leave --dynamic x:1 out" in caught.value.hint


def test_a_branch_that_does_not_matter_is_shown_not_to(tmp_path: Path) -> None:
    spec, artifact, _ = on_libtorch(tmp_path, "harmless_branch", "x:1x5x6", dynamic=("x:1=2:5:9",))
    assert artifact.warnings and artifact.untaken == ()
    assert any("sized.py:" in n and "took both sides" in n for n in spec.notes)


def test_a_branch_that_never_ran_is_named_and_weakens_the_proof(tmp_path: Path) -> None:
    from gencpp.model.golden import unproven

    spec, artifact, answers = on_libtorch(tmp_path, "number_branch", "x:1x6")
    assert len(artifact.untaken) == 1
    assert (
        artifact.untaken[0].startswith("sized.py:") and "`most > 1000` was never true" in artifact.untaken[0]
    )
    assert any("Never run" in n and "most > 1000" in n for n in spec.notes)
    goldens = make_goldens(
        answers.loaded, spec, tmp_path, 0, lambda _: None, answers=answers, unproven=unproven(artifact)
    )
    assert goldens.parity == "partial" and "most > 1000" in goldens.parity_note


def test_a_batch_that_no_range_tells_of_is_compared(tmp_path: Path) -> None:
    """Only batches of five are wrong: torch.export says so in a guard, which was not read."""
    _, artifact, _ = on_libtorch(tmp_path, "one_batch", "x:1x6")
    assert "`x.shape[0] == 5` was never true" in artifact.untaken[0]
    spec, _, _ = on_onnx(tmp_path, "one_batch", "x:1x6")
    assert spec.inputs[0].dims[0] == Dim(min=1, opt=1, max=4)
    assert any("bounded to 1 to 4" in n and "x:0=5" in n for n in spec.notes)


def test_sizes_that_no_range_tells_of_are_compared(tmp_path: Path) -> None:
    """Every eighth length was wrong by 200 %, and parity strong."""
    for factory, right in (("every_eighth", "--dynamic x:1=2:5:7"), ("windows", "--dynamic x:1=2:5:7")):
        with pytest.raises(CheckFailed) as caught:
            on_onnx(tmp_path, factory, "x:1x5x6", dynamic=("x:1=2:5:21",))
        assert right in caught.value.hint
    spec, _, answers = on_onnx(tmp_path, "harmless", "x:1x5x6", dynamic=("x:1=2:5:21",))
    assert spec.inputs[0].dims[1].max == 21
    assert {"x:1=8", "x:1=16"} <= {c.name for c in answers.plan(spec).cases}  # goldens have them, too


def test_sizes_beyond_guards_that_are_too_many_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gencpp.model.sizes.answers.MOST_CASES", 1)
    spec, _, answers = on_onnx(tmp_path, "harmless", "x:1x5x6", dynamic=("x:1=2:5:21",))
    assert "x:1=8" in [c.name for c in answers.plan(spec).cases]
    assert "x:1=16" in answers.plan(spec).left_out


@pytest.mark.parametrize("factory", ["product", "order"])
def test_sizes_that_are_wrong_together_are_compared(tmp_path: Path, factory: str) -> None:
    dynamic = ("x:1=4:9:40", "x:2=4:9:40")
    with pytest.raises(CheckFailed, match=r"x:1=\d+ and x:2=\d+|x:[12]=\d+"):
        on_onnx(tmp_path, f"{factory}", "x:1x9x9x6", dynamic=dynamic)


@pytest.mark.parametrize("how", ["equal", "allclose", "numpy", "list", "table", "function", "attribute"])
@BACKENDS
def test_a_value_that_python_takes_weakens_the_proof(tmp_path: Path, export: Any, how: str) -> None:
    """Each was "strong", and some were not even a warning: PyTorch's tracer does not tell of them."""
    spec, artifact, _ = export(tmp_path, f"by_{how}", "x:1x5x6")
    assert len([text for text in artifact.untaken if text.startswith("sized.py:")]) == 1
    told = [n for n in spec.notes if n.startswith(("Never run", "Python takes numbers"))]
    assert len(told) == 1 and "sized.py:" in told[0]


def test_a_size_that_python_takes_weakens_the_proof(tmp_path: Path) -> None:
    dynamic = ("x:1=2:5:20",)
    _, artifact, _ = on_libtorch(tmp_path, "by_length", "x:1x5x6", dynamic=dynamic)
    assert len(artifact.untaken) == 1 and "any other use of the number" in artifact.untaken[0]
    _, fixed, _ = on_libtorch(tmp_path, "by_length", "x:1x5x6")
    assert fixed.untaken == ()


def test_a_batch_that_the_model_refuses_is_bounded_or_refused() -> None:
    _, spec, _ = loaded_as("few_items", "x:1x6")
    assert spec.inputs[0].dims[0].max == 5 and any("five items at most" in n for n in spec.notes)
    with pytest.raises(UsageError) as caught:
        loaded_as("few_items", "x:1x6", dynamic=("x:0=1:1:16",))
    assert "--dynamic x:0=1:1:5" in caught.value.hint


def test_dimensions_of_equal_bounds_move_together_where_the_model_needs_it(tmp_path: Path) -> None:
    dynamic = ("x:1=2:5:20", "mask:1=2:5:20")
    spec, _, answers = on_onnx(tmp_path, "tokens", "x:1x5x6", "mask:1x5", dynamic=dynamic)
    plan = answers.plan(spec)
    assert plan.refused == () and plan.left_out == ()
    names = [c.name for c in plan.cases]
    assert "x:1 and mask:1=20" in names and "all largest" in names
    assert all(c.shapes[0][1] == c.shapes[1][1] for c in plan.cases)


def test_sizes_that_the_model_refuses_are_told_and_an_even_one_is_compared() -> None:
    _, spec, answers = loaded_as("even_length", "x:1x4x6", dynamic=("x:1=2:4:20",))
    plan = answers.plan(spec)
    assert [c.shapes[0][1] for c in plan.cases if c.axis is not None and not c.axis.batch] == [20, 6, 2]
    assert len(plan.refused) == 1 and plan.refused[0].startswith("x:1=7 (RuntimeError")


def test_what_costs_too_much_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gencpp.model.sizes.answers.CASE_WORK", 200_000)
    loaded, spec, answers = loaded_as("tokens", "x:1x5x6", "mask:1x5", dynamic=("x:0=1:1:64",))
    plan = answers.plan(spec)
    assert plan.left_out == ("x:0=64",)
    largest = max(c.shapes[0][0] for c in plan.cases)
    assert 1 < largest < 64
    found = make_goldens(loaded, spec, tmp_path, 0, lambda _: None, answers=answers)
    assert found.parity == "partial" and "x:0=64" in found.parity_note


def test_goldens_hold_the_compared_sizes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import numpy as np

    loaded, spec, answers = loaded_as(
        "tokens", "x:1x5x6", "mask:1x5", dynamic=("x:1=2:5:20", "mask:1=2:5:20")
    )
    found = make_goldens(loaded, spec, tmp_path, 0, lambda _: None, answers=answers)
    folder = tmp_path / "goldens"
    shapes = [np.load(folder / c.inputs[0]).shape[:2] for c in found.cases]
    assert found.parity == "strong"
    assert shapes == [(1, 5), (1, 5), (3, 5), (8, 5), (1, 20), (1, 7), (1, 2), (8, 20)]
    assert [c.name for c in found.cases][2:4] == ["batch", "sizes-0"]
    monkeypatch.setattr("gencpp.model.golden.SHIPPED_BYTES", 3000)
    small = make_goldens(loaded, spec, tmp_path / "small", 0, lambda _: None, answers=answers)
    assert small.parity == "partial" and "all largest" in small.parity_note
    assert sum(f.stat().st_size for f in (tmp_path / "small" / "goldens").iterdir()) < 3000 + 128 * 40


def test_answers_are_computed_once() -> None:
    loaded, spec, answers = loaded_as("few_items", "x:1x6")
    case = answers.plan(spec).cases[0]
    assert answers.at(spec.inputs, case)[1] is answers.at(spec.inputs, case)[1]
    assert loaded is answers.loaded


def test_assertions_that_a_file_drops_are_told() -> None:
    import torch

    from gencpp.tensors.export_guards import assertion_notes, guards_of

    loaded, spec, _ = loaded_as("checked", "x:1x6", "count::int64")
    program = torch.export.export(loaded.module, (torch.ones(1, 6), torch.tensor(3)))
    guards = guards_of(program, spec.inputs)
    assert any("100" in text for text in guards.assertions)
    assert "the ONNX file does not check it" in assertion_notes(guards, "the ONNX file")[0]


def test_ranges_of_an_exported_program_are_read() -> None:
    import torch

    from gencpp.tensors.export_guards import guards_of, ranges_text

    loaded, _, _ = loaded_as("even_length", "x:1x4x6")
    length = torch.export.Dim("length", min=2, max=5)
    program = torch.export.export(loaded.module, (torch.ones(1, 4, 6),), dynamic_shapes=({1: 2 * length},))
    inputs = (tensor(Dim.fixed(1), Dim(min=2, opt=4, max=20), Dim.fixed(6)),)
    guards = guards_of(program, inputs)
    assert ranges_text(inputs, guards) == "x:1 from 4 to 10"
    assert guards.assertions[0] == "x:1 == 2*k"


def test_rows_that_depend_on_values_are_told_with_their_bound() -> None:
    loaded, spec, _ = loaded_as("rows", "x:1x30x6")
    assert spec.outputs[0].dims[0] == Dim(min=0, opt=spec.outputs[0].dims[0].opt, max=30, of_values=True)
    assert spec.outputs[0].dims[1] == Dim.fixed(4)
    assert shape_text(spec.outputs[0]) == "?x4 (?: by the values, at most 30)"
    header = model_info_header("rows", spec)
    assert "Dims{0, 4}, Dims{kUnknownSize, 4}, Dims{30, 4}" in header
    assert ModelSpec.from_json(spec.to_json()) == spec
    assert "of_values" not in str(spec.inputs[0].to_json())  # manifests without such sizes stay as they were
    assert loaded.inputs == spec.inputs


@BACKENDS
def test_such_a_model_is_exported_with_any_number_of_rows(tmp_path: Path, export: Any) -> None:
    spec, artifact, _ = export(tmp_path, "rows", "x:1x30x6")
    assert artifact.size and spec.outputs[0].dims[0].of_values


def test_goldens_of_unlike_rows_differ(tmp_path: Path) -> None:
    """The parity was told as weak: "all goldens have the same inputs"."""
    loaded, spec, answers = loaded_as("rows", "x:1x30x6")
    export_torchscript(loaded, spec, tmp_path, lambda _: None, answers=answers)
    found = make_goldens(loaded, spec, tmp_path, 0, lambda _: None, answers=answers)
    assert (found.parity, found.parity_note) == ("strong", "")


def test_an_onnx_file_with_such_rows(tmp_path: Path) -> None:
    loaded, spec, _ = loaded_as("rows", "x:1x30x6")
    export_onnx(loaded, spec, tmp_path, OnnxOptions(), lambda _: None)
    options = LoadOptions()
    file = load_source(parse_source(str(tmp_path / "model.onnx")), options, lambda _: None)
    found = inspect_model(file, options)
    assert found.outputs[0].dims[0].of_values and found.outputs[0].dims[0].max == UNBOUNDED
    assert found.outputs[0].dims[1] == Dim.fixed(4)
    again = export_onnx(file, found, tmp_path / "again", OnnxOptions(), lambda _: None)
    assert again.model.outputs[0].dims[0].of_values


def test_columns_that_are_small_beside_others_are_told(tmp_path: Path) -> None:
    """The tolerance of boxes in pixels is any error of the scores beside them; that was called strong."""
    loaded, spec, answers = loaded_as("boxes", "x:1x30x6")
    found = make_goldens(loaded, spec, tmp_path, 0, lambda _: None, answers=answers)
    assert found.parity == "partial"
    assert "column 3 of output holds at most " in found.parity_note and "would pass" in found.parity_note


def test_outputs_may_be_empty(tmp_path: Path) -> None:
    loaded, spec, answers = loaded_as("no_rows", "x:1x30x6")
    assert spec.outputs[0].dims[0] == Dim(min=0, opt=0, max=30, of_values=True)
    export_torchscript(loaded, spec, tmp_path, lambda _: None, answers=answers)
    found = make_goldens(loaded, spec, tmp_path, 0, lambda _: None, answers=answers)
    assert found.cases[0].outputs[0].max_abs == 0.0
    assert found.parity == "weak"  # nothing was compared but the sizes
