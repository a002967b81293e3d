"""The checksum by which a program knows every byte of a file that it loads: Fletcher-4, as ZFS has it.

Four sums modulo 2**64 over the file as little-endian 32-bit words, the last one filled up with zeros. One
changed word always changes the first sum. It runs at the speed of memory without any special instruction;
it finds damage, not an adversary, which is what the sha256 is for.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

_WORDS = 1 << 18
_MASK = (1 << 64) - 1


def fletcher4(path: Path) -> str:
    """64 hexadecimal digits of the file's four sums."""
    import numpy as np

    a = b = c = d = 0
    with path.open("rb") as file:
        while block := file.read(4 * _WORDS):
            words = np.frombuffer(block + b"\0" * (-len(block) % 4), dtype="<u4").astype(np.uint64)
            n = len(words)
            # A word that k words follow counts once in the first sum, k + 1 times in the second, and so on.
            once, twice, thrice = (w[_WORDS - n :] for w in _weights())
            s0, s1, s2, s3 = (
                int(words.sum(dtype=np.uint64)),
                *(int((words * w).sum(dtype=np.uint64)) for w in (once, twice, thrice)),
            )
            pairs, triples = n * (n + 1) // 2, n * (n + 1) * (n + 2) // 6
            d = (d + n * c + pairs * b + triples * a + s3) & _MASK
            c = (c + n * b + pairs * a + s2) & _MASK
            b = (b + n * a + s1) & _MASK
            a = (a + s0) & _MASK
    return "".join(f"{x:016x}" for x in (a, b, c, d))


@cache
def _weights() -> tuple[Any, Any, Any]:
    import numpy as np

    k = np.arange(_WORDS, 0, -1, dtype=np.uint64)
    one, two = np.uint64(1), np.uint64(2)
    return k, k * (k + one) // two, k * (k + one) // two * (k + two) // np.uint64(3)
