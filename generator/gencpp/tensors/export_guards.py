"""What torch.export found out of sizes and values: what its graph holds for, and what it asserts.

An ONNX file and a TorchScript trace keep nothing of it: beyond it they answer, and wrongly.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..core.spec import TensorSpec

Place = tuple[int, int]

_LARGEST = 2**62
_ASSERTED = re.compile(r"expression (?P<text>.*?) on node")


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """Of sizes: a graph is the model where it is what it was of the example's; elsewhere it may be, too."""

    text: str
    """`Eq(Mod(x:1, 8), 0)`"""
    places: tuple[tuple[Place, ...], ...]
    """The dimensions that each of its sizes is of."""
    holds: Callable[..., bool] = field(compare=False)
    """Of one size for each of `places`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Guards:
    """Of an exported program."""

    ranges: Mapping[Place, tuple[int, int]] = field(default_factory=dict)
    """(smallest, largest) size of each dimension that was to vary, where that is narrower than its bounds."""
    assertions: tuple[str, ...] = ()
    """Conditions on sizes and numbers: `Eq(Mod(x:2, 4), 0)`."""
    conditions: tuple[Condition, ...] = ()
    """What no range says: a size but for one, every eighth, or how sizes are to each other."""


def guards_of(program: Any, inputs: Sequence[TensorSpec]) -> Guards:
    """Reads a torch.export.ExportedProgram; nothing where it is none."""
    if program is None or not hasattr(program, "range_constraints"):
        return Guards()
    names: dict[str, str] = {}
    places: dict[Any, list[Place]] = {}
    hints: dict[Any, int] = {}
    forms: list[str] = []
    ranges: dict[Place, tuple[int, int]] = {}
    for i, (spec, value) in enumerate(zip(inputs, _user_inputs(program), strict=False)):
        for d, (dim, size) in enumerate(zip(spec.dims, getattr(value, "shape", ()), strict=False)):
            expression = getattr(getattr(size, "node", None), "expr", None)
            if expression is None or expression.is_number:
                low = high = int(size)
            else:
                name = f"{spec.name}:{d}"
                names.setdefault(str(expression), name)
                if expression.is_symbol:
                    hints[expression] = int(size.node.hint)
                    places.setdefault(expression, []).append((i, d))
                else:  # a multiple of something
                    forms.append(f"{name} == {re.sub('s[0-9]+', 'k', str(expression))}")
                low, high = _range(expression, program.range_constraints)
            if dim.dynamic and (low > dim.min or high < dim.max):
                ranges[i, d] = (max(low, dim.min), min(high, dim.max))
    return Guards(
        ranges=ranges,
        assertions=(*forms, *_assertions(program.graph, names)),
        conditions=_conditions(program, names, places, hints),
    )


def ranges_text(inputs: Sequence[TensorSpec], guards: Guards) -> str:
    """`x:0 from 1 to 4`"""
    return ", ".join(
        f"{inputs[i].name}:{d} " + (f"from {low} to {high}" if low < high else f"of {low}")
        for (i, d), (low, high) in guards.ranges.items()
    )


def assertion_notes(guards: Guards, what: str) -> list[str]:
    """For README and terminal."""
    return [
        f"The Python model refuses inputs for which `{text}` does not hold; {what} does not check it."
        for text in guards.assertions
    ]


def _user_inputs(program: Any) -> list[Any]:
    wanted = [s.arg.name for s in program.graph_signature.input_specs if s.kind.name == "USER_INPUT"]
    values = {n.name: n.meta.get("val") for n in program.graph.nodes if n.op == "placeholder"}
    return [values.get(name) for name in wanted]


def _conditions(
    program: Any, names: Mapping[str, str], places: Mapping[Any, Sequence[Place]], hints: Mapping[Any, int]
) -> tuple[Condition, ...]:
    """What is so of the example's sizes, and was asked: torch.export took the branches of these answers.

    Some ways of exporting keep it as guards, others as comparisons in the graph.
    """
    modes = (getattr(v, "fake_mode", None) for v in _user_inputs(program))
    shapes = next((m.shape_env for m in modes if m is not None), None)
    asked = [guard.expr for guard in getattr(shapes, "guards", ())]
    values = (n.meta.get("val") for n in program.graph.nodes if n.op == "call_function")
    asked += [v.node.expr for v in values if type(v).__name__ == "SymBool"]
    found: dict[str, Condition] = {}
    for expression in asked:
        symbols = sorted(getattr(expression, "free_symbols", ()), key=str)
        if not symbols or not all(s in places for s in symbols):
            continue
        text = _named(str(expression), names)
        found[text] = Condition(
            text=text,
            places=tuple(tuple(places[s]) for s in symbols),
            holds=_function(expression, symbols, [hints[s] for s in symbols]),
        )
    return tuple(found.values())


def _function(expression: Any, symbols: Sequence[Any], hints: Sequence[int]) -> Callable[..., bool]:
    """Whether the expression is of these sizes what it is of the hints."""
    import sympy  # type: ignore[import-untyped]
    from torch.utils._sympy.printers import PythonPrinter

    compute = sympy.lambdify(list(symbols), expression, modules=["math"], printer=PythonPrinter())

    def value(*sizes: int) -> bool | None:
        try:
            return bool(compute(*sizes))
        except ZeroDivisionError:  # a part of nothing
            return None

    example = value(*hints)
    return lambda *sizes: value(*sizes) is example


def _named(text: str, names: Mapping[str, str]) -> str:
    """With the inputs' dimensions in place of symbols."""
    for symbol, name in names.items():
        text = re.sub(rf"\b{re.escape(symbol)}\b", name, text)
    return text


def _range(expression: Any, constraints: Mapping[Any, Any]) -> tuple[int, int]:
    from torch.utils._sympy.value_ranges import bound_sympy

    found = bound_sympy(expression, dict(constraints))

    def number(value: Any, otherwise: int) -> int:
        try:
            return int(value)
        except (OverflowError, TypeError, ValueError):  # an infinity of sympy's
            return otherwise

    return number(found.lower, 0), min(number(found.upper, _LARGEST), _LARGEST)


def _assertions(graph: Any, names: Mapping[str, str]) -> list[str]:
    """What the graph asserts of the sizes of its inputs and of numbers that tensors give.

    Of the sizes of results torch asserts what its own operators promise: that is no condition on inputs.
    """
    told: dict[str, None] = {}
    for node in graph.nodes:
        if "_assert_scalar" not in str(node.target) or not _of_inputs(node):
            continue
        message = str(node.args[1]) if len(node.args) > 1 else ""
        found = _ASSERTED.search(message)
        told[_named(found["text"] if found else message, names)] = None
    return list(told)


def _of_inputs(node: Any) -> bool:
    seen, todo = set(), list(node.all_input_nodes)
    while todo:
        before = todo.pop()
        if before in seen:
            continue
        seen.add(before)
        target = str(before.target)
        if "item" in target or "_local_scalar_dense" in target:
            return True
        if "sym_size" in target:
            if before.args[0].op == "placeholder":
                return True
            continue
        todo += before.all_input_nodes
    return False
