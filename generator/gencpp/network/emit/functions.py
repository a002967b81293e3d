"""Families as functions, with small ones taken into their callers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from ..plan import NetworkPlan
from .groups import Group, is_container
from .inline import inlined, looped
from .join import Family, region_border, regions
from .merge import Families, item_of
from .names import snake, variable
from .params import Signature, arguments, constants, signatures
from .steps import (
    AT,
    AnyStep,
    BranchStep,
    CallStep,
    Function,
    LayerStep,
    codes_of,
    placed,
    prefixing,
    statements,
)
from .values import Code, Param, join

SMALL = 3
"""Statements of a function that is taken into its callers."""

FEW_CALLS = 8
"""Statements of a container that is."""

OFTEN = 3
"""Places from which even a function of two statements is called rather than taken in."""


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
        # a parameter would hide a function of its name
        self._names = {c.name for signature in signed.values() for c in signature.columns}

    def made(self, root: Group) -> list[Function]:
        ordered = self._families.ordered()
        sites = self._sites(ordered)
        for family in ordered:
            function = self._function(family)
            self._functions[family.number] = function
            steps = inlined(function, function.steps)
            function.steps = list(looped(steps, function.results))
            codes = set(codes_of(function.steps))
            function.prefixed = AT.text in codes
            function.needed = frozenset(name for _, name in function.parameters if name in codes)
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
            wanted = kind if kind and not is_container(kind) else wanted
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
            flag = Param((signature.flags[family.steps[index].present],))
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
            made.steps = [placed(s, lambda t: t, prefixing(join(group.path)), {}) for s in steps]
        return made

    def _step(self, family: Family, signature: Signature, index: int) -> AnyStep:
        step = family.steps[index]
        items = [item_of(family, m, index) for m in range(len(family.members))]
        item = next(i for i in items if i is not None)
        if not isinstance(item, Group):
            return LayerStep(
                layer=item, values=constants(signature, index), inputs=step.inputs, outputs=step.outputs
            )
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
        before = _few([self._shape_of(t) for t in group.inputs])
        after = _few([self._shape_of(t) for t in group.outputs])
        return f"{before} -> {after}" if before and after else after

    def _note(self, family: Family) -> list[str]:
        """The lines above a function: what it is, where, and the shapes, of the first where they differ."""
        groups = [g for g, _ in family.members]
        first, last = groups[0], groups[-1]
        kind = self._plan.modules.get(first.path, "")
        where = first.path
        if len(groups) > 1:
            where = f"{first.path} {'and' if len(groups) == 2 else 'to'} {last.path}"
            where += f", {len(groups)} times" if len(groups) > 2 else ""
        differ = len({self._shapes(g) for g in groups}) > 1
        shapes = self._shapes(first) + (f" in {first.path}" if differ else "")
        return [f"{kind}: {where}." if kind else f"{where}.", shapes]


def _few(shapes: Sequence[str]) -> str:
    if len(shapes) <= 4:
        return ", ".join(shapes)
    return f"{shapes[0]} and {len(shapes) - 1} more"


def _last_name(path: str) -> str:
    return next((p for p in reversed(path.split(".")) if not p.isdigit()), path)


def _taken_in(function: Function, kind: str, sites: int) -> bool:
    """Whether a function is better read where it is called."""
    content = list(statements(function.steps))
    size = len(content)
    if len(function.results) != 1:
        return size <= SMALL
    if size <= 1:
        return True
    if is_container(kind) and not any(isinstance(s, LayerStep) for s in content):
        return sites == 1 or size <= FEW_CALLS
    if is_container(kind) and sites == 1 and any(not isinstance(s, LayerStep) for s in content):
        return True
    if len(function.parameters) > size:
        return size <= SMALL  # its parameters would say no less than its statements
    return size <= SMALL and sites < (OFTEN if size < SMALL else 2 * OFTEN)
