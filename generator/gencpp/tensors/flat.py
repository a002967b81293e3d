"""Modules that return dicts, named tuples and None, for exporters that take tuples of tensors only."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .fast_path import fast_path_off
from .module import flatten_outputs

_INNER = "gencpp_model"
PREFIX = f"{_INNER}."
"""What the names of modules, parameters and buffers begin with inside of `flat_module`."""


def flat_module(module: Any) -> Any:
    """One around `module` that returns the tensors of its outputs as a flat tuple, as flatten_outputs does.

    Its forward takes `*tensors`: what torch.export is told of inputs has to go through `shapes_for`.
    """
    import torch

    class Flat(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            setattr(self, _INNER, module)

        def forward(self, *tensors: Any) -> tuple[Any, ...]:
            return tuple(t for _, t in flatten_outputs(getattr(self, _INNER)(*tensors)))

    return Flat().eval()


def with_flat_outputs(module: Any, inputs: Sequence[Any]) -> Any:
    """`module` itself where it returns tensors in tuples and lists; else `flat_module` of it.

    Runs it once, on copies of `inputs`.
    """
    import torch

    with torch.no_grad(), fast_path_off():
        value = module(*[t.clone() for t in inputs])
    return module if _plain(value) else flat_module(module)


def shapes_for(module: Any, shapes: Any) -> Any:
    """torch.export's `dynamic_shapes`, by input, as `module` takes its inputs."""
    return (shapes,) if shapes and hasattr(module, _INNER) else shapes


def without_prefix(text: str) -> str:
    """Names as the user's module has them."""
    return text.replace(PREFIX, "")


def _plain(value: Any) -> bool:
    import torch

    if type(value) in (tuple, list):
        return all(map(_plain, value))
    return isinstance(value, torch.Tensor)
