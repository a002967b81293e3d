"""A function's steps as C++ statements: which variable holds which tensor, and the text of every line."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field

from .emit_functions import (
    AnyStep,
    BranchStep,
    CallStep,
    Function,
    LayerStep,
    LoopStep,
    NoteStep,
    inputs_of,
    outputs_of,
)
from .emit_layers import expression
from .emit_names import variable
from .emit_values import INDENT, TYPES, code, text_code
from .plan import Constant

NESTED = 64
"""Characters of a constant that is written where it is used."""

_FOREVER = 1 << 30

_ORDINALS = ("first", "second", "third", "fourth")


@dataclass(slots=True, eq=False)
class Variable:
    """A C++ variable: the tensors that it holds one after the other."""

    hint: str
    tensors: list[int] = field(default_factory=list)
    name: str = ""
    one_of_several: bool = False
    depth: int = 0


class Body:
    """The statements of one function."""

    def __init__(
        self,
        function: Function,
        inputs: Sequence[str],
        taken: Collection[str],
        comment: Callable[[AnyStep], str] = lambda _: "",
    ) -> None:
        """`inputs`: names of the variables that hold the first tensors."""
        self._function = function
        self._taken = set(taken) | {name for _, name in function.parameters}
        self._comment = comment
        self._last: dict[int, int] = {}
        self._made: dict[int, int] = {}
        self._holder: dict[int, Variable] = {}
        self._variables: list[Variable] = []
        self._copied: set[int] = set()
        self._clock = 0
        self._depth = 0
        self._nested: dict[int, str] = {}
        for step in _flat(function.steps):
            self._times(step)
        self._last.update(dict.fromkeys(function.results, _FOREVER))
        for i, name in enumerate(inputs):
            made = Variable(hint=name, tensors=[i], name=name)
            self._variables.append(made)
            self._holder[i] = made
            self._made[i] = -1
            self._last.setdefault(i, -1)
        self._nest(function.steps)
        self._clock = 0
        self._place(function.steps, self._variables[0] if self._variables else None)
        self._name()

    def holder(self, tensor: int) -> str:
        """The variable of a tensor that the function leaves behind."""
        return self._holder[tensor].name

    # --- which tensor lives when ---

    def _times(self, step: AnyStep) -> None:
        self._clock += 1
        inputs = (step.before,) if isinstance(step, BranchStep) else inputs_of(step)
        self._last.update(dict.fromkeys(inputs, self._clock))
        if not isinstance(step, BranchStep):
            self._made.update(dict.fromkeys(outputs_of(step), self._clock))
            for o in outputs_of(step):
                self._last.setdefault(o, self._clock)

    def _nest(self, steps: Sequence[AnyStep]) -> None:
        """Constants that stand right before the only layer that uses them."""
        uses: dict[int, int] = {}
        for step in _flat(self._function.steps):
            for i in (step.before,) if isinstance(step, BranchStep) else inputs_of(step):
                uses[i] = uses.get(i, 0) + 1
        for a, b in zip(steps, steps[1:], strict=False):
            if isinstance(a, LayerStep) and isinstance(a.layer, Constant) and isinstance(b, LayerStep):
                (made,) = a.outputs
                text = expression(a, ())
                if uses.get(made) == 1 and made in b.inputs and len(text) <= NESTED:
                    if made not in self._function.results:
                        self._nested[made] = text
        for step in steps:
            if isinstance(step, BranchStep):
                self._nest(step.steps)

    # --- which variable holds it ---

    def _place(self, steps: Sequence[AnyStep], home: Variable | None) -> None:
        for step in steps:
            if isinstance(step, NoteStep):
                continue
            self._clock += 1
            if isinstance(step, BranchStep):
                self._place_branch(step, home)
                continue
            outputs = outputs_of(step)
            if len(outputs) > 1:
                self._place_several(step, outputs)
            elif outputs[0] not in self._nested:
                forced = self._holder.get(outputs[0])
                self._hold(outputs[0], forced or self._choose(step, home))

    def _place_several(self, step: AnyStep, outputs: Sequence[int]) -> None:
        """Variables of earlier results where these are as many and not needed any more, else new ones."""
        now = self._clock
        free = [v for v in self._variables if v.one_of_several and v.depth == self._depth]
        free = [v for v in free if self._idle(v, now)]
        for k, o in enumerate(outputs):
            if len(free) >= len(outputs):
                self._hold(o, free[k])
            else:
                self._hold(o, self._new(self._hint(step, k)))
                self._holder[o].one_of_several = True
                self._holder[o].depth = self._depth

    def _place_branch(self, step: BranchStep, home: Variable | None) -> None:
        inner = [s for s in _flat(step.steps)]
        end = self._clock + len(inner)
        last = self._last[step.before]
        before = self._holder[step.before]
        if last <= end and last <= self._made[step.after]:
            target = before
        else:
            target = home if home and self._idle(home, self._clock) else self._new(self._hint(inner[-1], 0))
            self._copied.add(step.after)
        self._hold(step.after, target)
        self._depth += 1
        self._place(step.steps, target)
        self._depth -= 1

    def _choose(self, step: AnyStep, home: Variable | None) -> Variable:
        now = self._clock
        inputs = [i for i in dict.fromkeys(inputs_of(step)) if i not in self._nested]
        dying = [self._holder[i] for i in inputs if self._last[i] <= now]
        if home and home in dying and self._idle(home, now):
            return home
        if home and len(inputs) > 1 and self._idle(home, now):
            return home
        free = [v for v in dying if self._idle(v, now)]
        if free and len(inputs) < 3:
            return free[0]
        if home and inputs and self._idle(home, now):
            return home
        return self._new(self._hint(step, 0))

    def _idle(self, held: Variable, now: int) -> bool:
        """Whether nothing that the variable holds by `now` is needed after it."""
        return all(self._last[t] <= now or self._made[t] > now for t in held.tensors) and not any(
            self._made[t] > now for t in held.tensors if t not in self._copied
        )

    def _hold(self, tensor: int, held: Variable) -> None:
        self._holder[tensor] = held
        if tensor not in held.tensors:
            held.tensors.append(tensor)

    def _new(self, hint: str) -> Variable:
        self._variables.append(Variable(hint=hint))
        return self._variables[-1]

    def _hint(self, step: AnyStep, index: int) -> str:
        """A name after the layer or module, relative to the function."""
        if isinstance(step, LoopStep):
            step = step.call
        if len(outputs_of(step)) > 1:
            names = ("values", "indices") if isinstance(step, LayerStep) else _ORDINALS
            return names[index] if index < len(names) else f"result_{index + 1}"
        if isinstance(step, LayerStep):
            name = step.values["name"][1]
            text = "".join(p for p in name if isinstance(p, str)) if isinstance(name, tuple) else ""
        elif isinstance(step, CallStep):
            text = "".join(p for p in step.at if isinstance(p, str))
        else:
            text = ""
        parts = [p for p in re.split(r"[./]", text) if p and not p.isdigit()]
        if self._function.prefixed or not parts:
            return parts[0] if parts else "y"
        return parts[-1]

    def _name(self) -> None:
        """`y` where a second variable is enough, else names after layers."""
        taken = self._taken | {v.name for v in self._variables if v.name}
        spans = {v: [(self._made[t], self._last[t]) for t in v.tensors] for v in self._variables}
        second: list[Variable] = []
        for v in self._variables:
            if v.name:
                continue
            crowd = [
                o
                for o in self._variables
                if o is not v and any(_meet(a, b) for a in spans[v] for b in spans[o])
            ]
            if v.one_of_several:
                crowd += [v, v]
            if len(crowd) <= 1 and not any(o in second for o in crowd) and "y" not in self._taken:
                v.name = "y"
                second.append(v)
                continue
            v.name = variable(v.hint, taken)
            taken.add(v.name)

    # --- text ---

    def lines(self) -> list[str]:
        """The statements, without the return where the last of them is none."""
        first = {v.name for v in self._variables if v.tensors and self._made[v.tensors[0]] == -1}
        return list(self._lines(self._function.steps, 1, [first]))

    def _lines(self, steps: Sequence[AnyStep], depth: int, scopes: list[set[str]]) -> Iterator[str]:
        pad = INDENT * depth
        final = self._final(steps) if depth == 1 else None
        for step in steps:
            if isinstance(step, NoteStep):
                if step.text:
                    yield f"{pad}// {step.text}"
            elif isinstance(step, BranchStep):
                target = self._holder[step.after]
                if step.after in self._copied:
                    yield f"{pad}{self._assigned(target.name, scopes)} = {self._holder[step.before].name};"
                yield f"{pad}if ({code('bool', step.flag)}) {{"
                yield from self._lines(step.steps, depth + 1, [*scopes, set()])
                yield f"{pad}}}"
            elif isinstance(step, LoopStep):
                yield from (f"{pad}{line}" for line in self._loop(step, scopes))
            else:
                if (line := self._line(step, scopes, step is final)) is not None:
                    yield f"{pad}{line}{self._comment(step)}"
        if depth == 1 and final is None and self._function.results and self._function.name != "define_layers":
            names = [self._holder[r].name for r in self._function.results]
            yield f"{pad}return {names[0] if len(names) == 1 else '{' + ', '.join(names) + '}'};"

    def _loop(self, step: LoopStep, scopes: list[set[str]]) -> Iterator[str]:
        targets = [self._holder[o].name for o in step.call.outputs]
        inputs = [self._holder[i].name for i in step.call.inputs]
        for i, fed in enumerate(step.feeds):
            if fed >= 0 and inputs[i] != targets[fed]:
                yield f"{self._assigned(targets[fed], scopes)} = {inputs[i]};"
                inputs[i] = targets[fed]
        yield f"for (int i = {step.begin}; i < {step.end}; ++i) {{{self._comment(step)}"
        left = targets[0] if len(targets) == 1 else f"std::tie({', '.join(targets)})"
        yield f"{INDENT}{left} = {_call(step.call, inputs)};"
        yield "}"

    def _final(self, steps: Sequence[AnyStep]) -> AnyStep | None:
        """The step whose result is returned at once."""
        last = next((s for s in reversed(steps) if not isinstance(s, NoteStep)), None)
        if isinstance(last, LayerStep | CallStep) and self._function.name != "define_layers":
            if last.outputs == self._function.results and len(last.outputs) == 1:
                return last
        return None

    def _line(self, step: LayerStep | CallStep, scopes: list[set[str]], final: bool) -> str | None:
        outputs = step.outputs
        if len(outputs) == 1 and outputs[0] in self._nested:
            return None
        inputs = [self._nested.get(i) or self._holder[i].name if i >= 0 else "" for i in step.inputs]
        made = expression(step, inputs) if isinstance(step, LayerStep) else _call(step, inputs)
        if final:
            return f"return {made};"
        used = [o for o in outputs if self._last[o] > self._made[o]]
        if not used:
            return f"{made};"
        names = [self._holder[o].name for o in outputs]
        if len(outputs) == 1:
            return f"{self._assigned(names[0], scopes)} = {made};"
        if isinstance(step, LayerStep) and len(used) == 1:
            member = ("values", "indices")[outputs.index(used[0])]
            return f"{self._assigned(self._holder[used[0]].name, scopes)} = {made}.{member};"
        known = [n for n in names if any(n in scope for scope in scopes)]
        if known:
            assert len(known) == len(names)
            return f"std::tie({', '.join(names)}) = {made};"
        scopes[-1].update(names)
        return f"auto [{', '.join(names)}] = {made};"

    def _assigned(self, name: str, scopes: list[set[str]]) -> str:
        if any(name in scope for scope in scopes):
            return name
        scopes[-1].add(name)
        return f"ITensor* {name}"


def _flat(steps: Sequence[AnyStep]) -> Iterator[AnyStep]:
    """Every step that counts, in the order in which it is written."""
    for step in steps:
        if not isinstance(step, NoteStep):
            yield step
        if isinstance(step, BranchStep):
            yield from _flat(step.steps)


def _meet(a: tuple[int, int], b: tuple[int, int]) -> bool:
    return max(a[0], b[0]) < min(a[1], b[1])


def _call(step: CallStep, inputs: Sequence[str]) -> str:
    callee = step.callee
    prefix = [text_code(step.at)] if callee.prefixed else []
    arguments = [
        f"/*{name}=*/{code(kind, a)}" if isinstance(a, bool) else code(kind, a)
        for (kind, name), a in zip(callee.parameters, step.arguments, strict=True)
    ]
    return f"{callee.name}({', '.join(['net', *inputs, *prefix, *arguments])})"


def signature(function: Function, inputs: Sequence[str]) -> str:
    """The function's head, without the brace."""
    several = len(function.results)
    result = "ITensor*" if several == 1 else "void" if several == 0 else f"std::tuple<{', '.join(['ITensor*'] * several)}>"
    parameters = ["Layers& net", *(f"ITensor* {name}" for name in inputs)]
    parameters += ["const std::string& at"] if function.prefixed else []
    parameters += [f"{TYPES[kind]} {name}" for kind, name in function.parameters]
    return f"{result} {function.name}({', '.join(parameters)})"
