"""Which way Python's conditions on given lines went, by the bytecode that runs: for a tensor's number.

A condition on a tensor asks the tensor; one on a number that a tensor gave before asks nobody.
"""

from __future__ import annotations

import ast
import dis
import itertools
import linecache
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

Line = tuple[str, int]
"""(file, line)"""

Condition = ast.If | ast.While | ast.IfExp | ast.Assert


@lru_cache(maxsize=64)
def parsed(file: str) -> ast.Module | None:
    """The source of a file; None where it cannot be read."""
    try:
        return ast.parse("".join(linecache.getlines(file)))
    except (SyntaxError, ValueError):
        return None


def condition_at(file: str, line: int) -> Condition | None:
    """The innermost statement or expression whose condition is on that line."""
    found: Condition | None = None
    for node in _conditions(parsed(file)):
        if node.test.lineno <= line <= (node.test.end_lineno or node.test.lineno):
            found = node
    return found


def conditions_of(file: str, line: int) -> list[int]:
    """Lines of the conditions on a number that is asked on `line`: there, or where its name is used."""
    tree = parsed(file)
    if tree is None:
        return []
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign | ast.AnnAssign | ast.NamedExpr) and _holds(node, line):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names |= {n.id for t in targets for n in ast.walk(t) if isinstance(n, ast.Name)}
    scope = _function_of(tree, line)
    return [
        node.test.lineno
        for node in _conditions(scope)
        if _holds(node.test, line)
        or any(isinstance(n, ast.Name) and n.id in names for n in ast.walk(node.test))
    ]


@contextmanager
def watched_lines(lines: Mapping[Line, set[bool]]) -> Iterator[None]:
    """Adds to each line's set how its condition went, while this is entered."""
    files = {file for file, _ in lines}
    jumps: dict[Any, dict[int, tuple[Line, int, bool]]] = {}

    def of(code: Any) -> dict[int, tuple[Line, int, bool]]:
        """offset: (line, offset of the next instruction, whether a jump means true)"""
        if code not in jumps:
            instructions = list(dis.get_instructions(code))
            line = code.co_firstlineno
            found = {}
            for this, after in itertools.pairwise(instructions):
                line = _line_of(this, line)
                if "JUMP" in this.opname and "_IF_" in this.opname and (code.co_filename, line) in lines:
                    found[this.offset] = ((code.co_filename, line), after.offset, "_IF_TRUE" in this.opname)
            jumps[code] = found
        return jumps[code]

    def called(frame: Any, event: str, _: Any) -> Callable[..., Any] | None:
        if event != "call" or frame.f_code.co_filename not in files or not of(frame.f_code):
            return None
        known, last = of(frame.f_code), -1
        frame.f_trace_opcodes = True

        def step(frame: Any, event: str, _: Any) -> Callable[..., Any]:
            nonlocal last
            if event == "opcode":
                if last in known:
                    line, following, true = known[last]
                    jumped = frame.f_lasti != following
                    lines[line].add(jumped if true else not jumped)
                last = frame.f_lasti
            return step

        return step

    before = sys.gettrace()
    sys.settrace(called)
    try:
        yield
    finally:
        sys.settrace(before)


def _line_of(instruction: Any, line: int) -> int:
    found = getattr(instruction, "line_number", None)
    if found is None and getattr(instruction, "positions", None) is not None:
        found = instruction.positions.lineno
    return int(found) if found is not None else line


def _conditions(tree: ast.AST | None) -> Iterator[Condition]:
    if tree is not None:
        for node in ast.walk(tree):
            if isinstance(node, ast.If | ast.While | ast.IfExp | ast.Assert):
                yield node


def _holds(node: Any, line: int) -> bool:
    return bool(node.lineno <= line <= (node.end_lineno or node.lineno))


def _function_of(tree: ast.Module, line: int) -> ast.AST:
    found: ast.AST = tree
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) and _holds(node, line):
            found = node
    return found
