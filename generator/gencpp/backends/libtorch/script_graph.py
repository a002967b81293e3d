"""A TorchScript graph as it runs, and what torch's schemas tell of its operators."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from ...core.messages import short_place
from ...tensors.draws import UNKNOWN, overload_draws, overload_named, schema_draws

HOLDERS = ("ListType", "DictType", "TupleType")
"""Kinds of types whose values hold others."""

_SIMPLE = (bool, int, float, str)
_PLAIN = ("IntType", "FloatType", "BoolType", "StringType", "NumberType", "DeviceObjType")


def specialised(module: Any) -> Any:
    """A copy of forward's graph with everything inlined and the branches gone that it never takes."""
    import torch

    c: Any = torch._C
    graph: Any = module.graph.copy()
    c._jit_pass_inline(graph)
    owner = next(iter(graph.inputs()))
    objects: dict[str, str] = {owner.debugName(): ""}
    nodes = list(nodes_of(graph))
    for node in nodes:  # getters come before their users
        if node.kind() == "prim::GetAttr" and (inner := objects.get(node.input().debugName())) is not None:
            objects[node.output().debugName()] = join(inner, node.s("name"))
    set_in = {
        join(objects[target], node.s("name"))
        for node in nodes
        if node.kind() == "prim::SetAttr" and (target := next(iter(node.inputs())).debugName()) in objects
    }
    for node in nodes:
        path = objects.get(node.output().debugName()) if node.kind() == "prim::GetAttr" else None
        if path is None or path in set_in:
            continue
        value = _attribute(module, path)
        if isinstance(value, _SIMPLE):
            constant = graph.insertConstant(value)
            constant.node().moveBefore(node)
            node.output().replaceAllUsesWith(constant)
    c._jit_pass_constant_propagation_immutable_types(graph)
    c._jit_pass_dce(graph)
    return graph


def nodes_of(block: Any) -> Iterator[Any]:
    """Every node of a graph or block, those in branches and loops too."""
    for node in block.nodes():
        yield node
        for inner in node.blocks():
            yield from nodes_of(inner)


def join(path: str, name: str) -> str:
    """`encoder.cache` of `encoder` and `cache`."""
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


@dataclass(frozen=True, slots=True)
class Operator:
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


def may_hold(kind: Any) -> bool:
    """Whether a type is of lists, tuples or dictionaries of what can be written."""
    inner = {"ListType": "getElementType", "DictType": "getValueType", "OptionalType": "getElementType"}
    if kind.kind() == "TupleType":
        return True
    if kind.kind() not in inner:
        return False
    return getattr(kind, inner[kind.kind()])().kind() not in _PLAIN


class Constants(Mapping[str, Any]):
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
def operator_of(text: str) -> Operator | None:
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
    return Operator(
        schema=schema,
        arguments=names,
        overload=overload_named(schema.name, schema.overload_name),
        written=written,
        statistics=statistics,
        returned=tuple(returned),
    )


def written_in_training(known: Operator, index: int, constants: Mapping[str, Any]) -> bool:
    """Whether argument `index` is of the running statistics, and may be written: training is not off."""
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


def node_draws(node: Any, known: Operator, constants: Mapping[str, Any]) -> bool:
    """Whether a node draws at run time, as `draws` says it."""
    if known.overload is not None:
        return overload_draws(known.overload, constants)
    return schema_draws(known.schema.name, known.arguments, bool(node.isNondeterministic()), constants)


def told(node: Any) -> str:
    """`aten::copy_, net.py:12`"""
    place = place_of(node)
    return f"{node.kind()}, {place}" if place else str(node.kind())


def place_of(node: Any) -> str:
    """`net.py:12`, the module's path where the line is torch's own."""
    line = str(node).splitlines()[0]
    found = re.search(r"# (\S.*?):(\d+):\d+$", line.rstrip())
    place = short_place(found.group(1), int(found.group(2))) if found else ""
    scope = re.search(r"scope: __module\.([\w.]+)", line)
    return f"{scope.group(1)}, {place}" if scope else place


def callers(module: Any) -> dict[str, str]:
    """Places where the module's own code, or that of one inside, calls functions of torch, by their names."""
    found: dict[str, str] = {}
    for inner in module.modules():
        for node in nodes_of(inner.graph) if "forward" in inner._c._method_names() else ():
            if node.kind() == "prim::CallFunction":
                function = next(iter(node.inputs())).node()
                place = place_of(node)
                if function.hasAttribute("name") and place and not place.startswith("torch/"):
                    found.setdefault(function.s("name"), place)
    return found
