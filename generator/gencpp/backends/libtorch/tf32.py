"""float32 that is computed in float32: TF32 off while something is compiled and compared."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any


@contextlib.contextmanager
def without_tf32() -> Iterator[None]:
    """cuBLAS and cuDNN keep float32 inside, as in the programs (`configure_process`).

    Afterwards all is as before. torch has two kinds of switches for it: the older ones, which torch's own
    compiler asks, raise where somebody used the newer (from 2.9 on) and the two do not agree.
    """
    import torch

    cudnn, backends = torch.backends.cudnn, torch.backends
    places: list[Any] = [backends.cuda.matmul, getattr(backends.mkldnn, "matmul", None)]
    places += [getattr(cudnn, name, None) for name in ("conv", "rnn")]
    newer = [place for place in places if hasattr(place, "fp32_precision")]
    with contextlib.ExitStack() as undo:
        for place in newer:  # saved first, put back last: the older switches change these
            undo.callback(setattr, place, "fp32_precision", place.fp32_precision)
        with contextlib.suppress(RuntimeError):
            undo.callback(torch.set_float32_matmul_precision, torch.get_float32_matmul_precision())
            torch.set_float32_matmul_precision("highest")
        with contextlib.suppress(RuntimeError):
            undo.callback(setattr, cudnn, "allow_tf32", cudnn.allow_tf32)
        cudnn.allow_tf32 = False
        for place in newer:
            place.fp32_precision = "ieee"
        yield
