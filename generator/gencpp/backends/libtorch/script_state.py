"""What a TorchScript module's forward changes of itself, and what it draws, read from its graph.

A run of such a module changes what other runs read. What is changed is followed through the graph that runs:
methods and functions inlined, branches on constants resolved, values followed through views, lists, branches,
loops and subgraphs. Which argument an operator writes is torch's own word (its schema, and what torch adds to
it: BatchNorm in training mode writes its statistics).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ...tensors.draws import Draw
from .script_graph import (
    HOLDERS,
    Constants,
    Operator,
    callers,
    join,
    may_hold,
    node_draws,
    nodes_of,
    operator_of,
    place_of,
    specialised,
    told,
    written_in_training,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Changed:
    """An attribute that forward changes."""

    path: str
    """From the module down: `encoder.cache`"""
    in_place: bool
    """Whether its memory is written; else the attribute gets another value."""
    place: str = ""
    """`net.py:12`; empty: not known"""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScriptState:
    """What runs of a module share besides its weights."""

    changed: tuple[Changed, ...] = ()
    """In the order of their paths."""
    draws: tuple[Draw, ...] = ()
    shared: str = ""
    """Why a run cannot have these for itself: runs must take turns. Empty: it can."""


def script_state(module: Any) -> ScriptState:
    """The state of a torch.jit.ScriptModule's forward, frozen or not."""
    graph = specialised(module)
    walk = _Walk(module=module)
    walk.graph(graph)
    changed = []
    for path in sorted(walk.set_in | walk.written_in):
        place = walk.places.get(path, "")
        changed.append(Changed(path=path, in_place=path in walk.written_in, place=place))
    shared = walk.unknown or _why_shared(module, changed)
    return ScriptState(changed=tuple(changed), draws=tuple(walk.draws), shared=shared)


_Origins = frozenset[str]
_NOTHING: _Origins = frozenset()


@dataclass(slots=True)
class _Walk:
    """Follows values through a graph, again until nothing new is found (loops carry values back)."""

    module: Any
    itself: dict[str, _Origins] = field(default_factory=dict)
    """By value: the attributes (their paths) and constants ("=" and a name) that it may be."""
    held: dict[str, _Origins] = field(default_factory=dict)
    """By value: those that a list, tuple or dictionary may hold."""
    objects: dict[str, str] = field(default_factory=dict)
    """By value: the path of the module that it is."""
    set_in: set[str] = field(default_factory=set)
    written_in: set[str] = field(default_factory=set)
    places: dict[str, str] = field(default_factory=dict)
    draws: list[Draw] = field(default_factory=list)
    unknown: str = ""
    loops: bool = False
    grown: bool = False

    def graph(self, graph: Any) -> None:
        self.objects[next(iter(graph.inputs())).debugName()] = ""
        self.block(graph, "")
        while self.loops and self.grown:
            self.grown, self.draws = False, []
            self.block(graph, "")

    def block(self, block: Any, scope: str) -> None:
        for node in block.nodes():
            self.node(node, scope)

    def of(self, scope: str, values: Iterable[Any]) -> tuple[_Origins, _Origins]:
        names = [scope + v.debugName() for v in values]
        return (
            _NOTHING.union(*(self.itself.get(n, _NOTHING) for n in names)),
            _NOTHING.union(*(self.held.get(n, _NOTHING) for n in names)),
        )

    def add(self, scope: str, value: Any, itself: _Origins, held: _Origins = _NOTHING) -> None:
        key = scope + value.debugName()
        for known, found in ((self.itself, itself), (self.held, held)):
            if found and not found <= known.get(key, _NOTHING):
                known[key] = known.get(key, _NOTHING) | found
                self.grown = True

    def node(self, node: Any, scope: str) -> None:
        kind, inputs, outputs = node.kind(), list(node.inputs()), list(node.outputs())
        if kind == "prim::Constant":
            if outputs[0].type().kind() in ("TensorType", *HOLDERS):
                origin = frozenset({"=" + outputs[0].debugName()})
                self.add(scope, outputs[0], origin, origin if may_hold(outputs[0].type()) else _NOTHING)
        elif kind == "prim::GetAttr":
            self.get(node, scope)
        elif kind == "prim::SetAttr":
            path = self.objects.get(scope + inputs[0].debugName())
            if path is not None:  # else an object that this run made
                self.change(self.set_in, join(path, node.s("name")), node)
        elif kind == "prim::If":
            for inner in node.blocks():
                self.block(inner, scope)
                for value, result in zip(outputs, inner.outputs(), strict=True):
                    self.add(scope, value, *self.of(scope, [result]))
        elif kind == "prim::Loop":
            self.loop(node, scope, inputs, outputs)
        elif node.hasAttribute("Subgraph"):
            self.subgraph(node, scope, inputs, outputs)
        elif kind in ("prim::CallMethod", "prim::CallFunction"):
            self.unknown = self.unknown or f"it calls {node.s('name') if node.hasAttribute('name') else kind}"
        elif (operator := operator_of(node.schema())) is not None:
            self.operator(node, operator, scope, inputs, outputs)
        else:  # lists, tuples, casts, and what the interpreter has besides
            self.passed(scope, inputs, outputs)

    def passed(self, scope: str, inputs: Sequence[Any], outputs: Sequence[Any]) -> None:
        """Results are, or hold, what was given, or what that holds."""
        itself, held = self.of(scope, inputs)
        for value in outputs:
            if all(v.type().kind() not in HOLDERS for v in inputs) and value.type().kind() in HOLDERS:
                self.add(scope, value, _NOTHING, itself | held)
            else:
                self.add(scope, value, itself | held, held)

    def get(self, node: Any, scope: str) -> None:
        owner = self.objects.get(scope + node.input().debugName())
        if owner is None:
            self.passed(scope, [node.input()], [node.output()])
            return
        path = join(owner, node.s("name"))
        if node.output().type().kind() in ("ClassType", "InterfaceType"):
            self.objects[scope + node.output().debugName()] = path
        origin = frozenset({path})
        self.add(scope, node.output(), origin, origin if may_hold(node.output().type()) else _NOTHING)

    def loop(self, node: Any, scope: str, inputs: Sequence[Any], outputs: Sequence[Any]) -> None:
        self.loops = True
        inner = next(iter(node.blocks()))
        taken, given = list(inner.inputs())[1:], list(inner.outputs())[1:]  # 0: the count, whether to go on
        for carried, before, after, value in zip(taken, inputs[2:], given, outputs, strict=True):
            self.add(scope, carried, *self.of(scope, [before, after]))
            self.add(scope, value, *self.of(scope, [before, after]))
        self.block(inner, scope)

    def subgraph(self, node: Any, scope: str, inputs: Sequence[Any], outputs: Sequence[Any]) -> None:
        """prim::fork, and what optimised graphs have."""
        inner = node.g("Subgraph")
        own = f"{scope}{outputs[0].debugName() if outputs else node.kind()}/"
        for value, given in zip(inner.inputs(), inputs, strict=False):
            self.add(own, value, *self.of(scope, [given]))
            if (path := self.objects.get(scope + given.debugName())) is not None:
                self.objects[own + value.debugName()] = path
        self.block(inner, own)
        itself, held = self.of(own, inner.outputs())
        for value in outputs:
            self.add(scope, value, itself, held)
            self.passed(scope, inputs, [value])

    def operator(
        self, node: Any, known: Operator, scope: str, inputs: Sequence[Any], outputs: Sequence[Any]
    ) -> None:
        constants = Constants(known.arguments, inputs)
        if node_draws(node, known, constants):
            place = place_of(node)
            if place.startswith("torch/"):
                place = callers(self.module).get(known.schema.name.partition("::")[2].rstrip("_"), place)
            self.draws.append(Draw(operator=known.schema.name, place=place))
        if any(known.written) or known.statistics:
            given = [self.of(scope, [v]) for v in inputs]
            for index, (value, (itself, _)) in enumerate(zip(inputs, given, strict=True)):
                if not (known.written[index] or written_in_training(known, index, constants)):
                    continue
                for path in itself:
                    self.change(self.written_in, path, node)
                if value.type().kind() in HOLDERS:  # it may hold the others now
                    self.add(scope, value, _NOTHING, _NOTHING.union(*(a | b for a, b in given)))
        for indices, value in zip(known.returned, outputs, strict=False):
            if indices is None:
                self.taken(scope, inputs, value)
            elif indices:
                self.add(scope, value, *self.of(scope, [inputs[i] for i in indices]))
            elif may_hold(value.type()):
                itself, held = self.of(scope, inputs)
                self.add(scope, value, _NOTHING, held if _copies(inputs) else itself | held)

    def taken(self, scope: str, inputs: Sequence[Any], value: Any) -> None:
        """A result that an argument held."""
        _, held = self.of(scope, inputs)
        self.add(scope, value, held, held)

    def change(self, found: set[str], path: str, node: Any) -> None:
        if path.startswith("="):
            self.unknown = self.unknown or f"it writes a constant of its graph ({told(node)})"
        elif path not in found:
            found.add(path)
            self.places.setdefault(path, place_of(node))
            self.grown = True


def _copies(inputs: Sequence[Any]) -> bool:
    """Whether a result that holds things takes them from one that does (list.copy, dict.values)."""
    return any(v.type().kind() in HOLDERS for v in inputs)


@dataclass(frozen=True, slots=True)
class Versions:
    """How often each tensor of a module was written so far, by torch's own count.

    Some operators hand an argument on and their schema does not say so (dropout that is off): what is written
    through such a result is found only when it happens.
    """

    module: Any
    found: tuple[tuple[str, Any, int], ...]
    """(path, or "=" and the name of a constant; tensor; count)"""

    @classmethod
    def of(cls, module: Any) -> Versions:
        """Of now."""
        import torch

        tensors = list(_attributes(module._c, ""))
        for node in nodes_of(module.graph):
            if node.kind() == "prim::Constant" and node.output().type().kind() == "TensorType":
                tensors.append(("=" + node.output().debugName(), node.output().toIValue()))
        return cls(
            module,
            tuple(
                (path, t, t._version)
                for path, t in tensors
                if isinstance(t, torch.Tensor) and not t.is_inference()  # which have no count
            ),
        )

    def completed(self, state: ScriptState) -> ScriptState:
        """`state` with what was written since, if the graph did not tell."""
        written = [path for path, tensor, before in self.found if tensor._version != before]
        known = {c.path for c in state.changed if c.in_place}
        new = [p for p in written if p not in known and not p.startswith("=")]
        changed = [c for c in state.changed if c.path not in new]
        changed += [Changed(path=p, in_place=True) for p in new]
        shared = state.shared or _why_shared(self.module, changed)
        constants = [p[1:] for p in written if p.startswith("=")]
        if constants and not shared:
            shared = f"it writes a constant of its graph ({constants[0]})"
        return replace(state, changed=tuple(sorted(changed, key=lambda c: c.path)), shared=shared)


def _why_shared(module: Any, changed: Sequence[Changed]) -> str:
    """Why a run cannot have the changed attributes for itself; empty: it can."""
    import torch

    paths: dict[Any, list[str]] = {}
    for path, value in _attributes(module._c, ""):
        if isinstance(value, torch.Tensor) and value.numel():
            paths.setdefault((value.device, value.untyped_storage().data_ptr()), []).append(path)
    for change in changed:
        others = next((p for p in paths.values() if change.in_place and change.path in p), [])
        if len(others) > 1:
            return f"{change.path} shares its memory with {', '.join(p for p in others if p != change.path)}"
    return ""


def _attributes(found: Any, path: str) -> Iterator[tuple[str, Any]]:
    """(path, value) of every tensor of a torch._C.ScriptModule and of its submodules."""
    import torch

    c: Any = torch._C
    for kind in (c.ParameterDict, c.BufferDict):
        for name, value in kind(found).items():
            yield join(path, name), value
    for name, inner in c.ModuleDict(found).items():
        yield from _attributes(inner, join(path, name))
