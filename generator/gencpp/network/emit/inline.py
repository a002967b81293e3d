"""Small functions taken into their callers, and equal calls in a row as loops."""

from __future__ import annotations

import collections
import dataclasses
import re
from collections.abc import Iterator, Sequence

from .steps import (
    AT,
    INDEX,
    AnyStep,
    BranchStep,
    CallStep,
    Function,
    LoopStep,
    NoteStep,
    inputs_of,
    outputs_of,
    placed,
    prefixing,
    statements,
)
from .values import Text, join

LOOP = 3
"""Calls that become a loop."""


def inlined(function: Function, steps: Sequence[AnyStep]) -> list[AnyStep]:
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
            step = placed(step, lambda t: same.get(t, t), lambda t: t, {})
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
                yield placed(step, lambda t: same.get(t, t), lambda t: t, {})
            elif not isinstance(step.flag, bool):
                inner_steps = tuple(settled(step.steps))
                yield dataclasses.replace(step, steps=inner_steps, before=same.get(step.before, step.before))
            elif step.flag:
                yield from settled(step.steps)
            else:
                same[step.after] = same.get(step.before, step.before)

    made = list(settled([placed(step, tensor, prefixing(call.at), arguments) for step in callee.steps]))
    size = sum(1 for _ in statements(made))
    if size > 1:
        text = f"{call.path}: {call.shapes}" if call.shapes and AT not in call.at else ""
        return [NoteStep(text=text), *made, NoteStep(text="", end=True)]
    return made


def looped(steps: Sequence[AnyStep], results: Sequence[int]) -> Iterator[AnyStep]:
    """Steps with loops in the place of calls that differ in an index only."""
    used = collections.Counter(results)
    for step in steps:
        used.update(inputs_of(step))
    begin = 0
    while begin < len(steps):
        loop, end = _loop(steps, begin, used)
        yield loop or steps[begin]
        begin = end if loop else begin + 1


def _loop(
    steps: Sequence[AnyStep], begin: int, used: collections.Counter[int]
) -> tuple[LoopStep | None, int]:
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
        if not constant or (feeds and fed != feeds) or any(used[o] != 1 for o in last.outputs):
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
