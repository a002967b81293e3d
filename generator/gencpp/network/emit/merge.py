"""Groups that are alike, as families: one list of steps for all, some of which not every member has.

Two groups are alike when their layers have the same kinds, wiring and names relative to their paths.
A group without a step is alike too, where what follows takes an input of that step instead of its output.
"""

from __future__ import annotations

import dataclasses
import itertools

from ..plan import Layer, NetworkPlan
from .groups import Group, is_container
from .join import ABSENT, Family, Step, form_of, joined_family, one_form
from .values import structure


class Families:
    """All groups below a root by their family, each group in exactly one."""

    def __init__(self, root: Group, plan: NetworkPlan) -> None:
        self._root = root
        self._plan = plan
        self._table = {w.name: w for w in plan.weights}
        self._numbers: dict[tuple[object, ...], int] = {}
        self._same: dict[int, int] = {}
        self._templates: dict[int, Family] = {}
        self._tried: set[tuple[int, int]] = set()
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
            form = form_of(families[number], made)
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
        families = [f for f in self.ordered() if f.kind and not is_container(f.kind)]
        for a, b in itertools.combinations(families, 2):
            pair = (a.number, b.number)
            if a.kind != b.kind or pair in self._tried or a.inputs != b.inputs:
                continue
            self._tried.add(pair)
            joined: Family | None = a
            for form in range(len(b.forms)):
                joined = joined_family(joined, one_form(b, form)) if joined else None
            if joined is None:
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
            step_inputs = tuple(ids[n] if n else ABSENT for n in inputs)
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


def item_of(family: Family, member: int, step: int) -> Layer | Group | None:
    """What a member has as a step."""
    group, form = family.members[member]
    index = family.forms[form][step]
    return None if index is None else group.items[index]
