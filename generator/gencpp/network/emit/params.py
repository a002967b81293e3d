"""What the members of a family differ in, as parameters of its function."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ..plan import ElementWise, Layer, NetworkPlan, Normalization, Shuffle
from .groups import Group
from .join import Family, regions
from .merge import Families, item_of
from .names import snake, variable
from .values import Code, Param, Value, holes, join, relative

_NAMES = {
    "pre_padding": "padding",
    "post_padding": "padding",
    "window": "size",
    "alpha": "low",
    "beta": "high",
    "fill_value": "fill",
    "values": "value",
    "cubic_coefficient": "cubic",
    "scales": "scale",
    "start": "begin",
}
_RELATED = {"pre_padding": "padding", "post_padding": "padding"}
"""Fields that may be one parameter; others only with their own."""

COINCIDENCE = 3
"""Different values of a parameter from which on a product of others is taken for what it is."""

_TELLING = ("channels", "height", "groups")
"""Names that are taken before others, where a parameter has several uses."""


@dataclass(frozen=True, slots=True)
class Cell:
    """What a member has as an attribute."""

    kind: str
    related: str
    wanted: str
    """A name for it as a parameter."""
    value: Value | None
    """None where the member has no use for it."""


@dataclass(slots=True)
class Column:
    """A parameter with its value for every member."""

    kind: str
    related: str
    values: list[Value | None]
    wanted: list[str]
    """Names that its uses ask for."""
    name: str


@dataclass(slots=True)
class Signature:
    """The parameters of a family, and what stands for the attributes of its steps."""

    columns: list[Column] = field(default_factory=list)
    values: dict[tuple[int, str], tuple[str, Value]] = field(default_factory=dict)
    """Kind and value by step and attribute; of a call, by the number of the callee's parameter."""
    flags: dict[frozenset[int], str] = field(default_factory=dict)
    """Parameter by the forms that have a part."""


def signatures(families: Families, plan: NetworkPlan) -> dict[int, Signature]:
    """By the family's number."""
    maker = _Maker(families, plan)
    return {family.number: maker.signature(family) for family in families.ordered()}


def neutral(kind: str) -> Value:
    """An argument that is never used."""
    values: dict[str, Value] = {"bool": False, "text": ("",), "float": 0.0, "double": 0.0}
    return values.get(kind, 1)


class _Maker:
    def __init__(self, families: Families, plan: NetworkPlan) -> None:
        self._families = families
        self._plan = plan
        self._table = {w.name: w for w in plan.weights}
        self._kinds = {snake(kind) for kind in plan.modules.values()}
        self._arguments: dict[Group, list[Cell]] = {}

    def signature(self, family: Family) -> Signature:
        made = Signature()
        starts = {begin: family.steps[begin].present for begin, _ in regions(family)}
        for index in range(len(family.steps)):
            present = starts.get(index)
            if present is not None and present not in made.flags:
                self._flag(family, made, index, present)
            rows = [self._cells(family, m, index) for m in range(len(family.members))]
            shown = next(r for r in rows if r is not None)
            for key, first in shown.items():
                values = [None if r is None else r[key].value for r in rows]
                made.values[index, key] = (first.kind, _value(made.columns, first, values))
        _rename(made)
        for m, (group, _) in enumerate(family.members):
            self._arguments[group] = [
                Cell(c.kind, c.related, c.wanted[0], _absolute(c.values[m], group.path)) for c in made.columns
            ]
        return made

    def _flag(self, family: Family, made: Signature, index: int, present: frozenset[int]) -> None:
        values: list[Value | None] = [form in present for _, form in family.members]
        flag = self._flag_name(family, index)
        # a parameter would hide the function of its name
        wanted = [f"with_{flag}" if snake(flag) in self._kinds else flag]
        name = f"#{len(made.columns)}"
        made.columns.append(Column("bool", wanted[0], values, wanted, name))
        made.flags[present] = name

    def _cells(self, family: Family, member: int, index: int) -> dict[str, Cell] | None:
        group, _ = family.members[member]
        item = item_of(family, member, index)
        if item is None:
            return None
        if isinstance(item, Group):
            return {
                str(i): Cell(c.kind, c.related, c.wanted, _seen_from(c.value, group.path))
                for i, c in enumerate(self._arguments[item])
            }
        found = {}
        for key, (kind, value) in holes(item, group.path, self._table).items():
            name = key.partition("[")[0]
            related = "int" if kind in ("int", "size") else _RELATED.get(name, name)
            found[key] = Cell("int" if kind == "size" else kind, related, _wanted(key, item), value)
        return found

    def _flag_name(self, family: Family, begin: int) -> str:
        """`downsample` for a part that is there or not, by its module."""
        for m, (group, _) in enumerate(family.members):
            item = item_of(family, m, begin)
            if item is None:
                continue
            path = item.path if isinstance(item, Group) else item.module
            if path == group.path:
                return "residual" if isinstance(item, ElementWise) else f"with_{type(item).__name__}"
            parts = [p for p in path[len(group.path) :].strip(".").split(".") if not p.isdigit()]
            inner = path.rpartition(".")[2].isdigit()
            kind = self._plan.modules.get(path, "")
            return kind if inner and kind and isinstance(item, Group) else (parts or [kind or "more"])[-1]
        return "more"


def _value(columns: list[Column], cell: Cell, values: list[Value | None]) -> Value:
    """A constant where all members agree, else a parameter, old or new."""
    given = [v for v in values if v is not None]
    if not given:
        return neutral(cell.kind)
    constant = all(v == given[0] and type(v) is type(given[0]) for v in given)
    # what only some members have is mostly another parameter's: the stride of a shortcut
    if constant and (cell.kind != "spatial" or len(given) == len(values)):
        return given[0]
    for column in columns:
        kinds = {column.kind, cell.kind}
        if column.related != cell.related or (len(kinds) > 1 and kinds != {"int", "spatial"}):
            continue
        pairs = list(zip(column.values, values, strict=True))
        if all(a == b for a, b in pairs if a is not None and b is not None):
            column.values = [b if a is None else a for a, b in pairs]
            column.wanted.append(cell.wanted)
            column.kind = "spatial" if "spatial" in kinds else column.kind
            return Param((column.name,))
        if cell.related == "int" and (factor := _factor(pairs)):
            return Param((column.name,), factor)
    if constant:
        return given[0]
    if cell.related == "int" and (product := _product(columns, values)):
        return product
    columns.append(Column(cell.kind, cell.related, list(values), [cell.wanted], f"#{len(columns)}"))
    return Param((columns[-1].name,))


def _factor(pairs: Sequence[tuple[Value | None, Value | None]]) -> int:
    """b / a where it is the same whole number for all, else 0."""
    if any((a is None) != (b is None) for a, b in pairs):
        return 0
    factors = set()
    for a, b in pairs:
        if isinstance(a, int) and isinstance(b, int):
            if a <= 0 or b <= 0 or b % a:
                return 0
            factors.add(b // a)
    return factors.pop() if len(factors) == 1 else 0


def _product(columns: Sequence[Column], values: Sequence[Value | None]) -> Param | None:
    """Two parameters whose product it is, where that is no coincidence."""
    numbers = [v for v in values if isinstance(v, int)]
    if len(numbers) < len(values) or len(set(numbers)) < COINCIDENCE:
        return None
    known = [(c.name, [v for v in c.values if isinstance(v, int)]) for c in columns if c.related == "int"]
    known = [(name, column) for name, column in known if len(column) == len(numbers)]
    for (one, a), (other, b) in itertools.combinations_with_replacement(known, 2):
        if all(x * y == z for x, y, z in zip(a, b, numbers, strict=True)):
            return Param((one, other))
    return None


def _rename(signature: Signature) -> None:
    """Gives the parameters their names, by all of their uses."""
    names: dict[str, str] = {}
    for column in signature.columns:
        if {"height", "width"} <= set(column.wanted):
            column.wanted = ["size"]
        telling = [n for n in _TELLING if n in column.wanted]
        column.wanted = [(telling or column.wanted)[0]]
        names[column.name] = variable(column.wanted[0], names.values())
        if column.kind == "spatial" and not any(isinstance(v, tuple) for v in column.values):
            column.kind = "int"
    for column in signature.columns:
        column.name = names[column.name]
    signature.flags = {k: names[v] for k, v in signature.flags.items()}
    for key, (kind, value) in signature.values.items():
        if isinstance(value, Param):
            signature.values[key] = (kind, Param(tuple(names[n] for n in value.names), value.factor))


def _wanted(key: str, layer: Layer) -> str:
    """A name for a parameter, by the attribute that it is."""
    name, _, index = key.partition("[")
    if isinstance(layer, Normalization) and name == "dims":
        return "channels"
    if isinstance(layer, Shuffle) and name == "reshape":
        at, rank = int(index[:-1]), len(layer.reshape)
        if rank == 4:
            return ("batch", "channels", "height", "width")[at]
        if at == rank - 1:
            return "size" if layer.reshape[-1] in layer.reshape[:-1] else "channels"
        return "batch" if at == 0 else "length" if rank == 3 else "count"
    return _NAMES.get(name, name)


def _seen_from(value: Value | None, path: str) -> Value | None:
    """A name that a callee gets, as one relative to the caller."""
    if isinstance(value, tuple) and len(value) == 1 and isinstance(value[0], str):
        return relative(value[0], path)
    return value


def _absolute(value: Value | None, path: str) -> Value | None:
    if isinstance(value, tuple) and any(isinstance(p, Code) for p in value):
        return join(*(path if isinstance(p, Code) else str(p) for p in value))
    return value


def arguments(signature: Signature, step: int, callee: Signature) -> tuple[Value, ...]:
    """What a step gives for the parameters of what it calls."""
    return tuple(signature.values[step, str(i)][1] for i in range(len(callee.columns)))


def constants(signature: Signature, step: int) -> Mapping[str, tuple[str, Value]]:
    """What stands for the attributes of a layer."""
    return {key: found for (index, key), found in signature.values.items() if index == step}
