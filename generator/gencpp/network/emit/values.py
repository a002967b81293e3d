"""What the attributes of equal layers may differ in, and how such values are written."""

from __future__ import annotations

import dataclasses
import math
import struct
from collections.abc import Mapping
from dataclasses import dataclass

from ...core.cpp import float_literal, string_literal
from ..plan import (
    Activation,
    Constant,
    Convolution,
    Deconvolution,
    Layer,
    NonMaxSuppression,
    Normalization,
    PlanWeight,
    Pooling,
    Resize,
    Shuffle,
    Sizes,
    Slice,
    weights_of,
)

INDENT = "  "

FEW = 8
"""Elements of a list that become parameters one by one; longer ones are part of the structure."""


@dataclass(frozen=True, slots=True)
class Code:
    """A part of a name that is an expression: `at`, `std::to_string(i)`."""

    text: str


Text = tuple[str | Code, ...]
"""A name, put together from literals and expressions."""


@dataclass(frozen=True, slots=True)
class Param:
    """A parameter of the function around, or several, times a factor."""

    names: tuple[str, ...]
    factor: int = 1


Value = int | float | bool | Sizes | Text | Param
"""What stands for an attribute: Sizes only where spatial dimensions differ, else one number for all."""

TYPES = {
    "bool": "bool",
    "int": "std::int64_t",
    "size": "std::int64_t",
    "spatial": "const Spatial&",
    "float": "float",
    "double": "double",
    "text": "const std::string&",
}
"""The C++ type of a parameter, by kind of value."""

_WINDOW = {"stride": "spatial", "pre_padding": "spatial", "post_padding": "spatial"}
_VARYING: dict[type[Layer], dict[str, str]] = {
    Constant: {"dims": "size", "values": "double"},
    Convolution: {**_WINDOW, "dilation": "spatial", "groups": "int"},
    Deconvolution: {**_WINDOW, "dilation": "spatial", "groups": "int"},
    Normalization: {"dims": "size", "epsilon": "float"},
    Activation: {"alpha": "float", "beta": "float"},
    Pooling: {"window": "spatial", **_WINDOW},
    Slice: {"start": "size", "size": "size", "stride": "size", "fill_value": "double"},
    Shuffle: {"reshape": "size"},
    NonMaxSuppression: {"overlap": "float", "score": "float"},
    Resize: {"sizes": "size", "scales": "float", "cubic_coefficient": "float"},
}
"""Fields that may differ between calls of one function, with their kinds; every other is structure."""


def spatial(sizes: Sizes) -> int | Sizes:
    """One number where all dimensions have the same."""
    return sizes[0] if len(set(sizes)) == 1 else sizes


def relative(name: str, path: str) -> Text:
    """A name as `at` and the rest, where it begins with the path; absolute elsewhere."""
    if path and name.startswith(path) and name[len(path) :][:1] in ("", ".", "/"):
        return join(Code("at"), name[len(path) :])
    return (name,)


def join(*parts: str | Code) -> Text:
    """Parts with neighbouring literals put together."""
    made: list[str | Code] = []
    for part in parts:
        if isinstance(part, str) and made and isinstance(made[-1], str):
            made[-1] += part
        elif part != "":
            made.append(part)
    return tuple(made) or ("",)


def holes(layer: Layer, path: str, table: Mapping[str, PlanWeight]) -> dict[str, tuple[str, Value]]:
    """Kind and value of what may vary, by field, or `field[i]` for lists; "name", named weights."""
    found: dict[str, tuple[str, Value]] = {"name": ("text", relative(layer.name, path))}
    for field, kind in _VARYING.get(type(layer), {}).items():
        value = getattr(layer, field)
        if kind == "spatial":
            found[field] = (kind, spatial(value))
        elif not isinstance(value, tuple):
            found[field] = (kind, value)
        elif len(value) <= FEW:
            found.update({f"{field}[{i}]": (kind, v) for i, v in enumerate(value)})
    if not named_after_layer(layer, table):
        for field in _weight_fields(layer):
            if name := getattr(layer, field):
                found[field] = ("text", relative(name, path))
    return found


def structure(layer: Layer, path: str, table: Mapping[str, PlanWeight]) -> tuple[object, ...]:
    """What is equal in all layers that one statement stands for."""
    varying = _VARYING.get(type(layer), {})
    fields: list[object] = [type(layer).__name__]
    name = relative(layer.name, path)
    fields.append(name if len(name) > 1 or isinstance(name[0], Code) or not path else "")
    short = named_after_layer(layer, table)
    for field in dataclasses.fields(layer):
        if field.name in ("name", "module", "inputs", "outputs"):
            continue
        value = getattr(layer, field.name)
        if field.name in _weight_fields(layer):
            fields.append("short" if short else bool(value))
        elif field.name not in varying or (isinstance(value, tuple) and len(value) > FEW):
            fields.append(value)
        elif isinstance(value, tuple) and varying[field.name] != "spatial":
            fields.append(len(value))
    return tuple(fields)


def named_after_layer(layer: Layer, table: Mapping[str, PlanWeight]) -> bool:
    """Whether C++ finds the layer's weights by its name alone."""
    if isinstance(layer, Constant):
        found = table.get(layer.weight)
        return found is not None and layer.weight == layer.name and found.dims == layer.dims
    fields = _weight_fields(layer)
    if len(fields) != 2:
        return False
    first, second = (getattr(layer, f) for f in fields)
    own = f"{layer.name}.{fields[1]}"
    absent = not second and own not in table and not isinstance(layer, Normalization)
    return bool(first == f"{layer.name}.{fields[0]}" and (second == own or absent))


def _weight_fields(layer: Layer) -> tuple[str, ...]:
    names = ("weight", "bias", "scale", "shift")
    found = tuple(f.name for f in dataclasses.fields(layer) if f.name in names)
    assert len(weights_of(layer)) <= len(found)
    return found


def text_code(text: Text) -> str:
    """A name as an expression that converts to std::string."""
    return " + ".join(string_literal(p) if isinstance(p, str) else p.text for p in text)


def code(kind: str, value: Value) -> str:
    """A value as C++."""
    if isinstance(value, Param):
        return " * ".join([*([str(value.factor)] if value.factor != 1 else []), *value.names])
    if kind == "text":
        assert isinstance(value, tuple)
        return text_code(value)  # type: ignore[arg-type]
    if kind == "spatial":
        return str(value) if isinstance(value, int) else f"{{{', '.join(map(str, value))}}}"  # type: ignore[arg-type]
    if kind == "bool":
        return "true" if value else "false"
    if kind in ("int", "size"):
        return str(value)
    assert isinstance(value, int | float)
    return _real(kind, value)


def _real(kind: str, value: float) -> str:
    if math.isnan(value):
        return f"std::numeric_limits<{kind}>::quiet_NaN()"
    if math.isinf(value):
        return f"{'-' if value < 0 else ''}std::numeric_limits<{kind}>::infinity()"
    if kind == "float":
        return float_literal(value)
    # as few digits as read back the float32 that it mostly is
    single = struct.unpack("f", struct.pack("f", value))[0] == value if abs(value) < 3e38 else False
    text = float_literal(value).removesuffix("F") if single else repr(float(value))
    if float(text).is_integer() and "e" not in text and not text.startswith("-0"):  # -0 is the integer 0
        return text.removesuffix(".0")
    return text
