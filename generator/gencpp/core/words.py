"""Words of messages that depend on a number or a name."""

from __future__ import annotations


def counted(number: int, thing: str) -> str:
    """`1 layer`, `2 layers`, `0 values`; things whose plural only takes an s."""
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"


def an(thing: str) -> str:
    """`an int`, `a tuple`: by the first letter, as names of types are read."""
    return f"{'an' if thing[:1].lower() in 'aeio' else 'a'} {thing}"
