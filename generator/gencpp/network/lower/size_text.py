"""Dimensions as ONNX files name them, taken apart: `64*batch`, `2*(((height - 1)//4)) + 2`."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from typing import Any

from .sizes import AnySize, Size, larger, opaque, smaller

_BINARY: Mapping[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: lambda a, b: a + b,
    ast.Sub: lambda a, b: a - b,
    ast.Mult: lambda a, b: a * b,
    ast.FloorDiv: lambda a, b: a // b,
    ast.Mod: lambda a, b: a % b,
}
_FUNCTIONS: Mapping[str, Callable[[Any, Any], Any]] = {
    "PythonMod": lambda a, b: a % b,
    "Mod": lambda a, b: a % b,
    "FloorDiv": lambda a, b: a // b,
    "CleanDiv": lambda a, b: a // b,
    "Max": larger,
    "Min": smaller,
}
"""As torch's symbolic shapes print them."""


def parsed(text: str) -> AnySize:
    """The size that a text names; one that is no arithmetic of names is a name as a whole."""
    try:
        size = _value(ast.parse(text.strip(), mode="eval").body)
    except (SyntaxError, ValueError, ZeroDivisionError, RecursionError):
        return opaque(text)
    return size if isinstance(size, int | Size) else opaque(text)


def _value(node: ast.expr) -> Any:
    match node:
        case ast.Name():
            return opaque(node.id)
        case ast.Constant(value=int()):
            return node.value
        case ast.UnaryOp(op=ast.USub()):
            return 0 - _value(node.operand)
        case ast.BinOp() if type(node.op) in _BINARY:
            return _BINARY[type(node.op)](_value(node.left), _value(node.right))
        case ast.Call(func=ast.Name(id=name), args=[a, b]) if name in _FUNCTIONS:
            return _FUNCTIONS[name](_value(a), _value(b))
    raise ValueError(ast.dump(node))
