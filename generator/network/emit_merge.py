"""Groups that are alike, as families: one list of steps for all, some of which not every member has.

Two groups are alike when their layers have the same kinds, wiring and names relative to their paths.
A group without a step is alike too, where what follows takes an input of that step instead of its output.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from .emit_groups import Group
from .emit_values import structure
from .plan import Layer, NetworkPlan

CONTAINERS = ("Sequential", "ModuleList", "ModuleDict")
"""Classes of torch.nn that only hold others."""

FLAGS = 3
"""Most parts that may be left out of one function."""

_ABSENT = -1


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


class Families:
    """All groups below a root by their family, each group in exactly one."""

    def __init__(self, root: Group, plan: NetworkPlan) -> None:
        self._root = root
        self._plan = plan
        self._table = {w.name: w for w in plan.weights}
        self._numbers: dict[tuple[object, ...], int] = {}
        self._same: dict[int, int] = {}
        self._templates: dict[int, Family] = {}
        self._refused: set[tuple[int, int]] = set()
        self.of: dict[Group, Family] = {}
        self._gather()
        while self._join_two():
            self._gather()

    def ordered(self) -> list[Family]:
        """Those that are called before those that call them, else in the order of the plan."""
        families = list(dict.fromkeys(self.of.values()))
        return sorted(families, key=lambda f: f.height)

    def _gather(self) -> None:
        """Families of equal groups, and of those that were found to be alike, from the leaves on."""
        self.of = {}
        families: dict[int, Family] = {}
        for group in self._root.groups():
            made = self._alone(group)
            number = self._find(made.number)
            if number not in families:
                families[number] = self._joined(number) or made
            form = _form_of(families[number], made)
            if form is None:  # what it calls has changed since it was joined
                number, form = made.number, 0
                families.setdefault(number, made)
            families[number].members.append((group, form))
            self.of[group] = families[number]

    def _joined(self, number: int) -> Family | None:
        """A joined family without members; calls under the numbers that families have by now."""
        there = self._templates.get(number)
        if there is None:
            return None
        steps = [dataclasses.replace(s, head=self._renumbered(s.head)) for s in there.steps]
        return dataclasses.replace(there, steps=steps, members=[])

    def _renumbered(self, head: tuple[object, ...]) -> tuple[object, ...]:
        callee = head[2]
        return (*head[:2], self._find(callee)) if head[0] == "call" and isinstance(callee, int) else head

    def _find(self, number: int) -> int:
        while number in self._same:
            number = self._same[number]
        return number

    def _join_two(self) -> bool:
        """Finds two families that are alike but for a few steps; the lowest first."""
        families = [f for f in self.ordered() if f.kind and f.kind not in CONTAINERS]
        for a, b in itertools.combinations(families, 2):
            pair = (a.number, b.number)
            if a.kind != b.kind or pair in self._refused or a.inputs != b.inputs:
                continue
            joined: Family | None = a
            for form in range(len(b.forms)):
                joined = joined_family(joined, _one_form(b, form)) if joined else None
            if joined is None:
                self._refused.add(pair)
                continue
            self._same[b.number] = a.number
            self._templates[a.number] = joined
            return True
        return False

    def _alone(self, group: Group) -> Family:
        """A family of this group only."""
        ids: dict[str, int] = {name: i for i, name in enumerate(group.inputs)}
        steps = []
        height = 0
        for item in group.items:
            if isinstance(item, Group):
                callee = self.of[item]
                inputs, outputs = item.inputs, item.outputs
                head: tuple[object, ...] = ("call", item.path[len(group.path) :], callee.number)
                height = max(height, callee.height + 1)
            else:
                inputs, outputs = item.inputs, item.outputs
                head = ("layer", *structure(item, group.path, self._table))
            for name in outputs:
                ids[name] = len(ids)
            step_inputs = tuple(ids[n] if n else _ABSENT for n in inputs)
            steps.append(Step(head=head, inputs=step_inputs, outputs=tuple(ids[n] for n in outputs)))
        outputs_ = tuple(ids[n] for n in group.outputs)
        kind = self._plan.modules.get(group.path, "")
        key = (
            kind,
            len(group.inputs),
            outputs_,
            tuple((s.head, s.inputs, s.outputs) for s in steps),
            group.path == "",
        )
        return Family(
            number=self._numbers.setdefault(key, len(self._numbers)),
            kind=kind,
            steps=steps,
            inputs=len(group.inputs),
            outputs=outputs_,
            height=height,
            forms=[list(range(len(steps)))],
        )


def _form_of(family: Family, one: Family) -> int | None:
    """The form of `family` that a family of one form is."""
    for number in range(len(family.forms)):
        form = _one_form(family, number)
        if form.outputs == one.outputs and [(s.head, s.inputs, s.outputs) for s in form.steps] == [
            (s.head, s.inputs, s.outputs) for s in one.steps
        ]:
            return number
    return None


def _one_form(family: Family, number: int) -> Family:
    """A form of a family as a family of its own, tensors numbered anew."""
    if len(family.forms) == 1:
        return family
    ids = {i: i for i in range(family.inputs)}
    steps = []
    for index, step in _in_form(family, number):
        for o in step.outputs:
            ids[o] = len(ids)
        inputs = tuple(_ABSENT if i == _ABSENT else ids[_seen(family.steps, i, number)] for i in step.inputs)
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
                return _ABSENT - 1
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
                if _ABSENT in (old, its):
                    if old != its:
                        return None
                    inputs.append(_ABSENT)
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
            inputs_b = tuple(_ABSENT if i == _ABSENT else ids[i] for i in sb.inputs)
            ids.update(zip(sb.outputs, outputs, strict=True))
            step = Step(head=sb.head, inputs=inputs_b, outputs=outputs, present=frozenset({new}))
        if len(step.present) <= new and step.bypass is None and step.inputs and len(step.outputs) == 1:
            step.bypass = step.inputs[pick] if step.inputs[pick] != _ABSENT else None
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


def item_of(family: Family, member: int, step: int) -> Layer | Group | None:
    """What a member has as a step."""
    group, form = family.members[member]
    index = family.forms[form][step]
    return None if index is None else group.items[index]
