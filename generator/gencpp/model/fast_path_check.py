"""Whether eager PyTorch with its fast path answers as the reference does, which has it off."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

from ..core import tolerances
from ..core.errors import GencppError
from ..core.spec import TensorSpec
from ..tensors.difference import difference
from ..tensors.fast_path import fast_path_on, has_fast_path
from ..tensors.module import flatten_outputs, run_module
from ..tensors.stimuli import further_seeds, seeded_inputs

_SEED = 90_011


def fast_path_notes(
    module: Any, inputs: Sequence[TensorSpec], outputs: Sequence[TensorSpec]
) -> tuple[str, ...]:
    """What a user of the eager model sees otherwise than in C++; nothing where the answers are the same."""
    import torch

    if not has_fast_path(module):
        return ()
    seeds, _ = further_seeds(inputs, [(_SEED, 1)], _SEED + 1)
    found: dict[str, tuple[float, bool]] = {}
    failed = ""
    for seed in (_SEED, *seeds):
        tensors = seeded_inputs(inputs, seed)
        reference = run_module(module, tensors)
        try:
            with torch.inference_mode(), fast_path_on(), warnings.catch_warnings():
                warnings.simplefilter("ignore")  # nested tensors call themselves a prototype
                fast = flatten_outputs(module(*[t.clone() for t in tensors]))
        except GencppError:
            continue
        except Exception as e:  # noqa: BLE001 - torch raises many kinds
            failed = failed or f"{type(e).__name__}: {(str(e).strip().splitlines() or [''])[0][:120]}"
            continue
        for spec, (_, a), (_, b) in zip(outputs, reference, fast, strict=False):
            relative, zeros = _difference(a, b)
            if relative > tolerances.PARITY:
                before = found.get(spec.name, (0.0, True))
                found[spec.name] = (max(before[0], relative), before[1] and zeros)
    notes = []
    remedy = "torch.backends.mha.set_fastpath_enabled(False) makes Python answer as the C++ program does."
    if found:
        told = ", ".join(
            f"{name} differs by up to {relative:.1g} of its largest value"
            + (" (it is 0 at padded places)" if zeros else "")
            for name, (relative, zeros) in found.items()
        )
        notes.append(
            "PyTorch's fast path for attention is off in the reference and in the C++ program. Eager"
            f" PyTorch takes it, and then for some masks {told}. {remedy}"
        )
    elif failed:
        notes.append(
            "PyTorch's fast path for attention, which is off in the reference and in the C++ program, fails"
            f" in eager PyTorch for some masks that are in the goldens ({failed}). {remedy}"
        )
    return tuple(notes)


def _difference(plain: Any, fast: Any) -> tuple[float, bool]:
    """(largest difference relative to the largest value, whether the fast path gives 0 where they differ)."""
    if plain.shape != fast.shape or not plain.is_floating_point():
        return (float("inf"), False) if plain.shape != fast.shape else (0.0, False)
    found = difference(plain, fast)
    apart = (plain.double() - fast.double()).abs() > tolerances.PARITY * found.largest
    return found.relative, bool((fast[apart] == 0).all())
