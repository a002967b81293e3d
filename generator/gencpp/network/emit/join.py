"""Families that are alike but for a few steps, joined into one."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from .groups import Group

FLAGS = 3
"""Most parts that may be left out of one function."""

ABSENT = -1


@dataclass(slots=True)
class Step:
    """A layer or the call of another family; tensors are numbers, the group's inputs first."""

    head: tuple[object, ...]
    """What must be equal: kind, relative name and fixed attributes, or the family that is called."""
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    present: frozenset[int] = frozenset({0})
    """Forms that have it."""
    bypass: int | None = None
    """The tensor that takes the place of its output where it is absent."""


@dataclass(slots=True, eq=False)
class Family:
    """Groups that one function stands for."""

    number: int
    kind: str
    """Class of the module; "" where it is not known or differs."""
    steps: list[Step]
    inputs: int
    outputs: tuple[int, ...]
    height: int
    forms: list[list[int | None]]
    """For each form and step the index of a member's item, None where the form lacks the step."""
    members: list[tuple[Group, int]] = field(default_factory=list)
    """With the number of their form, in the order of the plan."""


def form_of(family: Family, one: Family) -> int | None:
    """The form of `family` that a family of one form is."""
    for number in range(len(family.forms)):
        form = one_form(family, number)
        if form.outputs == one.outputs and [(s.head, s.inputs, s.outputs) for s in form.steps] == [
            (s.head, s.inputs, s.outputs) for s in one.steps
        ]:
            return number
    return None


def one_form(family: Family, number: int) -> Family:
    """A form of a family as a family of its own, tensors numbered anew."""
    if len(family.forms) == 1:
        return family
    ids = {i: i for i in range(family.inputs)}
    steps = []
    for index, step in _in_form(family, number):
        for o in step.outputs:
            ids[o] = len(ids)
        inputs = tuple(ABSENT if i == ABSENT else ids[_seen(family.steps, i, number)] for i in step.inputs)
        outputs = tuple(ids[o] for o in step.outputs)
        steps.append((family.forms[number][index], Step(head=step.head, inputs=inputs, outputs=outputs)))
    return Family(
        number=family.number,
        kind=family.kind,
        steps=[s for _, s in steps],
        inputs=family.inputs,
        outputs=tuple(ids[_seen(family.steps, o, number)] for o in family.outputs),
        height=family.height,
        forms=[list(range(len(steps)))],
    )


def _in_form(family: Family, number: int) -> Iterator[tuple[int, Step]]:
    return ((i, s) for i, s in enumerate(family.steps) if number in s.present)


def _seen(steps: Sequence[Step], tensor: int, form: int) -> int:
    """The tensor that a form has where the steps say `tensor`."""
    for step in reversed(steps):
        if tensor in step.outputs and form not in step.present:
            if step.bypass is None:
                return ABSENT - 1
            tensor = step.bypass
    return tensor


def joined_family(a: Family, b: Family) -> Family | None:
    """`a` with the only form of `b` as one more form; None where they are not alike."""
    where_a = {s.head: i for i, s in enumerate(a.steps)}
    where_b = {s.head: i for i, s in enumerate(b.steps)}
    if len(where_a) < len(a.steps) or len(where_b) < len(b.steps) or a.inputs != b.inputs:
        return None
    names = {_name(h): h for h in where_a}
    if any(names.get(_name(h), h) != h for h in where_b):
        return None
    common = [h for h in where_a if h in where_b]
    if common != [h for h in where_b if h in where_a] or len(a.outputs) != len(b.outputs):
        return None
    order: list[tuple[int | None, int | None]] = []
    i = j = 0
    for head in [*common, None]:
        while i < len(a.steps) and a.steps[i].head != head:
            order.append((i, None))
            i += 1
        while j < len(b.steps) and b.steps[j].head != head:
            order.append((None, j))
            j += 1
        if head is not None:
            order.append((i, j))
            i, j = i + 1, j + 1
    # most of it must be common, or the function would be nothing but branches
    if len(common) < 2 or 2 * len(common) < len(order):
        return None
    choices = []
    for ia, jb in order:
        step = a.steps[ia] if ia is not None else b.steps[jb or 0]
        open_ = (ia is None or jb is None) and step.bypass is None
        choices.append(range(len(step.inputs) or 1) if open_ else range(1))
    for choice in itertools.islice(itertools.product(*choices), 16):
        if (made := _wired(a, b, order, choice)) is not None:
            return made
    return None


def _name(head: tuple[object, ...]) -> tuple[object, ...]:
    return head[:1] + head[2:3] if head[0] == "layer" else head[:2]


def _wired(
    a: Family, b: Family, order: Sequence[tuple[int | None, int | None]], choice: Sequence[int]
) -> Family | None:
    """The joined steps, where one wiring serves all forms."""
    new = len(a.forms)
    everyone = frozenset(range(new))
    fresh = itertools.count(1 + max([a.inputs - 1, *(o for s in a.steps for o in s.outputs)]))
    ids = {i: i for i in range(b.inputs)}
    steps: list[Step] = []
    known = list(range(a.inputs))

    def unified(old: int | None, its: int | None, forms: frozenset[int]) -> int | None:
        """A tensor that is `old` in the forms of `a` and `its` in the new one."""
        for u in reversed(known):
            if old is not None and any(_seen(steps, u, f) != _seen(steps, old, f) for f in forms):
                continue
            if its is None or _seen(steps, u, new) == _seen(steps, ids[its], new):
                return u
        return None

    for (ia, jb), pick in zip(order, choice, strict=True):
        sa = a.steps[ia] if ia is not None else None
        sb = b.steps[jb] if jb is not None else None
        if sa is not None and sb is not None:
            inputs = []
            if len(sa.inputs) != len(sb.inputs):
                return None
            for old, its in zip(sa.inputs, sb.inputs, strict=True):
                if ABSENT in (old, its):
                    if old != its:
                        return None
                    inputs.append(ABSENT)
                    continue
                found = unified(old, its, sa.present)
                if found is None:
                    return None
                inputs.append(found)
            ids.update(zip(sb.outputs, sa.outputs, strict=True))
            step = Step(
                head=sa.head,
                inputs=tuple(inputs),
                outputs=sa.outputs,
                present=sa.present | {new},
                bypass=sa.bypass,
            )
        elif sa is not None:
            step = Step(
                head=sa.head, inputs=sa.inputs, outputs=sa.outputs, present=sa.present, bypass=sa.bypass
            )
        else:
            assert sb is not None
            outputs = tuple(next(fresh) for _ in sb.outputs)
            inputs_b = tuple(ABSENT if i == ABSENT else ids[i] for i in sb.inputs)
            ids.update(zip(sb.outputs, outputs, strict=True))
            step = Step(head=sb.head, inputs=inputs_b, outputs=outputs, present=frozenset({new}))
        if len(step.present) <= new and step.bypass is None and step.inputs and len(step.outputs) == 1:
            step.bypass = step.inputs[pick] if step.inputs[pick] != ABSENT else None
        steps.append(step)
        known += step.outputs
    results = [unified(o, p, everyone) for o, p in zip(a.outputs, b.outputs, strict=True)]
    if any(r is None for r in results):
        return None
    index_b = {jb: k for k, (_, jb) in enumerate(order) if jb is not None}
    forms = [[None if ia is None else form[ia] for ia, _ in order] for form in a.forms]
    added: list[int | None] = [None] * len(order)
    for jb, k in index_b.items():
        added[k] = b.forms[0][jb]
    made = Family(
        number=a.number,
        kind=a.kind,
        steps=steps,
        inputs=a.inputs,
        outputs=tuple(r for r in results if r is not None),
        height=max(a.height, b.height),
        forms=[*forms, added],
        members=a.members,
    )
    return made if _can_branch(made) else None


def regions(family: Family) -> list[tuple[int, int]]:
    """Runs of steps, as begin and end, that the same forms have; only those that not all have."""
    found = []
    begin = 0
    for i in range(1, len(family.steps) + 1):
        if i == len(family.steps) or family.steps[i].present != family.steps[begin].present:
            if len(family.steps[begin].present) < len(family.forms):
                found.append((begin, i))
            begin = i
    return found


def region_border(family: Family, begin: int, end: int) -> tuple[int, int] | None:
    """The tensor that a run of steps changes, before and after it; None where it is not one."""
    inside = {o for s in family.steps[begin:end] for o in s.outputs}
    used = {i for s in (*family.steps[:begin], *family.steps[end:]) for i in s.inputs} | set(family.outputs)
    after = sorted(inside & used)
    if len(after) != 1:
        return None
    missing = next(f for f in range(len(family.forms)) if f not in family.steps[begin].present)
    before = after[0]
    for step in reversed(family.steps[begin:end]):
        if before in step.outputs:
            if step.bypass is None or missing in step.present:
                return None
            before = step.bypass
    return before, after[0]


def _can_branch(family: Family) -> bool:
    found = regions(family)
    flags = {family.steps[begin].present for begin, _ in found}
    return len(flags) <= FLAGS and all(region_border(family, *r) is not None for r in found)
