"""Frozen dataclasses with a lossless JSON round trip."""

from __future__ import annotations

import dataclasses
import enum
import types
import typing
from typing import Any, Self

from .errors import UsageError

IN_MEMORY = "in_memory"
"""Metadata of a field that JSON does not hold and equality does not see."""


class JsonValue:
    """Mixin: `to_json()` and `from_json()` for frozen dataclasses, recursive and lossless."""

    __slots__ = ()

    def to_json(self) -> dict[str, Any]:
        """This value as plain JSON types; enums by value, tuples as lists."""
        return {f.name: _encode(getattr(self, f.name)) for f in _stored(type(self))}

    @classmethod
    def from_json(cls, data: Any) -> Self:
        """The value that `to_json()` gave; raises UsageError on unknown or missing fields."""
        if not isinstance(data, dict):
            raise UsageError(f"{cls.__name__}: expected an object, found {type(data).__name__}")
        hints = typing.get_type_hints(cls)
        fields = {f.name: f for f in _stored(cls)}
        unknown = sorted(set(data) - set(fields))
        missing = sorted(
            n
            for n, f in fields.items()
            if n not in data and f.default is dataclasses.MISSING and f.default_factory is dataclasses.MISSING
        )
        if unknown or missing:
            raise UsageError(f"{cls.__name__}: unknown fields {str(unknown)[:200]}, missing fields {missing}")
        return cls(**{n: _decode(hints[n], v, f"{cls.__name__}.{n}") for n, v in data.items()})


def _stored(cls: type) -> list[dataclasses.Field[Any]]:
    """The fields that JSON holds: all but those that are only in memory."""
    return [f for f in dataclasses.fields(cls) if not f.metadata.get(IN_MEMORY)]


def _encode(value: Any) -> Any:
    if isinstance(value, JsonValue):
        return value.to_json()
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, tuple):
        return [_encode(v) for v in value]
    if isinstance(value, dict):
        return {k: _encode(v) for k, v in value.items()}
    return value


def _decode(hint: Any, value: Any, where: str) -> Any:
    origin = typing.get_origin(hint)
    if origin in (typing.Union, types.UnionType):
        options = [a for a in typing.get_args(hint) if a is not type(None)]
        if value is None:
            return None
        return _decode(options[0], value, where)
    if origin is tuple:
        args = typing.get_args(hint)
        if not isinstance(value, list):
            raise UsageError(f"{where}: expected a list, found {type(value).__name__}")
        if len(args) == 2 and args[1] is Ellipsis:
            return tuple(_decode(args[0], v, where) for v in value)
        if len(args) != len(value):
            raise UsageError(f"{where}: expected {len(args)} items, found {len(value)}")
        return tuple(_decode(a, v, where) for a, v in zip(args, value, strict=True))
    if origin is dict:
        if not isinstance(value, dict):
            raise UsageError(f"{where}: expected an object, found {type(value).__name__}")
        _, item = typing.get_args(hint)
        return {k: v if item is Any else _decode(item, v, where) for k, v in value.items()}
    if isinstance(hint, type) and issubclass(hint, enum.Enum):
        try:
            return hint(value)
        except ValueError as e:
            raise UsageError(f"{where}: {str(e)[:200]}") from None
    if isinstance(hint, type) and issubclass(hint, JsonValue):
        return hint.from_json(value)
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        if abs(value) > 1 << 53:
            raise UsageError(f"{where}: {value} is out of range")
        return float(value)
    if isinstance(hint, type) and (not isinstance(value, hint) or (hint is int and isinstance(value, bool))):
        raise UsageError(f"{where}: expected {hint.__name__}, found {type(value).__name__}")
    return value
