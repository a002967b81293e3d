"""What an input's elements are drawn from, as `--input NAME:SHAPE:DTYPE=...` says it, or as it is guessed."""

from __future__ import annotations

import hashlib
import math
import stat
from pathlib import Path
from typing import Any

from .errors import UsageError
from .spec import DType, Values

_GUESSED = {DType.uint8: (0, 255), DType.int8: (-128, 127), DType.bool_: (0, 1)}
_GUESSED_INTEGERS = (0, 9)
_LARGEST_FLOAT = {
    DType.float16: 65504.0,
    DType.bfloat16: 3.3895313892515355e38,
    DType.float32: 3.4028234663852886e38,
    DType.float64: 1.7976931348623157e308,
}
_WORDS = {"false": 0, "true": 1}


def guessed(dtype: DType) -> Values | None:
    """The first range that is tried for an input of which nobody said anything; None for floating point."""
    if dtype in _LARGEST_FLOAT:
        return None
    return from_bounds(*_GUESSED.get(dtype, _GUESSED_INTEGERS), guessed=True)


def from_bounds(low: int, high: int, *, guessed: bool) -> Values:
    """Whole numbers from `low` to `high`, both included."""
    return Values(low=str(low), high=str(high), guessed=guessed)


def parse_values(text: str, dtype: DType, shape: tuple[int, ...], where: str) -> Values:
    """`0..1`, `8000`, `8000,16000` or `ids.npy`; raises UsageError, which begins with `where`."""
    text = text.strip()
    if not text:
        raise UsageError(f"{where}: there is nothing behind the =", hint=_example(dtype))
    if text.lower().endswith(".npy"):
        return _from_file(Path(text), dtype, shape, where)
    if ".." in text:
        low, _, high = text.partition("..")
        bounds = _number(low, dtype, where), _number(high, dtype, where)
        if bounds[0] > bounds[1]:
            raise UsageError(
                f"{where}: {_shown(bounds[0])} is above {_shown(bounds[1])}",
                hint="write the smaller number first: LOW..HIGH.",
            )
        return Values(low=_shown(bounds[0]), high=_shown(bounds[1]))
    each = [_number(part, dtype, where) for part in text.split(",")]
    distinct = tuple(dict.fromkeys(each))
    return Values(low=_shown(min(each)), high=_shown(max(each)), each=tuple(map(_shown, distinct)))


def told(values: Values, dtype: DType) -> str:
    """What an input is drawn from, for people: `0 to 9 (guessed)`."""
    if values.file:
        return f"`{values.file}`" + (f" ({values.examples} examples)" if values.examples > 1 else "")
    word = {"0": "false", "1": "true"} if dtype is DType.bool_ else {}
    if values.each:
        return ", ".join(word.get(v, v) for v in values.each)
    if dtype is DType.bool_:
        return "false, true" if values.low != values.high else word[values.low]
    return f"{values.low} to {values.high}" + (" (guessed)" if is_guess(values, dtype) else "")


def is_guess(values: Values | None, dtype: DType) -> bool:
    """Whether a range was guessed that is not all that the type holds."""
    if values is None or not values.guessed or is_float(dtype):
        return False
    return (int(values.low), int(values.high)) != bounds_of(dtype)


def without_folder(text: str) -> str:
    """An `--input` with its file's name only, as a manifest holds it."""
    head, equals, tail = text.partition("=")
    if not equals or not tail.strip().lower().endswith(".npy"):
        return text
    return f"{head}={Path(tail.strip()).name}"


def file_of(text: str) -> str:
    """The file that an `--input` names; empty when it names none."""
    tail = text.partition("=")[2].strip()
    return tail if tail.lower().endswith(".npy") else ""


def _example(dtype: DType) -> str:
    integers = {DType.bool_: ("false", "true,false"), DType.uint8: ("0..255", "7")}
    low_high, one = integers.get(dtype, ("0..1", "8000,16000"))
    if dtype in _LARGEST_FLOAT:
        low_high, one = "-1..1", "0.5"
    return f"write a range (={low_high}), a value or several (={one}), or a file (=inputs.npy)."


def _number(text: str, dtype: DType, where: str) -> int | float:
    text = text.strip()
    if dtype is DType.bool_:
        value = _WORDS.get(text.lower(), {"0": 0, "1": 1}.get(text))
        if value is None:
            raise UsageError(f"{where}: {text!r} is neither true nor false", hint=_example(dtype))
        return value
    try:
        number: int | float = float(text) if dtype in _LARGEST_FLOAT else int(text)
    except ValueError:
        kind = "number" if dtype in _LARGEST_FLOAT else "whole number"
        raise UsageError(f"{where}: {text[:80]!r} is not a {kind}", hint=_example(dtype)) from None
    low, high = bounds_of(dtype)
    if not low <= number <= high:  # neither is nan
        raise UsageError(
            f"{where}: {text[:80]} is outside of {dtype}",
            hint=f"it holds {_shown(low)} to {_shown(high)}; another element type may hold more.",
        )
    return number


def bounds_of(dtype: DType) -> tuple[int | float, int | float]:
    """The smallest and the largest finite number of a type."""
    if dtype in _LARGEST_FLOAT:
        return -_LARGEST_FLOAT[dtype], _LARGEST_FLOAT[dtype]
    if dtype is DType.bool_:
        return 0, 1
    if dtype is DType.uint8:
        return 0, 255
    half = 1 << (8 * dtype.itemsize - 1)
    return -half, half - 1


def _shown(number: int | float) -> str:
    return str(number) if isinstance(number, int) else repr(number)


def _from_file(path: Path, dtype: DType, shape: tuple[int, ...], where: str) -> Values:
    import numpy as np

    hint = "save it by numpy.save(FILE, array), with the shape and the element type of the input."
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise UsageError(f"{where}: {path.name} is not a regular file", hint=hint)
        # Its header is read first: what does not fit is refused before gigabytes are read.
        mapped = np.load(path, mmap_mode="r", allow_pickle=False)
    except FileNotFoundError:
        raise UsageError(
            f"{where}: {path}: no such file", hint="check the path (gencpp tune: name its folder by --path)."
        ) from None
    except OSError as e:
        raise UsageError(f"{where}: {path}: {e.strerror or e}", hint=hint) from None
    except (ValueError, EOFError, SyntaxError, TypeError) as e:
        pickled = "pickle" in str(e) or "Python objects" in str(e)
        problem = (
            "holds Python objects, which are not read" if pickled else "is not an .npy file, or is damaged"
        )
        raise UsageError(f"{where}: {path.name} {problem}", hint=hint) from None
    if not isinstance(mapped, np.ndarray):  # an archive of several
        mapped.close()
        raise UsageError(f"{where}: {path.name} holds several arrays", hint=hint)
    if mapped.dtype != np.dtype(dtype.value if dtype is not DType.bfloat16 else "float32"):
        raise UsageError(
            f"{where}: {path.name} holds {mapped.dtype}, not {dtype}",
            hint=f"save array.astype(numpy.{dtype if dtype is not DType.bool_ else 'bool_'}).",
        )
    rows = shape[0] if shape else 1
    whole = tuple(mapped.shape) or (1,)
    if len(whole) != max(1, len(shape)) or whole[1:] != shape[1:] or whole[0] == 0 or whole[0] % rows:
        sizes = "x".join(map(str, mapped.shape)) or "a scalar"
        wanted = "x".join(map(str, shape)) or "a scalar"
        raise UsageError(
            f"{where}: {path.name} is {sizes}, the input is {wanted}",
            hint="the shapes must be equal; a multiple of the first dimension holds several examples.",
        )
    array = np.array(mapped, order="C").reshape(whole)
    finite = array[np.isfinite(array)] if array.dtype.kind == "f" else array
    convert = float if array.dtype.kind == "f" else int
    low, high = (convert(finite.min()), convert(finite.max())) if finite.size else (convert(0), convert(0))
    return Values(
        low=_shown(low),
        high=_shown(high),
        file=path.name,
        sha256=hashlib.sha256(array.tobytes()).hexdigest(),
        examples=whole[0] // rows,
        array=array,
    )


def as_number(text: str, dtype: DType) -> Any:
    """A number of Values as Python's int or float."""
    return float(text) if dtype in _LARGEST_FLOAT else int(text)


def is_pair(values: Values, dtype: DType) -> bool:
    """Whether there are two values only, low and high, as masks and flags have them."""
    if dtype in _LARGEST_FLOAT or values.each or values.array is not None:
        return False
    return int(values.high) - int(values.low) == 1


def is_float(dtype: DType) -> bool:
    """Whether it is a floating-point type."""
    return dtype in _LARGEST_FLOAT


def count(values: Values, dtype: DType) -> float:
    """How many different values a range has."""
    if is_float(dtype):
        return math.inf
    return int(values.high) - int(values.low) + 1
