"""What a TorchScript module's forward changes of itself, and what it draws, read from its graph.

A run of such a module changes what other runs read. What is changed is followed through the graph that
runs: methods and functions inlined, branches on constants resolved, values followed through views, lists,
branches, loops and subgraphs. Which argument an operator writes is torch's own word (its schema, and what
torch adds to it: BatchNorm in training mode writes its statistics).

Sits after draws.py: imports draws, errors and structure only.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

from .draws import UNKNOWN, Draw, overload_draws, overload_named, schema_draws
from .structure import short_place

_SIMPLE = (bool, int, float, str, type(None))
_HOLDERS = ("ListType", "DictType", "TupleType")
_PLAIN = ("IntType", "FloatType", "BoolType", "StringType", "NumberType", "DeviceObjType")


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
    graph = _specialised(module)
    walk = _Walk(module=module)
    walk.graph(graph)
    changed = []
    for path in sorted(walk.set_in | walk.written_in):
        place = walk.places.get(path, "")
        changed.append(Changed(path=path, in_place=path in walk.written_in, place=place))
    shared = walk.unknown or _why_shared(module, changed)
    return ScriptState(changed=tuple(changed), draws=tuple(walk.draws), shared=shared)


def _specialised(module: Any) -> Any:
    """A copy of forward's graph with everything inlined and the branches gone that it never takes."""
    import torch

    c: Any = torch._C
    graph: Any = module.graph.copy()
    c._jit_pass_inline(graph)
    owner = next(iter(graph.inputs()))
    objects: dict[str, str] = {owner.debugName(): ""}
    nodes = list(_nodes(graph))
    for node in nodes:  # getters come before their users
        if node.kind() == "prim::GetAttr" and (inner := objects.get(node.input().debugName())) is not None:
            objects[node.output().debugName()] = _join(inner, node.s("name"))
    set_in = {
        _join(objects[target], node.s("name"))
        for node in nodes
        if node.kind() == "prim::SetAttr" and (target := next(iter(node.inputs())).debugName()) in objects
    }
    for node in nodes:
        path = objects.get(node.output().debugName()) if node.kind() == "prim::GetAttr" else None
        if path is None or path in set_in:
            continue
        value = _attribute(module, path)
        if value is not UNKNOWN and isinstance(value, _SIMPLE) and value is not None:
            constant = graph.insertConstant(value)
            constant.node().moveBefore(node)
            node.output().replaceAllUsesWith(constant)
    c._jit_pass_constant_propagation_immutable_types(graph)
    c._jit_pass_dce(graph)
    return graph


def _nodes(block: Any) -> Iterator[Any]:
    for node in block.nodes():
        yield node
        for inner in node.blocks():
            yield from _nodes(inner)


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _attribute(module: Any, path: str) -> Any:
    """What is at `path`; UNKNOWN where Python cannot get it."""
    found = module._c
    try:
        for name in path.split("."):
            found = found.getattr(name)
    except (AttributeError, RuntimeError, TypeError):
        return UNKNOWN
    return found


_Origins = frozenset[str]
_NOTHING: _Origins = frozenset()


@dataclass(frozen=True, slots=True)
class _Operator:
    """What is known of an operator by its schema alone."""

    schema: Any
    arguments: tuple[str, ...]
    overload: Any | None
    written: tuple[bool, ...]
    """By argument: whether it is written."""
    statistics: bool
    """Whether that depends on other arguments: running statistics are written in training mode."""
    returned: tuple[tuple[int, ...] | None, ...]
    """By result: the arguments that it may be, empty where it is a new one; None: what an argument held."""


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
            if outputs[0].type().kind() in ("TensorType", *_HOLDERS):
                origin = frozenset({"=" + outputs[0].debugName()})
                self.add(scope, outputs[0], origin, origin if _may_hold(outputs[0].type()) else _NOTHING)
        elif kind == "prim::GetAttr":
            self.get(node, scope)
        elif kind == "prim::SetAttr":
            path = self.objects.get(scope + inputs[0].debugName())
            if path is not None:  # else an object that this run made
                self.change(self.set_in, _join(path, node.s("name")), node)
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
        elif (operator := _operator(node.schema())) is not None:
            self.operator(node, operator, scope, inputs, outputs)
        else:  # lists, tuples, casts, and what the interpreter has besides
            self.passed(scope, inputs, outputs)

    def passed(self, scope: str, inputs: Sequence[Any], outputs: Sequence[Any]) -> None:
        """Results are, or hold, what was given, or what that holds."""
        itself, held = self.of(scope, inputs)
        for value in outputs:
            if all(v.type().kind() not in _HOLDERS for v in inputs) and value.type().kind() in _HOLDERS:
                self.add(scope, value, _NOTHING, itself | held)
            else:
                self.add(scope, value, itself | held, held)

    def get(self, node: Any, scope: str) -> None:
        owner = self.objects.get(scope + node.input().debugName())
        if owner is None:
            self.passed(scope, [node.input()], [node.output()])
            return
        path = _join(owner, node.s("name"))
        if node.output().type().kind() in ("ClassType", "InterfaceType"):
            self.objects[scope + node.output().debugName()] = path
        origin = frozenset({path})
        self.add(scope, node.output(), origin, origin if _may_hold(node.output().type()) else _NOTHING)

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
        self, node: Any, known: _Operator, scope: str, inputs: Sequence[Any], outputs: Sequence[Any]
    ) -> None:
        constants = _Constants(known.arguments, inputs)
        if _draws(node, known, constants):
            self.draws.append(Draw(operator=known.schema.name, place=_place(node)))
        if any(known.written) or known.statistics:
            given = [self.of(scope, [v]) for v in inputs]
            for index, (value, (itself, _)) in enumerate(zip(inputs, given, strict=True)):
                if not (known.written[index] or _written_in_training(known, index, constants)):
                    continue
                for path in itself:
                    self.change(self.written_in, path, node)
                if value.type().kind() in _HOLDERS:  # it may hold the others now
                    self.add(scope, value, _NOTHING, _NOTHING.union(*(a | b for a, b in given)))
        for indices, value in zip(known.returned, outputs, strict=False):
            if indices is None:
                self.taken(scope, inputs, value)
            elif indices:
                self.add(scope, value, *self.of(scope, [inputs[i] for i in indices]))
            elif _may_hold(value.type()):
                itself, held = self.of(scope, inputs)
                self.add(scope, value, _NOTHING, held if _copies(inputs) else itself | held)

    def taken(self, scope: str, inputs: Sequence[Any], value: Any) -> None:
        """A result that an argument held."""
        _, held = self.of(scope, inputs)
        self.add(scope, value, held, held)

    def change(self, found: set[str], path: str, node: Any) -> None:
        if path.startswith("="):
            self.unknown = self.unknown or f"it writes a constant of its graph ({_told(node)})"
        elif path not in found:
            found.add(path)
            self.places.setdefault(path, _place(node))
            self.grown = True


def _may_hold(kind: Any) -> bool:
    """Whether a type is of lists, tuples or dictionaries of what can be written."""
    inner = {"ListType": "getElementType", "DictType": "getValueType", "OptionalType": "getElementType"}
    if kind.kind() == "TupleType":
        return True
    if kind.kind() not in inner:
        return False
    return getattr(kind, inner[kind.kind()])().kind() not in _PLAIN


def _copies(inputs: Sequence[Any]) -> bool:
    """Whether a result that holds things takes them from one that does (list.copy, dict.values)."""
    return any(v.type().kind() in _HOLDERS for v in inputs)


class _Constants(Mapping[str, Any]):
    """Arguments that are constants, by name, each read when it is asked for."""

    def __init__(self, names: Sequence[str], values: Sequence[Any]) -> None:
        self.found = dict(zip(names, values, strict=False))

    def __getitem__(self, name: str) -> Any:
        return _constant(self.found[name])

    def __iter__(self) -> Iterator[str]:
        return iter(self.found)

    def __len__(self) -> int:
        return len(self.found)


@cache
def _operator(text: str) -> _Operator | None:
    """Of a schema as str(node.schema()) has it; None for `(no schema)` and what the parser refuses."""
    import torch

    c: Any = torch._C
    try:
        schema = c.parse_schema(text)
    except RuntimeError:
        return None
    info = c._SchemaInfo(schema)
    names = tuple(a.name for a in schema.arguments)
    sets = [set(a.alias_info.before_set) if a.alias_info is not None else set() for a in schema.arguments]
    declared = tuple(a.alias_info is not None and a.alias_info.is_write for a in schema.arguments)
    statistics = "running_mean" in names and bool({"training", "use_input_stats"} & {*names})
    written = declared if statistics else tuple(bool(info.is_mutable(n)) for n in names)
    returned: list[tuple[int, ...] | None] = []
    for result in schema.returns:
        mine = set(result.alias_info.before_set) if result.alias_info is not None else set()
        returned.append(tuple(i for i, s in enumerate(sets) if s & mine) if "*" not in mine else None)
    return _Operator(
        schema=schema,
        arguments=names,
        overload=overload_named(schema.name, schema.overload_name),
        written=written,
        statistics=statistics,
        returned=tuple(returned),
    )


def _written_in_training(known: _Operator, index: int, constants: Mapping[str, Any]) -> bool:
    if not known.statistics or known.arguments[index] not in ("running_mean", "running_var"):
        return False
    return all(
        constants.get(name, False) is not False
        for name in ("training", "use_input_stats")
        if name in constants
    )


def _constant(value: Any) -> Any:
    node = value.node()
    if node.kind() != "prim::Constant" or value.type().kind() not in (
        "BoolType",
        "FloatType",
        "NoneType",
        "IntType",
    ):
        return UNKNOWN
    return value.toIValue()


def _draws(node: Any, known: _Operator, constants: Mapping[str, Any]) -> bool:
    if known.overload is not None:
        return overload_draws(known.overload, constants)
    return schema_draws(known.schema.name, known.arguments, bool(node.isNondeterministic()), constants)


def _told(node: Any) -> str:
    place = _place(node)
    return node.kind() + (f", {place}" if place else "")


def _place(node: Any) -> str:
    """`net.py:12`, the module's path where the line is torch's own."""
    line = str(node).splitlines()[0]
    found = re.search(r"# (\S.*?):(\d+):\d+$", line.rstrip())
    place = short_place(found.group(1), int(found.group(2))) if found else ""
    scope = re.search(r"scope: __module\.([\w.]+)", line)
    return f"{scope.group(1)}, {place}" if scope else place


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
        for node in _nodes(module.graph):
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
            yield _join(path, name), value
    for name, inner in c.ModuleDict(found).items():
        yield from _attributes(inner, _join(path, name))
