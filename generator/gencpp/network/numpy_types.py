"""numpy's types of what plans hold."""

from __future__ import annotations

from typing import Any

from ..core.spec import DType


def numpy_type(dtype: DType) -> Any:
    """numpy's type for an element type; bfloat16 is ml_dtypes', which onnx depends on."""
    import numpy as np

    if dtype is DType.bfloat16:
        import ml_dtypes

        return np.dtype(ml_dtypes.bfloat16)
    return np.dtype(dtype.value)
