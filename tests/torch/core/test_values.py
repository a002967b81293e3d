"""What inputs are drawn from: given ranges, values and files; guesses that a model takes; masks."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from places import SUPPORT

from gencpp.core.again import asked_again
from gencpp.core.bench_values import BenchValues, bench_values, fill_value
from gencpp.core.errors import UsageError
from gencpp.core.recipe import ModelRecipe
from gencpp.core.spec import Dim, DType, TensorSpec
from gencpp.core.values import file_of, told, without_folder
from gencpp.tensors.module import parse_input

HERE = str(SUPPORT)


def refused(text: str) -> str:
    with pytest.raises(UsageError) as e:
        parse_input(text)
    return f"{e.value.message} | {e.value.hint}"


def drawn(text: str, seed: int = 0, batch: int | None = None) -> Any:
    from gencpp.tensors.stimuli import seeded_inputs

    spec = parse_input(text)
    if batch:
        spec = replace(spec, dims=(Dim(min=1, opt=1, max=batch), *spec.dims[1:]))
    return seeded_inputs([spec], seed, batch)[0]


def inspected(source: str, *inputs: str) -> Any:
    from gencpp.core.loaded import LoadOptions
    from gencpp.model.inspection import inspect_model
    from gencpp.sources.load import load_source, parse_source

    options = LoadOptions(path=(HERE,), inputs=inputs)
    loaded = load_source(parse_source(source), options, lambda _: None)
    return loaded, inspect_model(loaded, options)


def goldens_of(loaded: Any, spec: Any, folder: Path) -> Any:
    from gencpp.model.golden import make_goldens

    return make_goldens(loaded, spec, folder, 0, lambda _: None)


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("x:1x3:int64=", "nothing behind the ="),
        ("x:1x3:int64=9..0", "9 is above 0"),
        ("x:1x3:int64=a..b", "'a' is not a whole number"),
        ("x:1x3:int64=0.5", "'0.5' is not a whole number"),
        ("x:1x3:int64=ids.txt", "'ids.txt' is not a whole number"),
        ("x:1x3:uint8=0..256", "256 is outside of uint8 | it holds 0 to 255"),
        ("x:1x3:int8=-129", "-129 is outside of int8"),
        ("x:1x3:bool=2", "'2' is neither true nor false"),
        ("x:1x3=nan", "nan is outside of float32"),
        ("x:1x3=0..inf", "inf is outside of float32"),
        ("x:1x3:float16=70000", "70000 is outside of float16"),
        ("x:1x3=1,,2", "'' is not a number"),
        ("x:1x3:int64=99999999999999999999", "outside of int64"),
    ],
)
def test_values_that_are_refused(text: str, part: str) -> None:
    assert part in refused(text)


def test_values_that_are_taken() -> None:
    def values(text: str) -> tuple[str, str, tuple[str, ...]]:
        found = parse_input(text).values
        assert found is not None and not found.guessed
        return found.low, found.high, found.each

    assert values("x:1x3:int64=-5..9") == ("-5", "9", ())
    assert values("rate::int64=16000,8000,16000") == ("8000", "16000", ("16000", "8000"))
    assert values("x:1x3=-1.5..2.") == ("-1.5", "2.0", ())
    assert values("x:1x3=.5") == ("0.5", "0.5", ("0.5",))
    assert values("m:1x3:bool=true") == ("1", "1", ("1",))
    assert values("m:1x3:bool=false,true") == ("0", "1", ("0", "1"))
    assert values("x:1x3:int64=9223372036854775807")[1] == "9223372036854775807"
    assert parse_input("x:1x3:int64").values is None


def test_a_manifest_keeps_values_and_old_ones_are_read() -> None:
    spec = parse_input("x:1x3:int64=0..9223372036854775807")
    assert TensorSpec.from_json(spec.to_json()) == spec
    old = {k: v for k, v in spec.to_json().items() if k != "values"}
    assert TensorSpec.from_json(old).values is None


@pytest.mark.parametrize(
    "change", [{"low": "x"}, {"each": ["1", "nan"]}, {"examples": 0}, {"file": "../a.npy"}]
)
def test_a_manifest_with_broken_values_is_refused(change: dict[str, Any]) -> None:
    spec = parse_input("x:1x3:int64=0..9").to_json()
    with pytest.raises(UsageError, match="values: "):
        TensorSpec.from_json({**spec, "values": {**spec["values"], **change}})


def test_ranges_and_values_are_drawn() -> None:
    ids = drawn("ids:1x40:int64=0..99")
    assert int(ids.min()) == 0 and int(ids.max()) == 99
    assert int(drawn("ids:1x12:int64").min()) >= 0 and int(drawn("ids:1x12:int64").max()) == 9
    assert [int(drawn("rate::int64=8000,16000", seed)) for seed in range(3)] == [8000, 16000, 8000]
    assert drawn("rate:1:int64=7,8,9", 0, batch=3).tolist() == [7, 8, 9]
    assert drawn("rate::int32=8000").shape == ()
    floats = drawn("x:1x500=2..3")
    assert 2 <= float(floats.min()) < 2.1 and 2.9 < float(floats.max()) <= 3
    image = drawn("image:1x3x16x16=0..1")
    assert float(image.min()) >= 0 and float(image.max()) <= 1 and float(image.std()) > 0.05
    assert drawn("x:1x4=-7.5").tolist() == [[-7.5] * 4]
    ends = drawn("x:1x9:int64=-9223372036854775808..9223372036854775807")
    assert {int(ends.min()), int(ends.max())} == {-(2**63), 2**63 - 1}


@pytest.mark.parametrize("shape", ["1x48x64x3", "1x3x48x64", "1x60"])
def test_bytes_are_drawn_over_their_whole_range(shape: str) -> None:
    import torch

    frames = torch.cat([drawn(f"frame:{shape}:uint8", seed).flatten() for seed in range(6)])
    assert frames.dtype is torch.uint8
    assert int(frames.min()) < 8 and int(frames.max()) > 247


def test_masks_are_drawn_as_people_use_them() -> None:
    mask = drawn("mask:1x4x7:bool", 0, batch=5)
    random, left, right, every, none = (row.tolist() for row in mask)
    assert all(True in r and False in r for r in (*random, *left, *right))
    assert all(r == sorted(r, reverse=True) for r in left) and all(r == sorted(r) for r in right)
    assert len({sum(r) for r in left}) > 1, "each row has its own length"
    assert all(all(r) for r in every) and not any(any(r) for r in none)
    integers = drawn("mask:1x7:int64=0..1", 0, batch=5)
    assert [sorted(set(r.tolist())) for r in integers] == [[0, 1]] * 3 + [[1], [0]]
    assert [bool(drawn("flag::bool", seed)) for seed in range(4)] == [False, True, False, True]


def test_all_combinations_of_given_values_come() -> None:
    from gencpp.tensors.stimuli import further_seeds, seeded_inputs

    inputs = [parse_input("a::int64=1,2"), parse_input("b::bool"), parse_input("c::int64=5,6,7")]
    seeds, left = further_seeds(inputs, [(0, 1), (1, 1)], 10)
    assert left == 0
    found = {tuple(int(x) for x in seeded_inputs(inputs, seed)) for seed in (0, 1, *seeds)}
    assert len(found) == 12 == len(seeds) + 2


def test_a_file_is_taken_in_turn_and_for_other_sizes(tmp_path: Path) -> None:
    import numpy as np

    from gencpp.tensors.stimuli import seeded_inputs

    array = np.arange(6, dtype=np.int64).reshape(2, 3)
    np.save(tmp_path / "ids.npy", array)
    spec = parse_input(f"ids:1x3:int64={tmp_path / 'ids.npy'}")
    assert spec.values is not None and (spec.values.examples, spec.values.low, spec.values.high) == (
        2,
        "0",
        "5",
    )
    assert [seeded_inputs([spec], s)[0].tolist() for s in range(3)] == [[[0, 1, 2]], [[3, 4, 5]], [[0, 1, 2]]]
    wide = replace(spec, dims=(Dim(min=1, opt=1, max=8), Dim.fixed(5)))
    assert seeded_inputs([wide], 0, 2)[0].tolist() == [[0, 1, 2, 0, 1], [3, 4, 5, 3, 4]]
    narrow = replace(spec, dims=(Dim.fixed(1), Dim.fixed(2)))
    assert seeded_inputs([narrow], 0)[0].tolist() == [[0, 1]]
    scalars = tmp_path / "rates.npy"
    np.save(scalars, np.array([8000, 16000]))
    assert [int(drawn(f"rate::int64={scalars}", s)) for s in range(2)] == [8000, 16000]
    whole = parse_input(f"boxes:2x3:int64={tmp_path / 'ids.npy'}")  # not a batch: its rows stay in order
    assert [seeded_inputs([whole], s)[0].tolist() for s in (0, 1)] == [array.tolist()] * 2
    again = TensorSpec.from_json(spec.to_json())  # no elements in a manifest: its range
    assert str(tmp_path) not in str(spec.to_json()) and again == spec
    assert int(seeded_inputs([again], 0)[0].min()) >= 0 and int(seeded_inputs([again], 0)[0].max()) <= 5


def test_files_that_are_refused(tmp_path: Path) -> None:
    import os

    import numpy as np

    def said(file: str, text: str = "x:1x3") -> str:
        return refused(f"{text}={tmp_path / file}")

    np.save(tmp_path / "double.npy", np.zeros((1, 3)))
    np.save(tmp_path / "shape.npy", np.zeros((1, 4), np.float32))
    np.save(tmp_path / "rows.npy", np.zeros((3, 3), np.float32))
    np.save(tmp_path / "empty.npy", np.zeros((0, 3), np.float32))
    np.save(tmp_path / "objects.npy", np.array([None, {}]), allow_pickle=True)
    np.savez(tmp_path / "several.npz", a=np.zeros(3))
    (tmp_path / "several.npz").rename(tmp_path / "several.npy")
    (tmp_path / "text.npy").write_text("no array")
    (tmp_path / "cut.npy").write_bytes((tmp_path / "rows.npy").read_bytes()[:-5])
    os.mkfifo(tmp_path / "pipe.npy")
    assert "no such file" in said("missing.npy")
    assert "holds float64, not float32 | save array.astype(numpy.float32)." in said("double.npy")
    assert "shape.npy is 1x4, the input is 1x3" in said("shape.npy")
    assert "rows.npy is 3x3, the input is 2x3" in said("rows.npy", "x:2x3")
    assert "empty.npy is 0x3" in said("empty.npy")
    assert "holds Python objects, which are not read" in said("objects.npy")
    assert "holds several arrays" in said("several.npy")
    assert "not an .npy file" in said("cut.npy")
    assert "is not a regular file" in said("pipe.npy")
    assert "text.npy" in said("text.npy")


def test_a_manifest_names_no_folder_and_the_file_is_found_by_name(tmp_path: Path) -> None:
    from samples import tensors_only

    assert without_folder("x:1x3=/home/me/x.npy") == "x:1x3=x.npy"
    assert without_folder("x:1x3=0..1") == "x:1x3=0..1" and file_of("x:1x3=0..1") == ""
    (tmp_path / "my ids.npy").write_bytes(b"")
    made = tensors_only()

    def asked(*inputs: str) -> tuple[str, ...]:
        model = ModelRecipe(source="nets:make", inputs=inputs)
        spec = replace(made, recipe=replace(made.recipe, model=model))
        return asked_again(spec, (str(tmp_path),), named=("nets:make",)).inputs

    found = asked("y:1x2", "x:1x3=my ids.npy", "z::int64=0..1")
    assert found == ("y:1x2", f"x:1x3={tmp_path / 'my ids.npy'}", "z::int64=0..1")
    with pytest.raises(UsageError):
        asked("z::int64=../../z.npy")


def test_what_programs_feed_by_themselves() -> None:
    def of(text: str) -> BenchValues:
        return bench_values(parse_input(text), "golden.npy")

    assert of("x:1x3") == BenchValues()
    assert of("ids:1x3:int64=0..99") == BenchValues(first=0, last=99)
    assert of("rate::int64=8000,16000") == BenchValues(first=8000, last=8000)
    assert of("x:1x3=0..1") == BenchValues(low=0.0, high=1.0)
    fills = {
        "x:1x3": 0,
        "r::int64=8000,16000": 8000,
        "r::int64=8000,0": 0,
        "n:1x2:int64=1..9": 1,
        "x:1x3=-2..-1": -1,
    }
    assert {text: fill_value(parse_input(text)) for text in fills} == fills
    masked = parse_input("m:1x3:bool=0..1")
    assert masked.values is not None
    assert fill_value(replace(masked, values=replace(masked.values, kinds=("left", "all")))) == 1


def test_what_is_told() -> None:
    def of(text: str) -> str:
        spec = parse_input(text)
        assert spec.values is not None
        return told(spec.values, spec.dtype)

    assert of("x:1x3:int64=0..99") == "0 to 99"
    assert of("x:1x3:bool=true") == "true"
    assert of("r::int64=8000,16000") == "8000, 16000"


def test_a_smaller_range_is_found_and_told() -> None:
    _, spec = inspected("models.valued:tokens", "ids:1x12:int64", "mask:1x12:int64", "types:1x12:int64")
    ids, mask, types = (t.values for t in spec.inputs)
    assert (ids.low, ids.high, mask.high, types.low, types.high) == ("0", "9", "9", "0", "1")
    text = "\n".join(spec.notes)
    assert "refuses types from 0 to 9 (IndexError: index out of range in self); it takes 0 to 1" in text
    assert "Integers are guessed: ids from 0 to 9, mask from 0 to 9, types from 0 to 1." in text
    assert "--input ids:1x12:int64=LOW..HIGH (or =VALUE,VALUE, or =FILE.npy)" in text


def test_given_values_are_no_guess() -> None:
    _, spec = inspected(
        "models.valued:tokens", "ids:1x12:int64=0..99", "mask:1x12:int64=0..1", "types:1x12:int64=0..1"
    )
    assert spec.inputs[0].values.high == "99"
    assert not [n for n in spec.notes if "guessed" in n or "refuses" in n]


def test_the_range_may_start_at_one() -> None:
    _, spec = inspected("models.valued:lengths", "x:1x8", "length:1x1:int64")
    values = spec.inputs[1].values
    assert (values.low, values.high) == ("1", "9")


def test_what_no_range_satisfies_names_the_syntax() -> None:
    with pytest.raises(UsageError, match="rate must be 8000 or 16000") as e:
        inspected("models.valued:rate", "x:1x8", "rate::int64")
    assert "--input rate:scalar:int64" not in e.value.hint
    assert "--input rate::int64=LOW..HIGH (or =VALUE,VALUE, or =FILE.npy)" in e.value.hint
    assert "Integers were drawn: rate from 0 to 9" in e.value.hint
    with pytest.raises(UsageError) as shapes:
        inspected("models.tiny:two_in_three_out", "left:1x5", "right:1x5")
    assert "Integers" not in shapes.value.hint


def test_a_mask_that_hides_everything_is_left_out_where_that_is_nan(tmp_path: Path) -> None:
    import numpy as np

    loaded, spec = inspected("models.valued:softmax", "scores:1x6", "padding:1x6:bool")
    assert spec.inputs[1].values.kinds == ("random", "left", "right", "none")
    assert "Goldens leave out padding all true (the outputs are not finite)." in spec.notes
    found = goldens_of(loaded, spec, tmp_path)
    masks = [row for c in found.cases for row in np.load(tmp_path / "goldens" / c.inputs[1])]
    kinds = {"all" if m.all() else "none" if not m.any() else "mixed" for m in masks}
    assert kinds == {"mixed", "none"}


def test_goldens_hold_every_given_value(tmp_path: Path) -> None:
    import numpy as np

    loaded, spec = inspected("models.valued:lengths", "x:1x8", "length:1x1:int64=1,2,3,4,5,6,7")
    spec = replace(
        spec,
        inputs=tuple(replace(t, dims=tuple(Dim.fixed(d.opt) for d in t.dims)) for t in spec.inputs),
        outputs=tuple(replace(t, dims=tuple(Dim.fixed(d.opt) for d in t.dims)) for t in spec.outputs),
    )
    found = goldens_of(loaded, spec, tmp_path)
    assert [c.name for c in found.cases] == [f"seeded-{i}" for i in range(7)]
    assert {int(np.load(tmp_path / "goldens" / c.inputs[1])[0, 0]) for c in found.cases} == set(range(1, 8))
    assert found.parity == "strong"


def test_one_example_is_no_strong_proof(tmp_path: Path) -> None:
    loaded, spec = inspected("models.tiny:words", "tokens:1x4:int64=3")
    found = goldens_of(loaded, spec, tmp_path)
    assert found.parity == "weak"
    assert "all goldens have the same inputs; give several values" in found.parity_note


def test_examples_that_come_again_weaken_nothing(tmp_path: Path) -> None:
    import numpy as np

    np.save(tmp_path / "ids.npy", np.array([[1, 2, 3], [4, 5, 6]]))
    loaded, spec = inspected("models.tiny:words", f"tokens:1x3:int64={tmp_path / 'ids.npy'}")
    assert goldens_of(loaded, spec, tmp_path).parity == "strong"


def test_random_weights_are_initialised_on_given_values() -> None:
    import torch

    from gencpp.sources.torchvision import build

    given = (parse_input("x:1x3x224x224=5..6"),)
    usual = build("squeezenet1_1", "none", 0, 0.0, lambda _: None)
    shifted = build("squeezenet1_1", "none", 0, 0.0, lambda _: None, given)
    a, b = (m.module.state_dict()["features.0.weight"] for m in (usual, shifted))
    assert not torch.equal(a, b)


def test_an_onnx_file_gets_values_and_guesses(tmp_path: Path) -> None:
    import numpy as np
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    table = numpy_helper.from_array(np.random.default_rng(0).normal(size=(3, 4)).astype(np.float32), "table")
    graph = helper.make_graph(
        [helper.make_node("Gather", ["table", "ids"], ["y"])],
        "g",
        [helper.make_tensor_value_info("ids", TensorProto.INT64, [1, 5])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 5, 4])],
        [table],
    )
    path = tmp_path / "gather.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), path)
    _, spec = inspected(str(path))
    assert (spec.inputs[0].values.low, spec.inputs[0].values.high) == ("0", "2")
    _, spec = inspected(str(path), "ids:1x5:int64=1..2")
    assert (spec.inputs[0].values.low, spec.inputs[0].dtype) == ("1", DType.int64)
