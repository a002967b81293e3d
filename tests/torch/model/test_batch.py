"""A batch in any dimension of an input or output: found, varied, exported, drawn and compared."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from inspecting import inspected

from gencpp.backends.libtorch.export import export_default
from gencpp.backends.tensorrt.onnx_export import OnnxOptions, export_onnx
from gencpp.core.errors import UsageError
from gencpp.core.spec import Dim, DType, ModelSpec, TensorSpec, Values
from gencpp.model.golden import make_goldens
from gencpp.model.sizes.answers import Answers
from gencpp.model.sizes.dynamic import apply_dynamic
from gencpp.project.headers import model_info_header
from gencpp.project.readme import shape_text
from gencpp.tensors.compare import fix_batch
from gencpp.tensors.stimuli import seeded_inputs

BATCH = Dim(min=1, opt=1, max=8)


def axes(spec: ModelSpec) -> tuple[list[int | None], list[int | None]]:
    return [t.batch_at for t in spec.inputs], [t.batch_at for t in spec.outputs]


def told(spec: ModelSpec) -> list[str]:
    """The notes, but for the one that nobody loaded the weights of these factories."""
    return [note for note in spec.notes if not note.startswith("Nobody loaded weights")]


@pytest.mark.parametrize(
    ("factory", "inputs", "found"),
    [
        ("state_second", ("x:1x5x4", "state:2x1x6"), ([0, 1], [0, 1])),
        ("state_second", ("x:2x5x4", "state:2x2x6"), ([0, 1], [0, 1])),  # as many items as layers
        ("steps_first", ("x:5x1x4", "state:2x1x6"), ([1, 1], [0, 1])),
        ("steps_first", ("x:1x1x4", "state:2x1x6"), ([1, 1], [0, 1])),
        ("state_first", ("state:2x1x6", "x:1x5x4"), ([1, 0], [0, 1])),
        ("state_first", ("state:2x3x6", "x:3x5x4"), ([1, 0], [0, 1])),
        ("transposed", ("x:4x1", "shift:3x1"), ([1, 1], [1, None])),
        ("forwards", ("steps:9x1x5",), ([1], [1])),  # the last step of a GRU changes none before it
        ("summed", ("steps:4x1",), ([1], [1])),
    ],
)
def test_the_batch_is_found_where_it_is(
    factory: str, inputs: tuple[str, ...], found: tuple[list[int | None], list[int | None]]
) -> None:
    _, spec = inspected(f"models.batches:{factory}", *inputs)
    assert axes(spec) == found and not told(spec)
    assert spec.batch.dynamic and spec.batch.max == 8
    assert ModelSpec.from_json(spec.to_json()) == spec


def test_an_output_may_have_several_rows_an_item_and_none_at_all() -> None:
    _, spec = inspected("models.batches:transposed", "x:4x1", "shift:3x1")
    rows, alone = spec.outputs
    assert rows.dims == (Dim.fixed(3), Dim(min=2, opt=2, max=16)) and alone.batch_axis is None
    fixed = fix_batch(spec)
    assert fixed.outputs[0].dims[1] == Dim.fixed(2) and not fixed.batch.dynamic


def test_items_that_influence_each_other_have_no_batch_in_any_dimension() -> None:
    _, spec = inspected("models.batches:normalised", "x:1x5", "y:5x1")
    assert axes(spec) == ([None, None], [None])
    assert len(told(spec)) == 1 and "influence each other" in told(spec)[0]


def test_bounds_are_given_for_the_batch_by_its_own_dimension() -> None:
    loaded, spec = inspected("models.batches:state_second", "x:1x5x4", "state:2x1x6")
    wide = Dim(min=1, opt=2, max=16)
    for asked in ("state:1=1:2:16", "x:0=1:2:16"):
        made, profiles = apply_dynamic(loaded, spec, (asked,))
        assert [t.batch for t in (*made.inputs, *made.outputs)] == [wide] * 4
        assert profiles == ((made.inputs[0].dims, made.inputs[1].dims),)
    with pytest.raises(UsageError, match="does not run with") as caught:  # layers are no batch
        apply_dynamic(loaded, spec, ("state:0=1:2:4",))
    assert "state 1x1x6" in caught.value.message
    made, _ = apply_dynamic(loaded, spec, ("x:1=2:5:9",))
    assert made.inputs[0].dims[1] == Dim(min=2, opt=5, max=9) and axes(made) == axes(spec)


def libtorch(folder: Path, *given: Any) -> ModelSpec:
    loaded, spec, answers = given
    _, spec, _ = export_default(loaded, spec, folder, lambda _: None, answers)
    return spec


def tensorrt(folder: Path, *given: Any) -> ModelSpec:
    import onnx

    loaded, spec, answers = given
    made = export_onnx(loaded, spec, folder, OnnxOptions(), lambda _: None, answers)
    graph = onnx.load(folder / "model.onnx").graph
    for value, t in zip((*graph.input, *graph.output), (*spec.inputs, *spec.outputs), strict=True):
        names = [d.dim_param for d in value.type.tensor_type.shape.dim]
        assert [i for i, n in enumerate(names) if n] == ([] if t.batch_at is None else [t.batch_at]), names
    return made.model


@pytest.mark.parametrize("export", [libtorch, tensorrt])
@pytest.mark.parametrize(
    ("factory", "inputs"),
    [("state_second", ("x:1x5x4", "state:2x1x6")), ("transposed", ("x:4x1", "shift:3x1"))],
)
def test_exports_hold_for_every_batch_and_goldens_have_several(
    tmp_path: Path, export: Any, factory: str, inputs: tuple[str, ...]
) -> None:
    import numpy as np

    loaded, spec = inspected(f"models.batches:{factory}", *inputs)
    answers = Answers(loaded=loaded)
    made = export(tmp_path, loaded, spec, answers)
    assert axes(made) == axes(spec) and made.batch == BATCH and not told(made)
    assert [c.name for c in answers.plan(made).cases] == [f"x:{made.inputs[0].batch_at}={n}" for n in (8, 3)]
    goldens = make_goldens(loaded, made, tmp_path, 0, lambda _: None, answers=answers)
    several = next(c for c in goldens.cases if c.name == "batch")
    for file, t in zip(several.inputs, made.inputs, strict=True):
        assert np.load(tmp_path / "goldens" / file).shape[t.batch_axis or 0] == 3
    assert goldens.parity == "strong"


def test_a_file_says_by_its_name_where_the_batch_is(tmp_path: Path) -> None:
    """Without --input: only a first dimension was taken for it."""
    loaded, spec = inspected("models.batches:state_second", "x:1x5x4", "state:2x1x6")
    export_onnx(loaded, spec, tmp_path, OnnxOptions(), lambda _: None)
    _, found = inspected(str(tmp_path / "model.onnx"))
    assert found.inputs == spec.inputs and axes(found) == axes(spec)


def test_items_are_drawn_along_the_batch() -> None:
    """An item is the same in every batch, and wherever the batch is."""
    import torch

    first = TensorSpec(name="x", dtype=DType.float32, dims=(BATCH, Dim.fixed(5), Dim.fixed(4)))
    second = TensorSpec(name="x", dtype=DType.float32, dims=(Dim.fixed(5), BATCH, Dim.fixed(4)), batch_axis=1)
    (a,), (b,), (one,) = (seeded_inputs([t], 3, n) for t, n in ((first, 4), (second, 4), (second, 1)))
    assert b.shape == (5, 4, 4) and b.is_contiguous()
    assert torch.equal(a, b.movedim(1, 0)) and torch.equal(b[:, :1], one)


def test_examples_of_a_file_are_the_items_of_a_batch_in_another_dimension() -> None:
    import numpy as np

    array = np.arange(2 * 3 * 1 * 4, dtype=np.int64).reshape(6, 1, 4)  # two examples of 3x1x4
    values = Values(low="0", high="23", file="x.npy", examples=2, array=array)
    spec = TensorSpec(
        name="x", dtype=DType.int64, dims=(Dim.fixed(3), BATCH, Dim.fixed(4)), values=values, batch_axis=1
    )
    (found,) = seeded_inputs([spec], 0, 3)
    assert found.shape == (3, 3, 4)
    for item, example in enumerate((0, 1, 0)):
        assert found[:, item].tolist() == array[3 * example : 3 * example + 3, 0].tolist()


def test_the_batch_is_told() -> None:
    _, spec = inspected("models.batches:state_second", "x:1x5x4", "state:2x1x6")
    assert shape_text(spec.inputs[1]) == "2xNx6 (N: 1 to 8)"
    header = model_info_header("sample", spec)
    assert "Dims{2, 1, 6}, Dims{2, 1, 6}, Dims{2, 8, 6}, 0.0, 1}" in header
    assert "batch_axis" in spec.inputs[1].to_json() and "batch_axis" not in spec.inputs[0].to_json()
    with pytest.raises(UsageError, match="no dimension 3"):
        TensorSpec(name="x", dtype=DType.float32, dims=(BATCH,), batch_axis=3)
