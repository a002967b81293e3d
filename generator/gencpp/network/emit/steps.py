"""The steps of a function: layers, calls, branches and loops; tensors are numbers."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from ..plan import Layer
from .values import Code, Param, Text, Value, join

AT = Code("at")
INDEX = Code("std::to_string(i)")


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerStep:
    """One layer: `layer` is a member's, `values` say what stands for its attributes."""

    layer: Layer
    values: Mapping[str, tuple[str, Value]]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CallStep:
    """A call of another function; `at` is the prefix of its names."""

    callee: Function
    at: Text
    arguments: tuple[Value, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    path: str
    """Of a member's group."""
    shapes: str
    """`Nx64x56x56 -> Nx64x28x28`, where all members agree."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BranchStep:
    """`steps`, which make `after` of `before`, where `flag` is set; `after` is `before` elsewhere."""

    flag: Value
    steps: tuple[AnyStep, ...]
    before: int
    after: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LoopStep:
    """Calls of one function, each of which takes what the one before gave; their names hold the index."""

    call: CallStep
    begin: int
    end: int
    feeds: tuple[int, ...]
    """For every input the index of the result of the last call that it is, -1 for what does not change."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteStep:
    """A comment on what follows, or the end of it."""

    text: str
    end: bool = False


AnyStep = LayerStep | CallStep | BranchStep | LoopStep | NoteStep


@dataclass(slots=True, eq=False)
class Function:
    """A function of the C++ file."""

    name: str
    note: list[str]
    tensors: int
    parameters: list[tuple[str, str]]
    """Kind and name."""
    prefixed: bool
    """Whether it takes `at`."""
    steps: list[AnyStep] = field(default_factory=list)
    results: tuple[int, ...] = ()
    inputs: tuple[str, ...] = ()
    """The tensors that a member takes, for their names."""
    taken_in: bool = False
    needed: frozenset[str] = frozenset()
    """The parameters that its steps use."""


def inputs_of(step: AnyStep) -> tuple[int, ...]:
    """The tensors that a step takes."""
    if isinstance(step, LayerStep | CallStep):
        return tuple(i for i in step.inputs if i >= 0)
    if isinstance(step, LoopStep):
        return step.call.inputs
    if isinstance(step, BranchStep):
        made: set[int] = set()
        used = [step.before]
        for s in step.steps:
            used += [i for i in inputs_of(s) if i not in made]
            made |= set(outputs_of(s))
        return tuple(dict.fromkeys(used))
    return ()


def outputs_of(step: AnyStep) -> tuple[int, ...]:
    """The tensors that a step makes for what follows."""
    if isinstance(step, LayerStep | CallStep):
        return step.outputs
    if isinstance(step, LoopStep):
        return step.call.outputs
    return (step.after,) if isinstance(step, BranchStep) else ()


def statements(steps: Sequence[AnyStep]) -> Iterator[AnyStep]:
    """All but the notes, those inside branches too."""
    for step in steps:
        if isinstance(step, BranchStep):
            yield step
            yield from statements(step.steps)
        elif not isinstance(step, NoteStep):
            yield step


def prefixing(text: Text) -> Callable[[Text], Text]:
    """Puts a prefix where a name has `at`."""

    def prefixed(name: Text) -> Text:
        parts: list[str | Code] = []
        for part in name:
            parts += text if part == AT else (part,)
        return join(*parts)

    return prefixed


def _stands(value: Value, at: Callable[[Text], Text], arguments: Mapping[str, Value]) -> Value:
    if isinstance(value, Param):
        given = [arguments.get(name, Param((name,))) for name in value.names]
        if len(given) == 1 and value.factor == 1:
            return given[0]
        factor = value.factor
        names: list[str] = []
        for g in given:
            assert isinstance(g, Param | int)
            factor *= g.factor if isinstance(g, Param) else g
            names += g.names if isinstance(g, Param) else ()
        return Param(tuple(names), factor) if names else factor
    if isinstance(value, tuple) and any(isinstance(p, Code) for p in value):
        return at(value)  # type: ignore[arg-type]
    return value


def placed(
    step: AnyStep, tensor: Callable[[int], int], at: Callable[[Text], Text], arguments: Mapping[str, Value]
) -> AnyStep:
    """A step of a function, put into another one."""

    def many(tensors: Sequence[int]) -> tuple[int, ...]:
        return tuple(t if t < 0 else tensor(t) for t in tensors)

    if isinstance(step, LayerStep):
        values = {k: (kind, _stands(v, at, arguments)) for k, (kind, v) in step.values.items()}
        return dataclasses.replace(step, values=values, inputs=many(step.inputs), outputs=many(step.outputs))
    if isinstance(step, CallStep):
        return dataclasses.replace(
            step,
            at=at(step.at),
            arguments=tuple(_stands(a, at, arguments) for a in step.arguments),
            inputs=many(step.inputs),
            outputs=many(step.outputs),
        )
    if isinstance(step, BranchStep):
        return BranchStep(
            flag=_stands(step.flag, at, arguments),
            steps=tuple(placed(s, tensor, at, arguments) for s in step.steps),
            before=tensor(step.before),
            after=tensor(step.after),
        )
    if isinstance(step, LoopStep):
        call = placed(step.call, tensor, at, arguments)
        assert isinstance(call, CallStep)
        return dataclasses.replace(step, call=call)
    return step


def codes_of(steps: Sequence[AnyStep]) -> Iterator[str]:
    """Every expression and parameter that steps use in names and values."""
    for step in statements(steps):
        values: list[Value] = []
        if isinstance(step, BranchStep):
            values = [step.flag]
        elif isinstance(step, LayerStep):
            values = [value for _, value in step.values.values()]
        elif isinstance(step, CallStep | LoopStep):
            call = step.call if isinstance(step, LoopStep) else step
            values = [call.at] if call.callee.prefixed else []
            names = (name for _, name in call.callee.parameters)
            values += [a for n, a in zip(names, call.arguments, strict=True) if n in call.callee.needed]
        for value in values:
            if isinstance(value, Param):
                yield from value.names
            elif isinstance(value, tuple):
                yield from (part.text for part in value if isinstance(part, Code))
