"""Examples of --input, made of what is known of a model: names, types, the sizes of its first layer."""

from __future__ import annotations

import inspect
import re
import typing
from collections.abc import Mapping, Sequence
from typing import Any

from ..core.spec import DType
from ..tensors.module import forward_arguments

_NUMBERS = {"int": DType.int64, "float": DType.float32, "bool": DType.bool_}

_LENGTH, _SIDE, _FRAMES = 16, 224, 16
"""Of a sequence, a picture and a clip, where an example needs one."""

_SPATIAL = {"Conv1d": (_LENGTH,), "Conv2d": (_SIDE, _SIDE), "Conv3d": (_FRAMES, _SIDE, _SIDE)}

_GROUP = re.compile(r"(tuple|list|dict|sequence|mapping|ordereddict)\b", re.IGNORECASE)

UNKNOWN = "SHAPE:TYPE"
LEGEND = "SHAPE as 1x3x224x224, TYPE as float32, int64 or bool"


def input_examples(module: Any) -> str:
    """`--input image:1x3x224x224:float32 --input rate::int64`, for each argument that forward requires.

    A number is a scalar. The first tensor is as the module's first layer takes it; of what nobody knows,
    SHAPE:TYPE stands for it, and what is meant by that is said.
    """
    names = forward_arguments(module)[0] or ["x"]
    numbers = _numbers(module)
    tensors = [name for name in names if name not in numbers]
    known = {name: f":{numbers[name]}" for name in names if name in numbers}
    if tensors and (first := _first_layer(module)):
        known[tensors[0]] = first
    text = " ".join(f"--input {name}:{known.get(name, UNKNOWN)}" for name in names)
    return text if set(names) <= set(known) else f"{text} ({LEGEND})"


def grouped_arguments(module: Any) -> dict[str, str]:
    """Arguments that forward requires as tuples, lists or dicts, with these types as they are written."""
    return {n: text for n, text in _types(module, forward_arguments(module)[0]).items() if _GROUP.match(text)}


def _numbers(module: Any) -> Mapping[str, DType]:
    """The arguments of forward that are numbers by their annotations, or by the TorchScript's types."""
    types = _types(module, forward_arguments(module)[0])
    words = {name: re.sub(r"^Optional\[(.*)\]$|\s*\|\s*None$", r"\1", text) for name, text in types.items()}
    return {name: _NUMBERS[word] for name, word in words.items() if word in _NUMBERS}


def _types(module: Any, names: Sequence[str]) -> dict[str, str]:
    forward = getattr(module, "forward", None)
    schema = getattr(forward, "schema", None)
    if schema is not None:
        found = {a.name: str(a.type) for a in schema.arguments}
    else:
        try:
            found = {n: _plain(a) for n, a in typing.get_type_hints(forward).items()}
        except Exception:  # noqa: BLE001 - annotations are the user's code
            found = {n: _plain(a) for n, a in (inspect.get_annotations(forward) if forward else {}).items()}
    return {name: found[name] for name in names if name in found}


def _plain(annotation: Any) -> str:
    text = annotation.__name__ if type(annotation) is type else str(annotation)
    return re.sub(r"\b(typing|collections\.abc|torch)\.", "", text)


def _first_layer(module: Any) -> str:
    """`1x3x224x224:float32` as the first layer with weights takes it; empty where that is not known."""
    for layer in module.modules():
        weight = getattr(layer, "weight", None)
        kind = getattr(layer, "original_name", type(layer).__name__)
        shape = tuple(getattr(weight, "shape", ()))
        if kind in ("LSTM", "GRU", "RNN"):
            width = tuple(getattr(getattr(layer, "weight_ih_l0", None), "shape", ()))
            return f"1x{_LENGTH}x{width[1]}:float32" if len(width) == 2 else ""
        if kind == "Linear" and len(shape) == 2:
            return f"1x{shape[1]}:float32"
        if kind == "Embedding" and len(shape) == 2:
            return f"1x{_LENGTH}:int64"
        spatial = _SPATIAL.get(kind)
        if spatial is not None and len(shape) == len(spatial) + 2:
            sizes = (1, shape[1] * getattr(layer, "groups", 1), *spatial)
            return f"{'x'.join(map(str, sizes))}:float32"
        if shape:
            return ""
    return ""
