import random
import re
import struct
from dataclasses import replace

import pytest
from samples import classifier

from gencpp.core import cpp
from gencpp.core.spec import (
    GeometryStep,
    GrayscaleStep,
    Interpolation,
    PadMode,
    PadStep,
    PreprocessSpec,
    Resampling,
    ResizeStep,
)
from gencpp.project import headers
from gencpp.project.readme import step_text


def read_back(literal: str) -> bytes:
    """What a C++ compiler makes of a string literal."""
    body = literal[1:-1]
    simple = {"n": b"\n", "t": b"\t", '"': b'"', "\\": b"\\", "?": b"?"}

    def one(match: re.Match[str]) -> str:
        escape = match.group(1)
        byte = bytes([int(escape, 8)]) if escape[0].isdigit() else simple[escape]
        return byte.decode("latin-1")

    return re.sub(r"\\([0-7]{3}|.)", one, body).encode("latin-1")


@pytest.mark.parametrize(
    "text", ["plain", 'say "hi"', "back\\slash", "a\nb\tc", "café ☕", "what??/", "\x01" + "2"]
)
def test_string_literals_read_back(text: str) -> None:
    literal = cpp.string_literal(text)
    assert literal.isascii()
    assert read_back(literal) == text.encode()


def test_float_literals_are_exact() -> None:
    generator = random.Random(0)
    values = [0.485, 0.229, 1.0, 0.0, 255.0, 1e-30, 1 / 3, -2.5]
    values += [generator.uniform(-1, 1) * 10 ** generator.randint(-20, 20) for _ in range(2000)]
    for value in values:
        literal = cpp.float_literal(value)
        assert re.fullmatch(r"-?\d+(\.\d+)?(e[+-]\d+)?F", literal), literal
        assert struct.pack("f", float(literal[:-1])) == struct.pack("f", value)


def test_model_info_says_what_the_spec_says() -> None:
    header = headers.model_info_header("sample", classifier().model)
    sizes = "Dims{1, 3, 224, 224}, Dims{1, 3, 224, 224}, Dims{8, 3, 224, 224}"
    assert f'TensorFacts{{"x", DType::float32, {sizes}, 0.0, 0}}' in header
    assert "Resize{256, 0, 0, 0, Interpolation::bilinear}" in header
    assert "CenterCrop{224, 224}" in header
    assert "kMean{0.485F, 0.456F, 0.406F}" in header
    assert "kLabelCount = 3" in header


def test_every_step_of_pictures_is_a_fact() -> None:
    steps = (
        GeometryStep(grayscale=GrayscaleStep()),
        GeometryStep(pad=PadStep(left=1, top=2, right=3, bottom=4)),
        GeometryStep(pad=PadStep(left=1, mode=PadMode.reflect, of_tensor=True)),
        GeometryStep(pad=PadStep(top=1, fill=(9, 9, 9))),
        GeometryStep(
            resize=ResizeStep(
                size=(28, 30), interpolation=Interpolation.nearest_exact, resampling=Resampling.torch
            )
        ),
    )
    spec = PreprocessSpec(geometry=steps, mean=(0.25,), std=(0.5,), source="x")
    header = headers.model_info_header("sample", replace(classifier().model, preprocess=spec))
    for fact in (
        "    Grayscale{},\n",
        "    Pad{1, 2, 3, 4, PadMode::constant},\n",
        "    Pad{1, 0, 0, 0, PadMode::reflect, {0, 0, 0}, true},\n",
        "    Pad{0, 1, 0, 0, PadMode::constant, {9, 9, 9}},\n",
        "    Resize{0, 0, 28, 30, Interpolation::nearest_exact, Resampling::torch},\n",
        "kChannels = 1;",
        "kMean{0.25F, 0.25F, 0.25F}",
    ):
        assert fact in header
    assert [step_text(s) for s in steps] == [
        "convert to grey (1 channel)",
        "pad by 1 left, 2 above, 3 right and 4 below with 0",
        "pad by 1 left, 0 above, 0 right and 0 below (reflect)",
        "pad by 0 left, 1 above, 0 right and 0 below with 9",
        "resize to 28x30 (nearest-exact, as torch does it with uint8 tensors)",
    ]
