"""Examples in hints are made of what is known: names, numbers, and what the first layer takes."""

from __future__ import annotations

import warnings
from typing import Any

import pytest
import torch
from places import SUPPORT
from torch import Tensor, nn

from gencpp.core.errors import UsageError
from gencpp.core.loaded import LoadedModel, LoadOptions
from gencpp.core.spec import DType
from gencpp.model.input_examples import LEGEND, input_examples
from gencpp.model.inspection import inspect_model
from gencpp.model.sizes.dynamic import apply_dynamic
from gencpp.sources.load import load_source, parse_source
from gencpp.sources.onnx_file import OnnxInput, known_inputs
from gencpp.tensors.module import parse_input


class Net(nn.Module):
    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, x: Tensor) -> Tensor:
        return self.layer(x)


class Rate(Net):
    def forward(self, x: Tensor, rate: int, scale: float, flag: bool | None, größe: Tensor) -> Tensor:
        return self.layer(x)


class Unsaid(Net):
    def forward(self, frame, rate: int):  # type: ignore[no-untyped-def]
        return self.layer(frame)


class Scripted(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(8, 4)

    def forward(self, x: Tensor, rate: int) -> Tensor:
        return self.layer(x) * rate


@pytest.mark.parametrize(
    ("module", "text"),
    [
        (Net(nn.Conv2d(3, 8, 3)), "--input x:1x3x224x224:float32"),
        (Net(nn.Conv2d(2, 8, 3, groups=2)), "--input x:1x2x224x224:float32"),
        (Net(nn.Conv1d(5, 8, 3)), "--input x:1x5x16:float32"),
        (Net(nn.Conv3d(3, 8, 3)), "--input x:1x3x16x224x224:float32"),
        (Net(nn.Linear(6, 4)), "--input x:1x6:float32"),
        (Net(nn.Embedding(9, 4)), "--input x:1x16:int64"),
        (Net(nn.GRU(7, 4)), "--input x:1x16x7:float32"),
        (Net(nn.ReLU()), f"--input x:SHAPE:TYPE ({LEGEND})"),
        (Unsaid(nn.Linear(6, 4)), "--input frame:1x6:float32 --input rate::int64"),
        (
            Rate(nn.Linear(6, 4)),
            "--input x:1x6:float32 --input rate::int64 --input scale::float32 --input flag::bool"
            f" --input größe:SHAPE:TYPE ({LEGEND})",
        ),
    ],
)
def test_an_example_of_every_argument(module: nn.Module, text: str) -> None:
    assert input_examples(module) == text


def test_an_example_of_torchscript() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        module = torch.jit.script(Scripted())
    assert input_examples(module) == "--input x:1x8:float32 --input rate::int64"


def test_examples_are_read_as_they_are_written() -> None:
    for text in input_examples(Rate(nn.Linear(6, 4))).replace("größe:SHAPE:TYPE", "y:1x2").split(" --input "):
        parse_input(text.removeprefix("--input ").partition(" (")[0])


def test_a_scalar_is_told_how_it_is_written() -> None:
    with pytest.raises(UsageError) as caught:
        parse_input("rate:int64")
    assert "rate::int64 for a scalar" in caught.value.hint


def unknown(*inputs: OnnxInput) -> str:
    with pytest.raises(UsageError) as caught:
        known_inputs("net.onnx", inputs, ())
    return caught.value.hint.removeprefix("name them, such as ")


def onnx(name: str, *dims: int | str, dtype: DType = DType.float32) -> OnnxInput:
    return OnnxInput(name=name, dtype=dtype, dims=dims)


@pytest.mark.parametrize(
    ("given", "text"),
    [
        (onnx("image", "batch", 3, "height", "width"), "--input image:1x3x224x224:float32"),
        (onnx("frame", "N", "H", "W", 3, dtype=DType.uint8), "--input frame:1x224x224x3:uint8"),
        (onnx("ids", "batch_size", "sequence_length", dtype=DType.int64), "--input ids:1x16:int64"),
        (onnx("state", "layers", "batch_size", 16), "--input state:1x1x16:float32"),
        (onnx("x", "?", "?", 80), "--input x:1x16x80:float32"),
    ],
)
def test_a_dimension_called_batch_is_one(given: OnnxInput, text: str) -> None:
    assert unknown(given) == text


@pytest.fixture(scope="module")
def model() -> tuple[LoadedModel, Any]:
    options = LoadOptions(path=(str(SUPPORT),), inputs=("left:1x6", "right:1x5"))
    loaded = load_source(parse_source("models.tiny:two_in_three_out"), options, lambda _: None)
    return loaded, inspect_model(loaded, options)


@pytest.mark.parametrize(
    ("asked", "hint"),
    [
        ("x", "Such as --dynamic left:0=1:1:64 (dimension 0 is the batch)."),
        ("right:1=5", "Such as --dynamic right:1=2:5:10."),
        ("right:1=0:5:9", "Such as --dynamic right:1=2:5:10."),
        ("right:0=1:1:99999999", "Such as --dynamic right:0=1:1:64 (dimension 0 is the batch)."),
        ("right:7=1:1:2", "Choose from 0 to 1. Such as --dynamic right:0=1:1:64 (dimension 0 is the batch)."),
        ("right:1=1:5:9", "Give bounds that it takes; it runs with left 1x6, right 1x5."),
    ],
)
def test_examples_of_dynamic_are_of_the_model_s_own_inputs(
    model: tuple[LoadedModel, Any], asked: str, hint: str
) -> None:
    with pytest.raises(UsageError) as caught:
        apply_dynamic(*model, (asked,))
    assert caught.value.hint == hint


def test_bounds_of_one_size_are_told(model: tuple[LoadedModel, Any]) -> None:
    fixed = {
        "left:0=1:1:1": "dimension 0 of left is always 1",
        "left:1=6:6:6": "dimension 1 of left is always 6",
    }
    for asked, place in fixed.items():
        spec, _ = apply_dynamic(*model, (asked,))
        (told,) = set(spec.notes) - set(model[1].notes)
        assert told.startswith(f"--dynamic {asked} lets nothing vary: ") and place in told
    spec, _ = apply_dynamic(*model, ("left:0=1:1:1,8:8:8",))
    assert spec.notes == model[1].notes


def test_a_name_in_another_unicode_form_is_the_argument_s() -> None:
    """Python's identifiers are NFKC; a file system or a keyboard may give another form."""
    import unicodedata

    from models import names

    for text in ("größe", unicodedata.normalize("NFD", "größe")):
        options = LoadOptions(path=(str(SUPPORT),), inputs=(f"{text}:1x6",))
        loaded = load_source(parse_source("models.names:size"), options, lambda _: None)
        assert [t.name for t in inspect_model(loaded, options).inputs] == ["größe"]
    assert names.size
