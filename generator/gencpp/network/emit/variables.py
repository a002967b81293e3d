"""Which C++ variable holds which tensor of a function.

A variable is used again once nothing needs what it holds, so that a chain of layers reads `x = ...; x = ...`.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field

from ..plan import Constant
from .layers import expression
from .names import variable
from .steps import (
    AnyStep,
    BranchStep,
    CallStep,
    Function,
    LayerStep,
    LoopStep,
    NoteStep,
    inputs_of,
    outputs_of,
    statements,
)

NESTED = 80
"""Characters of a constant that is written where it is used."""

_FOREVER = 1 << 30

_ORDINALS = ("first", "second", "third", "fourth")


@dataclass(slots=True, eq=False)
class Variable:
    """A variable and the tensors that it holds one after the other."""

    hint: str
    tensors: list[int] = field(default_factory=list)
    name: str = ""
    one_of_several: bool = False
    depth: int = 0


class Variables:
    """The variables of one function."""

    def __init__(self, function: Function, inputs: Sequence[str], taken: Collection[str]) -> None:
        """`inputs`: names of the variables that hold the first tensors."""
        self.copied: set[int] = set()
        """Results of branches that begin as a copy of what they change."""
        self.nested: dict[int, str] = {}
        """Expressions of constants that are written where they are used."""
        self._function = function
        self._last: dict[int, int] = {}
        self._made: dict[int, int] = {}
        self._begins: dict[int, float] = {}
        """When a tensor's variable is first written, where that is before the tensor is made."""
        self._holder: dict[int, Variable] = {}
        self._variables: list[Variable] = []
        self._clock = 0
        self._depth = 0
        for time, step in enumerate(statements(function.steps), 1):
            self._live(step, time)
        self._last.update(dict.fromkeys(function.results, _FOREVER))
        for tensor, name in enumerate(inputs):
            self._made[tensor] = -1
            self._last.setdefault(tensor, -1)
            self._hold(tensor, self._new(name))
            self._variables[-1].name = name
        self._nest(function.steps)
        self._place(function.steps, self._variables[0] if inputs else None)
        self._name({*taken, *inputs, *(name for _, name in function.parameters)})

    def holder(self, tensor: int) -> str:
        """The variable of a tensor."""
        return self._holder[tensor].name

    def used(self, tensor: int) -> bool:
        """Whether anything takes a tensor."""
        return self._last[tensor] > self._made[tensor]

    # --- what lives when: a statement is a point in time ---

    def _live(self, step: AnyStep, time: int) -> None:
        if isinstance(step, BranchStep):  # what is inside comes next
            self._last[step.before] = time
            return
        self._last.update(dict.fromkeys(inputs_of(step), time))
        for made in outputs_of(step):
            self._made[made] = time
            self._last.setdefault(made, time)

    def _idle(self, held: Variable, now: int) -> bool:
        """Whether nothing that the variable holds by `now` is needed after it."""
        return all(self._last[t] <= now or self._made[t] > now for t in held.tensors)

    def _nest(self, steps: Sequence[AnyStep]) -> None:
        """Finds constants that stand right before the only layer that uses them."""
        uses: dict[int, int] = {}
        for step in statements(self._function.steps):
            for i in (step.before,) if isinstance(step, BranchStep) else _all_inputs(step):
                uses[i] = uses.get(i, 0) + 1
        for a, b in itertools.pairwise(steps):
            if isinstance(a, BranchStep):
                self._nest(a.steps)
            if not (isinstance(a, LayerStep) and isinstance(a.layer, Constant) and isinstance(b, LayerStep)):
                continue
            (made,) = a.outputs
            text = expression(a, ())
            only = uses.get(made) == 1 and made in b.inputs and made not in self._function.results
            if only and len(text) <= NESTED:
                self.nested[made] = text

    # --- which variable ---

    def _place(self, steps: Sequence[AnyStep], home: Variable | None) -> None:
        """`home` is where the main chain of tensors lives."""
        for step in steps:
            if isinstance(step, NoteStep):
                continue
            self._clock += 1
            outputs = outputs_of(step)
            if isinstance(step, BranchStep):
                self._place_branch(step, home)
            elif len(outputs) > 1:
                self._place_several(step)
            elif outputs and outputs[0] not in self.nested:
                made = outputs[0]
                self._hold(made, self._holder.get(made) or self._choose(step, home))

    def _place_several(self, step: AnyStep) -> None:
        """Takes variables of earlier results where enough are free, else new ones."""
        outputs = outputs_of(step)
        free = [v for v in self._variables if v.one_of_several and v.depth == self._depth]
        free = [v for v in free if self._idle(v, self._clock)]
        if isinstance(step, LayerStep):
            free = []  # a structure, which std::tie does not take
        for k, tensor in enumerate(outputs):
            if tensor in self._holder:  # where a branch leaves it
                continue
            held = free[k] if len(free) >= len(outputs) else self._new(self._hint(step, k))
            held.one_of_several = True
            held.depth = self._depth
            self._hold(tensor, held)

    def _place_branch(self, step: BranchStep, home: Variable | None) -> None:
        """Changes a variable in place where nothing else needs it, else a copy."""
        now, before = self._clock, self._holder[step.before]
        inner = list(statements(step.steps))
        plain = step.after in outputs_of(inner[-1])
        if plain and self._last[step.before] <= now + len(inner) and self._idle(before, now + len(inner)):
            target = before
        else:
            idle = home is not None and home is not before and self._idle(home, now)
            target = home if home and idle else self._new(self._hint(inner[-1], 0))
            self.copied.add(step.after)
            self._begins[step.after] = now
        self._hold(step.after, target)
        self._depth += 1
        self._place(step.steps, target if plain else None)
        self._depth -= 1

    def _choose(self, step: AnyStep, home: Variable | None) -> Variable:
        now = self._clock
        inputs = [i for i in dict.fromkeys(inputs_of(step)) if i not in self.nested]
        if isinstance(step, LoopStep):  # what does not change stays what it is in every round
            fed = [i for i, f in zip(step.call.inputs, step.feeds, strict=True) if f >= 0]
            kept = {self._holder[i] for i in inputs if i not in fed}
            self._begins.update(dict.fromkeys(outputs_of(step), now - 0.5))
            inputs, home = fed, None if home in kept else home
        dying = [self._holder[i] for i in inputs if self._last[i] <= now]
        free = [v for v in dying if self._idle(v, now)]
        at_home = home is not None and self._idle(home, now)
        if home and at_home and (home in dying or len(inputs) > 1):
            return home
        if free and len(inputs) < 3:
            return free[0]
        return home if home and at_home and inputs else self._new(self._hint(step, 0))

    def _hold(self, tensor: int, held: Variable) -> None:
        self._holder[tensor] = held
        if tensor not in held.tensors:
            held.tensors.append(tensor)

    def _new(self, hint: str) -> Variable:
        self._variables.append(Variable(hint=hint))
        return self._variables[-1]

    # --- names ---

    def _hint(self, step: AnyStep, index: int) -> str:
        """A name after the layer or the module, relative to the function."""
        if isinstance(step, LoopStep):
            step = step.call
        if len(outputs_of(step)) > 1:
            names = ("values", "indices") if isinstance(step, LayerStep) else _ORDINALS
            return names[index] if index < len(names) else f"result_{index + 1}"
        name: object = ()
        if isinstance(step, LayerStep):
            name = step.values["name"][1]
        elif isinstance(step, CallStep):
            name = step.at
        text = "".join(p for p in name if isinstance(p, str)) if isinstance(name, tuple) else ""
        parts = [re.sub(r"_\d+$", "", p) for p in re.split(r"[./]", text) if p and not p.isdigit()]
        return (parts[0] if self._function.prefixed else parts[-1]) if parts else "y"

    def _name(self, taken: set[str]) -> None:
        """`y` where two variables are enough, else after layers."""
        begins = {**self._made, **self._begins}
        spans = {v: [(begins[t], self._last[t]) for t in v.tensors] for v in self._variables}
        second: list[Variable] = []
        for held in self._variables:
            if held.name:
                continue
            others = (o for o in self._variables if o is not held)
            crowd = [o for o in others if any(_meet(a, b) for a in spans[held] for b in spans[o])]
            if len(crowd) <= 1 and not held.one_of_several and not any(o in second for o in crowd):
                held.name = "y"
                second.append(held)
            else:
                held.name = variable(held.hint, taken)
                taken.add(held.name)


def _all_inputs(step: AnyStep) -> Iterator[int]:
    """With those that are there twice."""
    if isinstance(step, LayerStep | CallStep):
        yield from (i for i in step.inputs if i >= 0)
    else:
        yield from inputs_of(step)


def _meet(a: tuple[float, int], b: tuple[float, int]) -> bool:
    return max(a[0], b[0]) < min(a[1], b[1])
