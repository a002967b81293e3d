"""--dynamic: which dimensions vary, what the outputs do then, and the optimisation profiles."""

from __future__ import annotations

from dataclasses import replace

import pytest
from places import SUPPORT

from gencpp.core.errors import UsageError
from gencpp.core.loaded import LoadedModel, LoadOptions
from gencpp.core.spec import Dim, ModelSpec
from gencpp.model.inspection import inspect_model
from gencpp.model.sizes.dynamic import apply_dynamic
from gencpp.sources.load import load_source, parse_source

HERE = str(SUPPORT)


def inspected(text: str, *inputs: str, preprocess: str | None = None) -> tuple[LoadedModel, ModelSpec]:
    options = LoadOptions(path=(HERE,), inputs=inputs, preprocess=preprocess)
    loaded = load_source(parse_source(text), options, lambda _: None)
    return loaded, inspect_model(loaded, options)


@pytest.fixture(scope="module")
def picture() -> tuple[LoadedModel, ModelSpec]:
    return inspected("models.layers:picture", "image:1x3x32x32")


@pytest.fixture(scope="module")
def two() -> tuple[LoadedModel, ModelSpec]:
    return inspected("models.tiny:two_in_three_out", "left:1x6", "right:1x5")


def dim(low: int, opt: int, high: int) -> Dim:
    return Dim(min=low, opt=opt, max=high)


def test_nothing_asked_for(two: tuple[LoadedModel, ModelSpec]) -> None:
    spec, profiles = apply_dynamic(*two, ())
    assert spec == two[1]
    assert profiles == (tuple(t.dims for t in spec.inputs),)
    assert profiles[0][0][0] == dim(1, 1, 8)


def test_the_batch_of_all_inputs(two: tuple[LoadedModel, ModelSpec]) -> None:
    spec, profiles = apply_dynamic(*two, ("right:0=2:4:16",))
    assert [t.dims[0] for t in (*spec.inputs, *spec.outputs)] == [dim(2, 4, 16)] * 5
    assert profiles == (((dim(2, 4, 16), Dim.fixed(6)), (dim(2, 4, 16), Dim.fixed(5))),)
    again, _ = apply_dynamic(*two, ("right:0=2:4:16", "left:0=2:4:16"))
    assert again == spec


def test_height_and_width_with_the_outputs(picture: tuple[LoadedModel, ModelSpec]) -> None:
    spec, profiles = apply_dynamic(*picture, ("image:2=16:32:64", "image:3=32:64:64"))
    assert spec.inputs[0].dims == (dim(1, 1, 8), Dim.fixed(3), dim(16, 32, 64), dim(32, 64, 64))
    assert spec.outputs[0].dims == (dim(1, 1, 8), Dim.fixed(2), dim(8, 16, 32), dim(16, 32, 32))
    assert spec.outputs[1].dims == (dim(1, 1, 8), Dim.fixed(8))
    assert profiles == ((spec.inputs[0].dims,),)


def test_several_profiles(picture: tuple[LoadedModel, ModelSpec]) -> None:
    spec, profiles = apply_dynamic(*picture, ("image:0=1:2:4", "image:2=16:32:32,48:64:128"))
    assert spec.inputs[0].dims[2] == dim(16, 32, 128)
    assert spec.outputs[0].dims[2] == dim(8, 16, 64)
    assert [p[0][2] for p in profiles] == [dim(16, 32, 32), dim(48, 64, 128)]
    assert [p[0][0] for p in profiles] == [dim(1, 2, 4)] * 2
    _, profiles = apply_dynamic(*picture, ("image:0=1:1:1,8:8:8", "image:3=16:32:32,48:64:128"))
    assert [p[0][0] for p in profiles] == [dim(1, 1, 1), dim(8, 8, 8)]


def test_two_inputs_of_one_length() -> None:
    model = inspected("models.layers:masked", "tokens:1x5:int64", "mask:1x5:float32")
    spec, _ = apply_dynamic(*model, ("tokens:1=2:5:9", "mask:1=2:5:9"))
    assert spec.outputs[0].dims == (dim(1, 1, 8), dim(2, 5, 9), Dim.fixed(8))
    with pytest.raises(UsageError, match="does not run with tokens 1x2, mask 1x5"):
        apply_dynamic(*model, ("tokens:1=2:5:9",))


@pytest.mark.parametrize(
    ("requests", "said"),
    [
        (("image:0",), "is not INPUT:DIMENSION=MIN:OPT:MAX"),
        (("image:0=1:2",), "is not INPUT:DIMENSION=MIN:OPT:MAX"),
        (("image:0=1:2:4,",), "is not INPUT:DIMENSION=MIN:OPT:MAX"),
        (("picture:0=1:2:4",), "there is no input 'picture'"),
        (("image:4=1:2:4",), "has 4 dimensions"),
        (("image:-1=1:2:4",), "has 4 dimensions"),
        (("image:0=1:1:65537",), "a batch above 65536"),
        (("image:0=0:1:4",), "0 < MIN <= OPT <= MAX"),
        (("image:2=64:32:16",), "0 < MIN <= OPT <= MAX"),
        (("image:0=1:2:4", "image:0=1:2:8"), "different bounds"),
        (("image:2=16:32:64", "image:2=16:32:64"), "was given before"),
        (("image:2=16:32:64,1:2:3", "image:3=1:2:3,1:2:3,1:2:3"), "numbers of profiles differ"),
        (("image:1=1:3:4",), "does not run with image 1x1x32x32"),
        (("image:2=1:1:2000000000",), "more than 2147483647 elements"),
    ],
)
def test_refused(picture: tuple[LoadedModel, ModelSpec], requests: tuple[str, ...], said: str) -> None:
    with pytest.raises(UsageError, match=r"(?s).*") as e:
        apply_dynamic(*picture, requests)
    assert said in str(e.value)


def test_a_batch_that_cannot_vary() -> None:
    model = inspected("models.tiny:fixed_batch", "x:1x6")
    with pytest.raises(UsageError, match="the batch of this model cannot vary: The batch is fixed at 1"):
        apply_dynamic(*model, ("x:0=1:2:4",))
    told = apply_dynamic(*model, ("x:0=1:1:1",))[0]
    assert replace(told, notes=model[1].notes) == model[1] and told.notes != model[1].notes


def test_the_preprocessing_must_stay_inside() -> None:
    model = inspected("models.layers:picture", "image:1x3x32x32", preprocess="models.tiny:preprocess")
    assert apply_dynamic(*model, ("image:2=32:64:64",))[0].preprocess is not None
    with pytest.raises(UsageError, match="the preprocessing makes pictures 32 wide, not 48 to 64"):
        apply_dynamic(*model, ("image:3=48:64:64",))
