"""assets/weights.bin: aligned, little-endian, checked when it is read."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest

from gencpp.core.errors import UsageError
from gencpp.core.spec import DType
from gencpp.network.weights_file import ALIGNMENT, layout, read, write


def arrays() -> dict[str, Any]:
    import numpy as np

    return {
        "conv.weight": np.arange(24, dtype=np.float32).reshape(2, 3, 2, 2) / 7,
        "transposed": np.arange(6, dtype=np.float16).reshape(2, 3).T,
        "scalar": np.array(0.25, np.float32),
        "ids": np.array([-1, 2**40], np.int64),
        "mask": np.array([True, False, True]),
        "int8": np.array([-128, 127], np.int8),
        "empty": np.zeros((0, 3), np.float32),
        "last": np.array([1.5], np.float32),
    }


def test_there_and_back(tmp_path: Path) -> None:
    import numpy as np

    weights = arrays()
    table = layout(weights)
    write(tmp_path / "weights.bin", weights, table)
    found = read(tmp_path / "weights.bin", table)
    assert list(found) == list(weights)
    for name, array in weights.items():
        assert found[name].dtype == array.dtype and found[name].shape == array.shape
        assert np.array_equal(found[name], array)
        assert not found[name].flags.writeable


def test_the_table_says_where_the_bytes_are(tmp_path: Path) -> None:
    table = layout(arrays())
    write(tmp_path / "weights.bin", arrays(), table)
    raw = (tmp_path / "weights.bin").read_bytes()
    assert ALIGNMENT == 64 and all(entry.offset % 64 == 0 for entry in table)
    assert len(raw) == table[-1].offset + table[-1].size
    for entry in table:
        part = raw[entry.offset : entry.offset + entry.size]
        assert hashlib.sha256(part).hexdigest() == entry.sha256
    by_name = {entry.name: entry for entry in table}
    ids = by_name["ids"]
    assert (ids.dtype, ids.dims, ids.size) == (DType.int64, (2,), 16)
    assert raw[ids.offset : ids.offset + 16] == (-1).to_bytes(8, "little", signed=True) + (2**40).to_bytes(
        8, "little"
    )
    # the last dimension is densest, whatever the array's strides were
    half = by_name["transposed"]
    assert half.dims == (3, 2) and raw[half.offset : half.offset + 4] == bytes([0, 0, 0, 0x42])
    assert by_name["mask"].dtype is DType.bool_ and by_name["mask"].size == 3


def test_no_weights(tmp_path: Path) -> None:
    write(tmp_path / "weights.bin", {}, ())
    assert layout({}) == () and read(tmp_path / "weights.bin", ()) == {}


def test_another_file_is_refused(tmp_path: Path) -> None:
    table = layout(arrays())
    path = tmp_path / "weights.bin"
    write(path, arrays(), table)
    whole = path.read_bytes()
    for bad in (whole[:-1], whole + b"\0", b""):
        path.write_bytes(bad)
        with pytest.raises(UsageError, match=r"weights\.bin has \d+ bytes, the table of weights \d+"):
            read(path, table)


def test_weights_that_are_not_the_tables_are_refused(tmp_path: Path) -> None:
    import numpy as np

    table = layout(arrays())
    with pytest.raises(UsageError, match=r"weights scalar: 8 bytes, the table has 4"):
        write(tmp_path / "weights.bin", arrays() | {"scalar": np.zeros(2, np.float32)}, table)
