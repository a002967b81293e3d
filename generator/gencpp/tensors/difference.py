"""The difference of two answers, as everything here compares them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """In float64, of tensors or arrays of one shape."""

    absolute: float
    """max |reference - other|; inf where shapes differ or an element is no number."""
    largest: float
    """max |reference|"""

    @property
    def relative(self) -> float:
        """`absolute` over `largest`: 0 where nothing differs, inf where there is no such number."""
        if self.absolute == 0.0:
            return 0.0
        return self.absolute / self.largest if 0.0 < self.largest < math.inf else math.inf


def difference(reference: Any, other: Any) -> Difference:
    """Of torch tensors or NumPy arrays, of any element type."""
    import numpy as np

    if tuple(reference.shape) != tuple(other.shape):
        return Difference(absolute=math.inf, largest=0.0)
    a, b = _float64(reference), _float64(other)
    if a.size == 0:
        return Difference(absolute=0.0, largest=0.0)
    with np.errstate(invalid="ignore"):  # inf - inf is no number, which is told
        absolute = float(np.abs(a - b).max())
    return Difference(absolute=math.inf if math.isnan(absolute) else absolute, largest=float(np.abs(a).max()))


def _float64(values: Any) -> Any:
    import numpy as np

    if isinstance(values, np.ndarray):
        return values.astype(np.float64)
    return values.detach().double().cpu().numpy()
