"""Outputs whose sizes depend on the inputs' values, not on their sizes alone.

A size that differs between two inputs of equal sizes is one. One that is the same for every input that was
tried may be one, too: where the model has operators that make sizes of values, torch.export says which sizes
it cannot know, and between which bounds they lie.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from ...core.errors import UsageError
from ...core.messages import quiet_compiler
from ...core.spec import UNBOUNDED, Dim, TensorSpec
from ...tensors.fast_path import fast_path_off

Bounds = Mapping[tuple[int, int], int]
"""The largest size of each dimension that depends on values, by (output, dimension)."""

Seen = Sequence[Sequence[tuple[int, ...]]]
"""The shapes of all outputs, for each of several inputs of equal sizes."""


def dims_of_outputs(
    names: Sequence[str], seen: Seen, bounds: Bounds, *, by_values: bool
) -> list[tuple[Dim, ...]]:
    """The dimensions of every output, fixed or of values.

    `by_values`: whether the model has operators that make sizes of values, so that an output may be empty.
    Raises UsageError where it is empty all the same, and where the number of outputs or of their dimensions
    depends on values.
    """
    for shapes in seen:
        if [len(s) for s in shapes] != [len(s) for s in seen[0]]:
            first, other = (
                ", ".join("x".join(map(str, s)) or "a scalar" for s in x) for x in (seen[0], shapes)
            )
            raise UsageError(
                "the number of outputs, or of their dimensions, depends on the inputs' values:"
                f" {first}, then {other}",
                hint="return tensors of one number of dimensions: keep those of size 1.",
            )
    return [
        tuple(
            _dim(name, [s[i] for s in seen], d, bounds.get((i, d)), by_values) for d in range(len(seen[0][i]))
        )
        for i, name in enumerate(names)
    ]


def _dim(name: str, shapes: Sequence[tuple[int, ...]], d: int, bound: int | None, by_values: bool) -> Dim:
    sizes = [s[d] for s in shapes]
    if len(set(sizes)) == 1 and bound is None and not (by_values and 0 in sizes):
        if 0 in sizes:
            raise UsageError(
                f"output {name} is empty (shape {shapes[0]})", hint="pass larger inputs with --input."
            )
        return Dim.fixed(sizes[0])
    # A bound that a run went beyond is none.
    most = bound if bound is not None and bound >= max(sizes) else UNBOUNDED
    return Dim(min=0, opt=sizes[0], max=most, of_values=True)


def without_bounds(outputs: Sequence[TensorSpec]) -> tuple[TensorSpec, ...]:
    """For inputs whose sizes vary: a bound was found for one size of them."""
    return tuple(
        replace(t, dims=tuple(replace(d, max=UNBOUNDED) if d.of_values else d for d in t.dims))
        for t in outputs
    )


def unknown_sizes(module: Any, inputs: Sequence[Any]) -> Bounds:
    """What torch.export cannot know of the outputs' sizes; empty where it fails: then the runs alone tell."""
    import torch

    if isinstance(module, torch.jit.ScriptModule):
        return {}
    try:
        with quiet_compiler(), torch.no_grad(), fast_path_off(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return _unknown(torch.export.export(module, tuple(t.clone() for t in inputs)))
    except Exception:  # noqa: BLE001 - exporting raises many kinds
        return {}


def _unknown(program: Any) -> Bounds:
    import torch

    found: dict[tuple[int, int], int] = {}
    output = next(n for n in program.graph.nodes if n.op == "output")
    index = 0
    for node, spec in zip(output.args[0], program.graph_signature.output_specs, strict=True):
        value = getattr(node, "meta", {}).get("val")
        if spec.kind.name != "USER_OUTPUT" or not isinstance(value, torch.Tensor):
            continue
        for d, size in enumerate(value.shape):
            if isinstance(size, torch.SymInt):
                found[index, d] = _upper(size, program.range_constraints)
        index += 1
    return found


def _upper(size: Any, ranges: Mapping[Any, Any]) -> int:
    from torch.utils._sympy.value_ranges import bound_sympy

    try:
        upper = int(bound_sympy(size.node.expr, dict(ranges)).upper)
    except (OverflowError, TypeError, ValueError):  # an infinity of sympy's
        return UNBOUNDED
    return min(upper, UNBOUNDED) if upper < UNBOUNDED // 2 else UNBOUNDED
