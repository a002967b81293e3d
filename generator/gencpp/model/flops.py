"""Multiply-adds of operators that torch's flop counter leaves out, on some versions or on all.

torch.utils.flop_counter counts what decomposes into mm, bmm, addmm, baddbmm and convolutions, and attention
for GPUs; the CPU's attention only from 2.15 on. On a CPU a whole LSTM is one operator of oneDNN.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any


def formulas() -> dict[Any, Callable[..., int]]:
    """For FlopCounterMode's `custom_mapping`: floating-point operations by the shapes of the arguments."""
    import torch

    by_name: dict[str, Callable[..., int]] = {
        "_scaled_dot_product_flash_attention_for_cpu": _attention,
        "_scaled_dot_product_fused_attention_overrideable": _attention,
        "mkldnn_rnn_layer": _recurrent_layer,
        "mv": _vector_product,
        "addmv": lambda _, matrix, *rest, **named: _vector_product(matrix),
        "dot": _vector_product,
        "vdot": _vector_product,
        "addbmm": lambda _, first, second, *rest, **named: 2 * _product((*first, second[-1])),
        "_trilinear": _trilinear,
    }
    aten = torch.ops.aten
    return {getattr(aten, name): formula for name, formula in by_name.items() if hasattr(aten, name)}


def _product(sizes: Any) -> int:
    return int(math.prod(sizes))


def _attention(query: Any, key: Any, value: Any, *rest: Any, **named: Any) -> int:
    """Scores, and their product with the values; masked positions count, too. Shapes: ...x length x width."""
    return 2 * _product(query[:-1]) * int(key[-2] * (query[-1] + value[-1]))


def _recurrent_layer(inputs: Any, of_input: Any, of_hidden: Any, *rest: Any, **named: Any) -> int:
    """One direction of one layer: each step of each sequence meets all weights (gates x width) once."""
    return 2 * _product(inputs[:-1]) * (_product(of_input) + _product(of_hidden))


def _vector_product(first: Any, *rest: Any, **named: Any) -> int:
    return 2 * _product(first)


def _trilinear(
    first: Any,
    weight: Any,
    second: Any,
    first_new: Any,
    weight_new: Any,
    second_new: Any,
    *rest: Any,
    **named: Any,
) -> int:
    """Three factors, each broadcast along its new dimensions; every combination of indices counts as one
    multiply-add, as for a product of two factors.
    """

    def expanded(shape: Any, new: Any) -> list[int]:
        sizes = list(shape)
        for dim in sorted(new):
            sizes.insert(dim, 1)
        return sizes

    shapes = (expanded(first, first_new), expanded(weight, weight_new), expanded(second, second_new))
    return 2 * _product(max(sizes) for sizes in zip(*shapes, strict=True))
