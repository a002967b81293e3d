import random
import re
import struct

import pytest
from samples import classifier

from gencpp.core import cpp
from gencpp.project import headers


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
