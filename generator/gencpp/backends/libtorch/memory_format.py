"""Channels-last order: a model's 4-D weights and inputs as height x width x channels in memory."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Iterator
from typing import Any

from ...core.loaded import LoadedModel
from .variants import Unsuited


def check_weights(loaded: LoadedModel) -> None:
    """Raises Unsuited for a model of videos or volumes, whose convolutions are all 3-D."""
    ranks = {t.dim() for t in _weights(loaded.module)}
    if 5 in ranks and 4 not in ranks:
        raise Unsuited(
            f"{loaded.source_text} cannot take channels-last order: its convolutions are 3-D (weights of five"
            " dimensions), the order is for 2-D ones",
            feature="channels_last",
        )


def in_channels_last(module: Any) -> Any:
    """A copy of `module` with its 4-D weights in that order; others stay (torch's `to` refuses 5-D ones)."""
    import torch

    made = copy.deepcopy(module)
    for tensor in _weights(made):
        if tensor.dim() == 4:
            tensor.data = tensor.data.contiguous(memory_format=torch.channels_last)
    return made


def _weights(module: Any) -> Iterator[Any]:
    return itertools.chain(module.parameters(), module.buffers())
