"""PyTorch's fast path for attention, off alike in the reference, in every export and in what is scripted.

nn.TransformerEncoder and nn.MultiheadAttention call fused operators when nothing needs gradients. These give
other numbers: 0 at padded places when a mask is left-aligned. No exporter keeps them, and TorchScript would
always take them; so the plain operators are the reference. Imports nothing of this package.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


def _never() -> bool:
    """In place of torch.backends.mha.get_fastpath_enabled, which TorchScript compiles as True."""
    return False


@contextmanager
def fast_path_off() -> Iterator[None]:
    """Attention by plain operators inside, also in what is scripted inside; as it was afterwards."""
    import torch

    mha: Any = torch.backends.mha
    asked, enabled = mha.get_fastpath_enabled, mha.get_fastpath_enabled()
    mha.set_fastpath_enabled(False)
    mha.get_fastpath_enabled = _never
    try:
        yield
    finally:
        mha.get_fastpath_enabled = asked
        mha.set_fastpath_enabled(enabled)


@contextmanager
def fast_path_on() -> Iterator[None]:
    """As a user's `model.eval()` runs: with it."""
    import torch

    mha: Any = torch.backends.mha
    enabled = mha.get_fastpath_enabled()
    mha.set_fastpath_enabled(True)
    try:
        yield
    finally:
        mha.set_fastpath_enabled(enabled)


def has_fast_path(module: Any) -> bool:
    """Whether a module holds what takes it in eager PyTorch."""
    import torch
    from torch import nn

    if isinstance(module, torch.jit.ScriptModule):
        return False  # it is fixed in the file, and the same wherever that runs
    kinds = (nn.MultiheadAttention, nn.TransformerEncoderLayer, nn.TransformerEncoder)
    return any(isinstance(m, kinds) for m in module.modules())
