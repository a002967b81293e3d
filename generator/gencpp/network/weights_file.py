"""assets/weights.bin: the arrays of a plan one after the other, aligned, as little-endian bytes."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..core.errors import UsageError
from ..core.spec import DType
from .numpy_types import numpy_type
from .plan import PlanWeight

ALIGNMENT = 64
"""Bytes: a cache line, and enough for every element type."""


def layout(weights: Mapping[str, Any]) -> tuple[PlanWeight, ...]:
    """Where each array lies, in the order given; numpy arrays of element types that plans have."""
    table: list[PlanWeight] = []
    offset = 0
    for name, array in weights.items():
        raw = _bytes(array)
        table.append(
            PlanWeight(
                name=name,
                dtype=DType(array.dtype.name),
                dims=tuple(int(d) for d in array.shape),
                offset=offset,
                size=raw.nbytes,
                sha256=hashlib.sha256(raw).hexdigest(),
            )
        )
        offset = _aligned(offset + raw.nbytes)
    return tuple(table)


def write(path: Path, weights: Mapping[str, Any], table: Sequence[PlanWeight]) -> None:
    """Writes the arrays where the table has them; arrays that read() mapped from the same file are safe."""
    aside = path.with_name(path.name + ".new")
    with aside.open("wb") as file:
        for entry in table:
            raw = _bytes(weights[entry.name])
            if raw.nbytes != entry.size:
                raise UsageError(f"weights {entry.name}: {raw.nbytes} bytes, the table has {entry.size}")
            file.write(bytes(entry.offset - file.tell()))
            file.write(raw)
    aside.replace(path)


def read(path: Path, table: Sequence[PlanWeight]) -> dict[str, Any]:
    """The arrays by name, read-only, mapped from the file; raises UsageError where it is not the table's."""
    import numpy as np

    end = max((entry.offset + entry.size for entry in table), default=0)
    if (found := path.stat().st_size) != end:
        raise UsageError(
            f"{path.name} has {found} bytes, the table of weights {end}",
            hint="generate the project again: the file and the table belong together.",
        )
    mapped = np.memmap(path, np.uint8, "r") if end else np.zeros(0, np.uint8)
    arrays: dict[str, Any] = {}
    for entry in table:
        kind = numpy_type(entry.dtype).newbyteorder("<")
        raw = mapped[entry.offset : entry.offset + entry.size]
        count = int(np.prod(entry.dims, dtype=np.int64)) * kind.itemsize
        if count != entry.size:
            raise UsageError(f"weights {entry.name}: {entry.size} bytes for {entry.dims} of {entry.dtype}")
        arrays[entry.name] = raw.view(kind).reshape(entry.dims)
    return arrays


def _bytes(array: Any) -> memoryview:
    """The array's elements, little-endian, the last dimension densest."""
    import numpy as np

    dense = np.ascontiguousarray(array)
    if sys.byteorder == "big":
        dense = dense.astype(dense.dtype.newbyteorder("<"))
    raw: Any = dense.reshape(-1).view(np.uint8)
    return memoryview(raw)


def _aligned(offset: int) -> int:
    return -(-offset // ALIGNMENT) * ALIGNMENT
