"""Values as C++ text: literals and the words of the language. Nothing else writes C++."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterable

from .spec import DType

KEYWORDS = frozenset(
    """
    alignas alignof and and_eq asm atomic_cancel atomic_commit atomic_noexcept auto bitand bitor bool break
    case catch char char8_t char16_t char32_t class compl concept const consteval constexpr constinit
    const_cast continue contract_assert co_await co_return co_yield decltype default delete do double
    dynamic_cast else enum explicit export extern false final float for friend goto if import inline int
    long module mutable namespace new noexcept not not_eq nullptr operator or or_eq override private
    protected public reflexpr register reinterpret_cast requires return short signed sizeof static
    static_assert static_cast struct switch synchronized template this thread_local throw true try typedef
    typeid typename typeof union unsigned using virtual void volatile wchar_t while xor xor_eq
    """.split()  # noqa: SIM905
)
"""Of C++17 to C++26, of technical specifications and of GNU, with words that are keywords in some places."""

DTYPES = {d: f"DType::{'boolean' if d is DType.bool_ else d.value}" for d in DType}
"""Enumerators of generated projects."""


def string_literal(text: str) -> str:
    """A C++ string literal of the UTF-8 bytes of `text`."""
    out = []
    for byte in text.encode("utf-8"):
        char = chr(byte)
        if char in '"\\':
            out.append(f"\\{char}")
        elif char == "\n":
            out.append("\\n")
        elif char == "\t":
            out.append("\\t")
        elif 0x20 <= byte < 0x7F:
            # "??" could start a trigraph in old compilers.
            out.append("\\?" if char == "?" else char)
        else:
            out.append(f"\\{byte:03o}")  # octal ends after three digits, hexadecimal would not
    return '"' + "".join(out) + '"'


def float_literal(value: float) -> str:
    """The float32 nearest to `value`, in the fewest digits that read back as it."""
    exact = struct.unpack("f", struct.pack("f", value))[0]
    for digits in range(1, 10):
        text = f"{exact:.{digits}g}"
        if struct.unpack("f", struct.pack("f", float(text)))[0] == exact:
            break
    if not re.search(r"[.e]", text):
        text += ".0"
    return f"{text}F"


def double_literal(value: float) -> str:
    """`value` in the fewest digits that read back as it."""
    text = repr(float(value))
    return text if re.search(r"[.einf]", text) else f"{text}.0"


def bool_literal(value: bool) -> str:
    """`true` or `false`."""
    return "true" if value else "false"


def int64_literal(value: int) -> str:
    """A std::int64_t."""
    # The smallest has no literal of its own: a minus and a number that does not fit.
    return f"{value + 1} - 1" if value == -(1 << 63) else str(value)


def dims_literal(sizes: Iterable[int | str]) -> str:
    """`Dims{1, 3}`; a size may be the name of a constant."""
    return "Dims{" + ", ".join(str(s) for s in sizes) + "}"
