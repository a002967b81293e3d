"""Reads JSON that somebody else may have written: bounded, strict, and every fault is one UsageError."""

from __future__ import annotations

import json
import math
import os
import stat
from pathlib import Path
from typing import Any

from .errors import UsageError

LARGEST = 64 << 20
"""Bytes of a file that is read."""

DEEPEST = 100
"""Levels of nesting; what gencpp writes has ten."""


def read(file: Path, *, hint: str = "", largest: int = LARGEST, infinite: bool = False) -> Any:
    """The value in a regular file of at most `largest` bytes; raises UsageError, which names the file."""
    return loads(read_bytes(file, hint=hint, largest=largest), str(file), hint=hint, infinite=infinite)


def read_bytes(file: Path, *, hint: str = "", largest: int = LARGEST) -> bytes:
    """The bytes of a regular file; a pipe or device is refused without waiting for it."""
    try:
        # A FIFO without a writer would block open() for ever.
        handle = os.open(file, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
        with os.fdopen(handle, "rb") as stream:
            facts = os.fstat(handle)
            if not stat.S_ISREG(facts.st_mode):
                raise UsageError(f"{file} is not a regular file", hint=hint)
            data = stream.read(largest + 1) if facts.st_size <= largest else b""
    except (OSError, ValueError) as e:  # ValueError: a NUL in the name
        raise UsageError(f"{file} cannot be read: {getattr(e, 'strerror', None) or e}", hint=hint) from None
    if facts.st_size > largest or len(data) > largest:
        raise UsageError(f"{file} is larger than {largest >> 20} MiB", hint=hint)
    return data


def loads(data: bytes | str, where: str, *, hint: str = "", infinite: bool = False) -> Any:
    """The value of a JSON text; `where` names it in the UsageError.

    Refused beside broken syntax: text that is not UTF-8, nesting below DEEPEST, keys given twice, numbers
    that are no finite float64 or int64 (`infinite`: Infinity and NaN are taken as Python writes them), and
    half surrogate pairs, which no file name or terminal takes.
    """
    try:
        text = data.decode("utf-8") if isinstance(data, bytes) else data
        value = json.loads(
            text,
            parse_constant=float if infinite else _constant,
            parse_float=_finite,
            parse_int=_bounded,
            object_pairs_hook=_unique,
        )
        _check(value)
    except UnicodeDecodeError as e:
        raise UsageError(f"{where} is not UTF-8 text: byte {e.start}", hint=hint) from None
    except RecursionError:
        raise UsageError(f"{where} is nested too deeply", hint=hint) from None
    except MemoryError:
        raise UsageError(f"{where} does not fit into memory", hint=hint) from None
    except ValueError as e:
        raise UsageError(f"{where} is not valid JSON: {e}", hint=hint) from None
    return value


def _constant(text: str) -> Any:
    raise ValueError(f"{text} is not a number")


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text[:40]} is out of range")
    return value


def _bounded(text: str) -> int:
    value = int(text) if len(text) <= 20 else 1 << 64
    if not -(1 << 63) <= value < 1 << 63:
        raise ValueError(f"{text[:40]} is out of range")
    return value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise ValueError(f"the key {ascii(twice)[:80]} is given twice")
    return found


def _check(value: Any) -> None:
    """Depth and text; without recursion, because the value may be as deep as the parser takes it."""
    level = [value]
    for _ in range(DEEPEST):
        inner: list[Any] = []
        for item in level:
            if isinstance(item, dict):
                inner += item
                inner += item.values()
            elif isinstance(item, list):
                inner += item
            elif isinstance(item, str) and not item.isascii():
                item.encode("utf-8")  # UnicodeEncodeError is a ValueError
        if not inner:
            return
        level = inner
    raise RecursionError
