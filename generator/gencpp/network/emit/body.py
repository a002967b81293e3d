"""A function's steps as C++ statements."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence

from .layers import expression
from .lines import comment
from .steps import AnyStep, BranchStep, CallStep, Function, LayerStep, LoopStep, NoteStep
from .values import INDENT, TYPES, code, text_code
from .variables import Variables

MAIN = "define_layers"
"""The function that is the whole network."""

_MEMBERS = ("values", "indices")
"""Of TopK."""


def signature(function: Function, inputs: Sequence[str]) -> str:
    """The function's head, without the brace."""
    results = len(function.results)
    result = "ITensor*" if results == 1 else f"std::tuple<{', '.join(['ITensor*'] * results)}>"
    parameters = ["Layers& net", *(f"ITensor* {name}" for name in inputs)]
    parameters += ["const std::string& at"] if function.prefixed else []
    parameters += [f"{TYPES[kind]} {name}" for kind, name in function.parameters if name in function.needed]
    return f"{result if results else 'void'} {function.name}({', '.join(parameters)})"


class Body:
    """The statements of one function."""

    def __init__(
        self,
        function: Function,
        inputs: Sequence[str],
        taken: Collection[str],
        comment: Callable[[AnyStep], str] = lambda _: "",
    ) -> None:
        """`inputs`: names of the variables that hold the first tensors; `comment`: what follows a line."""
        self._function = function
        self._inputs = inputs
        self._comment = comment
        self._variables = Variables(function, inputs, taken)
        self.holder = self._variables.holder

    def lines(self) -> list[str]:
        """All of them, with the return unless the function is the whole network."""
        steps = self._function.steps
        last = next((s for s in reversed(steps) if not isinstance(s, NoteStep)), None)
        final = last if self._returns_at_once(last) else None
        made = list(self._lines(steps, INDENT, [set(self._inputs)], final))
        results = [self.holder(r) for r in self._function.results]
        if final is None and results and self._function.name != MAIN:
            made.append(f"{INDENT}return {results[0] if len(results) == 1 else _braced(results)};")
        return made

    def _returns_at_once(self, step: AnyStep | None) -> bool:
        if self._function.name == MAIN or not isinstance(step, LayerStep | CallStep):
            return False
        return len(step.outputs) == 1 and step.outputs == self._function.results

    def _lines(
        self, steps: Sequence[AnyStep], pad: str, scopes: list[set[str]], final: AnyStep | None = None
    ) -> Iterator[str]:
        for step in steps:
            if isinstance(step, NoteStep):
                if step.text:
                    yield f"{pad}{comment(step.text)}"
                elif step.end and self._function.name == MAIN:
                    yield ""
            elif isinstance(step, BranchStep):
                if step.after in self._variables.copied:
                    (target,) = self._assigned([self.holder(step.after)], scopes)
                    yield f"{pad}{target} = {self.holder(step.before)};"
                yield f"{pad}if ({code('bool', step.flag)}) {{"
                yield from self._lines(step.steps, pad + INDENT, [*scopes, set()])
                yield f"{pad}}}"
            elif isinstance(step, LoopStep):
                yield from (f"{pad}{line}" for line in self._loop(step, scopes))
            elif lines := self._statement(step, scopes, step is final):
                yield from (f"{pad}{line}" for line in lines[:-1])
                yield f"{pad}{lines[-1]}{self._comment(step)}"

    def _loop(self, step: LoopStep, scopes: list[set[str]]) -> Iterator[str]:
        targets = [self.holder(o) for o in step.call.outputs]
        inputs = [self.holder(i) for i in step.call.inputs]
        given = {targets[f]: i for i, f in zip(inputs, step.feeds, strict=True) if f >= 0}
        if any(target != i for target, i in given.items()):
            values = ", ".join(given.values())
            *declared, left = self._assigned(list(given), scopes)
            yield from declared
            yield f"{left} = {values if len(given) == 1 else f'std::make_tuple({values})'};"
        inputs = [targets[f] if f >= 0 else i for i, f in zip(inputs, step.feeds, strict=True)]
        yield f"for (int i = {step.begin}; i < {step.end}; ++i) {{"
        yield f"{INDENT}{self._assigned(targets, scopes)[-1]} = {_call(step.call, inputs)};"
        yield "}"

    def _statement(self, step: LayerStep | CallStep, scopes: list[set[str]], final: bool) -> list[str]:
        nested = self._variables.nested
        if any(o in nested for o in step.outputs):
            return []
        inputs = [(nested.get(i) or self.holder(i)) if i >= 0 else "" for i in step.inputs]
        made = expression(step, inputs) if isinstance(step, LayerStep) else _call(step, inputs)
        if final:
            return [f"return {made};"]
        used = [k for k, o in enumerate(step.outputs) if self._variables.used(o)]
        if not used:
            return [f"{made};"]
        outputs = step.outputs
        if isinstance(step, LayerStep) and len(outputs) > len(used):
            made, outputs = f"{made}.{_MEMBERS[used[0]]}", (outputs[used[0]],)
        names = [self.holder(o) for o in outputs]
        *declared, left = self._assigned(names, scopes)
        if isinstance(step, LayerStep) and left.startswith("std::tie"):
            parts = [f"{name} = topK.{member};" for name, member in zip(names, _MEMBERS, strict=True)]
            return [*declared, "{", f"{INDENT}const TopK topK = {made};", *(INDENT + p for p in parts), "}"]
        return [*declared, f"{left} = {made};"]

    def _assigned(self, names: Sequence[str], scopes: list[set[str]]) -> list[str]:
        """The left side of an assignment, which declares what is new, after what has to stand before it."""
        new = [n for n in names if not any(n in scope for scope in scopes)]
        scopes[-1].update(new)
        if len(names) == 1:
            return [f"ITensor* {names[0]}" if new else names[0]]
        if len(new) == len(names):
            return [f"auto [{', '.join(names)}]"]
        return [*(f"ITensor* {n} = nullptr;" for n in new), f"std::tie({', '.join(names)})"]


def _braced(names: Sequence[str]) -> str:
    return f"{{{', '.join(names)}}}"


def _call(step: CallStep, inputs: Sequence[str]) -> str:
    callee = step.callee
    texts = ["net", *inputs, *([text_code(step.at)] if callee.prefixed else [])]
    for (kind, name), value in zip(callee.parameters, step.arguments, strict=True):
        if name in callee.needed:
            texts.append(f"/*{name}=*/{code(kind, value)}" if isinstance(value, bool) else code(kind, value))
    return f"{callee.name}({', '.join(texts)})"
