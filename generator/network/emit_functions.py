"""Families as functions: steps with calls, branches and loops; small functions are taken into their callers."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from .emit_groups import Group
from .emit_merge import CONTAINERS, Families, Family, item_of, region_border, regions
from .emit_names import snake, variable
from .emit_params import Signature, arguments, constants, signatures
from .emit_values import Code, Param, Text, Value, join
from .plan import Layer, NetworkPlan

SMALL = 3
"""Statements of a function that is taken into its callers."""

FEW_CALLS = 8
"""Statements of a container that is."""

OFTEN = 3
"""Places from which even a function of two statements is called rather than taken in."""

LOOP = 3
"""Calls that become a loop."""

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
    note: str
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


def functions(root: Group, plan: NetworkPlan, shape_of: Callable[[str], str]) -> list[Function]:
    """Those that are called, before what calls them; the last is the whole network."""
    families = Families(root, plan)
    found = _Maker(families, signatures(families, plan), plan, shape_of)
    return found.made(root)


class _Maker:
    def __init__(
        self,
        families: Families,
        signed: Mapping[int, Signature],
        plan: NetworkPlan,
        shape_of: Callable[[str], str],
    ) -> None:
        self._families = families
        self._signed = signed
        self._plan = plan
        self._shape_of = shape_of
        self._functions: dict[int, Function] = {}
        self._names: set[str] = set()

    def made(self, root: Group) -> list[Function]:
        ordered = self._families.ordered()
        sites = self._sites(ordered)
        for family in ordered:
            function = self._function(family)
            self._functions[family.number] = function
            function.steps = list(_looped(_inlined(function, function.steps)))
            kind = self._plan.modules.get(family.members[0][0].path, "")
            function.taken_in = family is not self._families.of[root] and _taken_in(
                function, kind, sites.get(family.number, 0)
            )
        kept = [f for f in self._functions.values() if not f.taken_in]
        for family, function in zip(ordered, list(self._functions.values()), strict=True):
            if not function.taken_in:
                self._name(family, function)
        return kept

    def _sites(self, families: Sequence[Family]) -> dict[int, int]:
        """How often the code of all functions calls each."""
        sites: dict[int, int] = {}
        for family in families:
            for step in family.steps:
                if step.head[0] == "call":
                    callee = step.head[2]
                    assert isinstance(callee, int)
                    sites[callee] = sites.get(callee, 0) + 1
        return sites

    def _name(self, family: Family, function: Function) -> None:
        group = family.members[0][0]
        if group.path == "":
            function.name = "define_layers"
            return
        kind = self._plan.modules.get(group.path, "")
        wanted = group.path
        if len(family.members) > 1:
            last = {_last_name(g.path) for g, _ in family.members}
            wanted = last.pop() if len(last) == 1 else wanted
            wanted = wanted if kind in ("", *CONTAINERS) else kind
        function.name = variable(snake(wanted), self._names, "block")
        self._names.add(function.name)

    def _function(self, family: Family) -> Function:
        signature = self._signed[family.number]
        group = family.members[0][0]
        single = len(family.members) == 1  # then names are written out
        steps: list[AnyStep] = []
        bounds = dict(regions(family))
        index = 0
        while index < len(family.steps):
            if (end := bounds.get(index)) is None:
                steps.append(self._step(family, signature, index))
                index += 1
                continue
            border = region_border(family, index, end)
            assert border is not None
            inner = tuple(self._step(family, signature, i) for i in range(index, end))
            flag = Param(signature.flags[family.steps[index].present])
            steps.append(BranchStep(flag=flag, steps=inner, before=border[0], after=border[1]))
            index = end
        made = Function(
            name="",
            note=self._note(family),
            tensors=family.inputs,
            parameters=[(c.kind, c.name) for c in signature.columns],
            prefixed=not single,
            steps=steps,
            results=family.outputs,
            inputs=group.inputs,
        )
        if single:
            made.steps = [_placed(s, lambda t: t, _at(join(group.path)), {}) for s in steps]
        return made

    def _step(self, family: Family, signature: Signature, index: int) -> AnyStep:
        step = family.steps[index]
        items = [item_of(family, m, index) for m in range(len(family.members))]
        item = next(i for i in items if i is not None)
        if not isinstance(item, Group):
            return LayerStep(layer=item, values=constants(signature, index), inputs=step.inputs, outputs=step.outputs)
        callee = self._families.of[item]
        function = self._functions[callee.number]
        relative = step.head[1]
        assert isinstance(relative, str)
        prefix: tuple[Code | str, ...] = (AT,) if family.members[0][0].path else ()
        shapes = {self._shapes(i) for i in items if isinstance(i, Group)}
        return CallStep(
            callee=function,
            at=join(*prefix, relative),
            arguments=arguments(signature, index, self._signed[callee.number]),
            inputs=step.inputs,
            outputs=step.outputs,
            path=item.path,
            shapes=shapes.pop() if len(shapes) == 1 else "",
        )

    def _shapes(self, group: Group) -> str:
        before = ", ".join(self._shape_of(t) for t in group.inputs)
        after = ", ".join(self._shape_of(t) for t in group.outputs)
        return f"{before} -> {after}" if before and after else after

    def _note(self, family: Family) -> str:
        groups = [g for g, _ in family.members]
        shapes = {self._shapes(g) for g in groups}
        tail = f": {shapes.pop()}" if len(shapes) == 1 else ""
        kind = self._plan.modules.get(groups[0].path, "")
        if len(groups) == 1:
            return f"{groups[0].path}{f', {_article(kind)}' if kind else ''}{tail}"
        paths = [g.path for g in groups]
        where = " and ".join(paths) if len(paths) == 2 else f"{paths[0]} to {paths[-1]}, {len(paths)} times"
        return f"{_article(kind)[0].upper()}{_article(kind)[1:]}, {where}{tail}" if kind else f"{where}{tail}"


def _last_name(path: str) -> str:
    return next((p for p in reversed(path.split(".")) if not p.isdigit()), path)


def _article(kind: str) -> str:
    name = kind.lstrip("_")
    return f"{'an' if name[:1] in 'AEIOU' else 'a'} {name}"


def _at(text: Text) -> Callable[[Text], Text]:
    """Puts a prefix where a name has `at`."""

    def placed(name: Text) -> Text:
        parts: list[str | Code] = []
        for part in name:
            parts += text if part == AT else (part,)
        return join(*parts)

    return placed


def _value(value: Value, at: Callable[[Text], Text], arguments: Mapping[str, Value]) -> Value:
    if isinstance(value, Param) and value.name in arguments:
        given = arguments[value.name]
        if value.factor == 1:
            return given
        if isinstance(given, Param):
            return Param(given.name, given.factor * value.factor)
        assert isinstance(given, int)
        return given * value.factor
    if isinstance(value, tuple) and any(isinstance(p, Code) for p in value):
        return at(value)  # type: ignore[arg-type]
    return value


def _placed(
    step: AnyStep, tensor: Callable[[int], int], at: Callable[[Text], Text], arguments: Mapping[str, Value]
) -> AnyStep:
    """A step of a function, put into another one."""

    def many(tensors: Sequence[int]) -> tuple[int, ...]:
        return tuple(t if t < 0 else tensor(t) for t in tensors)

    if isinstance(step, LayerStep):
        values = {k: (kind, _value(v, at, arguments)) for k, (kind, v) in step.values.items()}
        return dataclasses.replace(
            step, values=values, inputs=many(step.inputs), outputs=many(step.outputs)
        )
    if isinstance(step, CallStep):
        return dataclasses.replace(
            step,
            at=at(step.at),
            arguments=tuple(_value(a, at, arguments) for a in step.arguments),
            inputs=many(step.inputs),
            outputs=many(step.outputs),
        )
    if isinstance(step, BranchStep):
        return BranchStep(
            flag=_value(step.flag, at, arguments),
            steps=tuple(_placed(s, tensor, at, arguments) for s in step.steps),
            before=tensor(step.before),
            after=tensor(step.after),
        )
    if isinstance(step, LoopStep):
        call = _placed(step.call, tensor, at, arguments)
        assert isinstance(call, CallStep)
        return dataclasses.replace(step, call=call)
    return step


def _taken_in(function: Function, kind: str, sites: int) -> bool:
    """Whether a function is better read where it is called."""
    statements = list(_statements(function.steps))
    size = len(statements)
    if len(function.results) != 1:
        return size <= SMALL
    if size <= 1:
        return True
    if kind in CONTAINERS and not any(isinstance(s, LayerStep) for s in statements):
        return sites == 1 or size <= FEW_CALLS
    if kind in CONTAINERS and sites == 1 and any(not isinstance(s, LayerStep) for s in statements):
        return True
    return size <= SMALL and (sites < OFTEN or (size > 2 and sites < 2 * OFTEN))


def _statements(steps: Sequence[AnyStep]) -> Iterator[AnyStep]:
    for step in steps:
        if isinstance(step, BranchStep):
            yield step
            yield from _statements(step.steps)
        elif not isinstance(step, NoteStep):
            yield step


def _inlined(function: Function, steps: Sequence[AnyStep]) -> list[AnyStep]:
    """Steps with those of functions that are taken in instead of their calls."""
    highest = max(
        [function.tensors - 1, *function.results, *_tensors(steps)],
        default=0,
    )
    fresh = iter(range(highest + 1, 1 << 30))
    same: dict[int, int] = {}

    def taken(steps: Sequence[AnyStep]) -> list[AnyStep]:
        made: list[AnyStep] = []
        for step in steps:
            step = _placed(step, lambda t: same.get(t, t), lambda t: t, {})
            if isinstance(step, BranchStep):
                made.append(dataclasses.replace(step, steps=tuple(taken(step.steps))))
            elif isinstance(step, CallStep) and step.callee.taken_in:
                made += _body(step, fresh, same)
            else:
                made.append(step)
        return made

    made = taken(steps)
    function.results = tuple(same.get(r, r) for r in function.results)
    return made


def _tensors(steps: Sequence[AnyStep]) -> Iterator[int]:
    for step in steps:
        yield from inputs_of(step)
        yield from outputs_of(step)
        if isinstance(step, BranchStep):
            yield from _tensors(step.steps)


def _body(call: CallStep, fresh: Iterator[int], same: dict[int, int]) -> list[AnyStep]:
    """The callee's steps, in the place of a call."""
    callee = call.callee
    tensors = dict(enumerate(call.inputs))
    inner = {r: o for r, o in zip(callee.results, call.outputs, strict=True) if r not in tensors}

    def tensor(t: int) -> int:
        if t not in tensors:
            tensors[t] = inner[t] if t in inner else next(fresh)
        return tensors[t]

    arguments = {name: a for (_, name), a in zip(callee.parameters, call.arguments, strict=True)}
    made: list[AnyStep] = []
    def settled(steps: Sequence[AnyStep]) -> Iterator[AnyStep]:
        """Steps without branches that are decided by now."""
        for step in steps:
            if not isinstance(step, BranchStep):
                yield _placed(step, lambda t: same.get(t, t), lambda t: t, {})
            elif not isinstance(step.flag, bool):
                inner_steps = tuple(settled(step.steps))
                yield dataclasses.replace(step, steps=inner_steps, before=same.get(step.before, step.before))
            elif step.flag:
                yield from settled(step.steps)
            else:
                same[step.after] = same.get(step.before, step.before)

    made = list(settled([_placed(step, tensor, _at(call.at), arguments) for step in callee.steps]))
    size = sum(1 for _ in _statements(made))
    if size > 1:
        text = f"{call.path}: {call.shapes}" if call.shapes and AT not in call.at else ""
        return [NoteStep(text=text), *made, NoteStep(text="", end=True)]
    return made


def _looped(steps: Sequence[AnyStep]) -> Iterator[AnyStep]:
    """Steps with loops in the place of calls that differ in an index only."""
    used: dict[int, int] = {}
    for step in steps:
        for t in inputs_of(step):
            used[t] = used.get(t, 0) + 1
    begin = 0
    while begin < len(steps):
        loop, end = _loop(steps, begin, used)
        yield loop or steps[begin]
        begin = end if loop else begin + 1


def _loop(steps: Sequence[AnyStep], begin: int, used: Mapping[int, int]) -> tuple[LoopStep | None, int]:
    first = steps[begin]
    if not isinstance(first, CallStep) or not first.outputs:
        return None, begin
    last, end = first, begin + 1
    found: tuple[Text, int] | None = None
    feeds: tuple[int, ...] = ()
    while end < len(steps):
        step = steps[end]
        if not isinstance(step, CallStep) or step.callee is not first.callee:
            break
        if step.arguments != first.arguments:
            break
        fed = tuple(last.outputs.index(t) if t in last.outputs else -1 for t in step.inputs)
        if sorted(f for f in fed if f >= 0) != list(range(len(last.outputs))):
            break
        constant = all(f >= 0 or t == u for f, t, u in zip(fed, step.inputs, first.inputs, strict=True))
        if not constant or (feeds and fed != feeds) or any(used.get(o) != 1 for o in last.outputs):
            break
        counted = _counted(last.at, step.at)
        if counted is None or (found and counted[0] != found[0]):
            break
        found, feeds, last, end = found or counted, fed, step, end + 1
    if found is None or end - begin < LOOP:
        return None, begin
    call = dataclasses.replace(first, at=found[0], outputs=last.outputs)
    return LoopStep(call=call, begin=found[1], end=found[1] + end - begin, feeds=feeds), end


def _counted(a: Text, b: Text) -> tuple[Text, int] | None:
    """The name with an index in the place of the only number that is one higher in `b`, and that of `a`."""
    if len(a) != len(b):
        return None
    found: tuple[Text, int] | None = None
    for place, (p, q) in enumerate(zip(a, b, strict=True)):
        if p == q:
            continue
        if found or not isinstance(p, str) or not isinstance(q, str):
            return None
        left, right = re.split(r"(\d+)", p), re.split(r"(\d+)", q)
        different = [i for i, (s, t) in enumerate(zip(left, right, strict=False)) if s != t]
        if len(left) != len(right) or len(different) != 1 or different[0] % 2 == 0:
            return None
        k = different[0]
        if str(int(left[k])) != left[k] or str(int(left[k]) + 1) != right[k]:
            return None
        parts = (*a[:place], "".join(left[:k]), INDEX, "".join(left[k + 1 :]), *a[place + 1 :])
        found = join(*(p for p in parts if p != "")), int(left[k])
    return found
