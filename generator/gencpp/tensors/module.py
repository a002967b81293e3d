"""What goes into and comes out of a module: names, element types, flat lists of tensors."""

from __future__ import annotations

import inspect
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ..core.errors import UsageError
from ..core.spec import Dim, DType, TensorSpec
from ..core.values import parse_values
from .fast_path import fast_path_off

MAX_ELEMENTS = 2**31 - 1
"""Of an input."""


def flatten_outputs(value: Any) -> list[tuple[str, Any]]:
    """(name, tensor) for every tensor in a module's return value, in order; None is dropped.

    A single tensor is `output`; a tuple or list gives `output_0`, `output_1`, ...; dicts and named
    tuples give their keys; nested values join names by `_`. Raises UsageError for anything else.
    """
    import torch

    wrong: list[str] = []

    def walk(name: str, v: Any) -> Iterator[tuple[str, Any]]:
        if v is None:
            return
        if isinstance(v, torch.Tensor):
            yield name or "output", v
        elif isinstance(v, Mapping):
            for key, item in v.items():
                yield from walk(f"{name}_{key}" if name else str(key), item)
        elif isinstance(v, tuple) and hasattr(v, "_fields"):
            for key, item in zip(v._fields, v, strict=True):
                yield from walk(f"{name}_{key}" if name else str(key), item)
        elif isinstance(v, list | tuple):
            for i, item in enumerate(v):
                yield from walk(f"{name or 'output'}_{i}", item)
        else:
            wrong.append(f"{name or 'output'} is {type(v).__name__}")

    flat = list(walk("", value))
    if wrong:
        raise UsageError(
            "the model returns values that are not tensors: " + ", ".join(wrong),
            hint="wrap it in an nn.Module whose forward returns tensors (or tuples or dicts of tensors).",
        )
    if not flat:
        raise UsageError("the model returns no tensor", hint="its forward must return at least one tensor.")
    seen: dict[str, int] = {}
    named = []
    for name, tensor in flat:
        n = seen.get(name, 0)
        seen[name] = n + 1
        named.append((name if n == 0 else f"{name}_{n}", tensor))
    return named


def run_module(module: Any, inputs: Sequence[Any]) -> list[tuple[str, Any]]:
    """The module's outputs for positional inputs, under inference_mode, as `flatten_outputs` gives them.

    The module gets copies: one that changes its inputs in place leaves the caller's alone. Attention runs by
    plain operators, as it does in every artifact; see fast_path.
    """
    import torch

    with torch.inference_mode(), fast_path_off():
        return flatten_outputs(module(*[t.clone() for t in inputs]))


def torch_dtype(dtype: DType) -> Any:
    """torch's dtype for ours."""
    import torch

    return getattr(torch, dtype.value)


def dtype_of(tensor: Any, where: str) -> DType:
    """Our dtype of a tensor; raises UsageError for one that the C++ API does not carry."""
    text = str(tensor.dtype).removeprefix("torch.")
    try:
        return DType(text)
    except ValueError:
        raise UsageError(
            f"{where} has element type {text}, which gencpp does not carry",
            hint="supported: " + ", ".join(d.value for d in DType),
        ) from None


def forward_arguments(module: Any) -> tuple[list[str], list[str]]:
    """(required, optional) names of forward's positional arguments; *args and **kwargs are not named."""
    required: list[str] = []
    optional: list[str] = []
    schema = getattr(getattr(module, "forward", None), "schema", None)
    if schema is not None:  # a ScriptMethod
        for a in schema.arguments[1:]:
            (optional if a.has_default_value() else required).append(a.name)
        return required, optional
    for p in _parameters(module):
        if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD):
            (required if p.default is p.empty else optional).append(p.name)
    return required, optional


def keyword_only_arguments(module: Any) -> list[str]:
    """Names of forward's arguments that have no default and no position."""
    return [p.name for p in _parameters(module) if p.kind is p.KEYWORD_ONLY and p.default is p.empty]


def defaults_of(module: Any, given: Sequence[str]) -> list[str]:
    """`scale=2.0`: forward's arguments beside the `given` ones, with what they are without being given."""
    named = [p for p in _parameters(module) if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
    return [
        f"{p.name}={repr(p.default)[:40]}" for p in named if p.name not in given and p.default is not p.empty
    ]


def _parameters(module: Any) -> list[inspect.Parameter]:
    """Of a Python forward; none where it is TorchScript's."""
    if getattr(getattr(module, "forward", None), "schema", None) is not None:
        return []
    try:
        return list(inspect.signature(module.forward).parameters.values())
    except (TypeError, ValueError):
        return []


def parse_input(text: str) -> TensorSpec:
    """`name:1x3x224x224:float32` as a TensorSpec of fixed dims; the dtype may be left out (float32).

    Behind `=` is what its elements are drawn from: `ids:1x12:int64=0..99`; see values.parse_values.
    """
    description, equals, drawn = text.partition("=")
    parts = description.split(":")
    name = parts[0].strip()
    own = name if name.isidentifier() else "NAME"
    example = f"write it as {own}:SHAPE:TYPE, such as {own}:1x3x224x224:float32, or {own}::int64 for a scalar"
    if len(parts) not in (2, 3) or not name:
        raise UsageError(f"--input {text!r} is not understood", hint=example)
    dims_text = parts[1].strip().lower()
    try:
        sizes = [int(d) for d in dims_text.split("x")] if dims_text else []
    except ValueError:
        raise UsageError(f"--input {text!r}: {dims_text!r} is not a list of sizes", hint=example) from None
    if any(s < 1 for s in sizes):
        raise UsageError(f"--input {text!r}: every size must be at least 1", hint=example)
    if math.prod(sizes) > MAX_ELEMENTS:
        raise UsageError(
            f"--input {text!r}: more than {MAX_ELEMENTS} elements are not supported", hint=example
        )
    try:
        dtype = DType(parts[2].strip()) if len(parts) == 3 else DType.float32
    except ValueError:
        raise UsageError(
            f"--input {text!r}: unknown element type {parts[2]!r}",
            hint="one of " + ", ".join(d.value for d in DType),
        ) from None
    values = parse_values(drawn, dtype, tuple(sizes), f"--input {text!r}") if equals else None
    return TensorSpec(name=name, dtype=dtype, dims=tuple(Dim.fixed(s) for s in sizes), values=values)
