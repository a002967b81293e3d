"""A branch of a model's control flow, and its condition as text. Imports nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

_LONGEST = 160


@dataclass(frozen=True, slots=True, kw_only=True)
class Branch:
    """One side of a branch by a value."""

    text: str
    """What is to be said where it was never taken: "`rate == 16000` is never true"."""
    taken: bool


def binary(left: str, operator: str, right: str) -> str:
    """`a == b`; what is compared or calculated before is in brackets."""
    return f"{_bracketed(left)} {operator} {_bracketed(right)}"


def call(function: str, arguments: Sequence[str]) -> str:
    """`sum(x)`, shortened where it is long."""
    text = f"{function}({', '.join(arguments)})"
    return text if len(text) <= _LONGEST else f"{function}(...)"


def _bracketed(text: str) -> str:
    return f"({text})" if " " in text and not text.endswith(")") else text
