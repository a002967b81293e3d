"""What of an ONNX graph a given TensorRT takes: operators, their attributes, opset, element types.

The table is operator_table.py; the restrictions here are those of the parsers' docs/operators.md that
networks from PyTorch meet.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from ...core.errors import UsageError
from ...core.spec import DType, Precision, TensorSpec
from ...core.words import counted
from ...onnx.graph import opset_of
from ...onnx.names import all_nodes, module_path
from .operator_table import OPSETS as OPSETS
from .operator_table import SINCE as SINCE
from .types import typed_problems

VERSIONS = tuple(OPSETS)
"""Every version of TensorRT that the table knows, oldest first."""

OLDEST = VERSIONS[0]

PRECISIONS_SINCE = {Precision.fp32: OLDEST, Precision.fp16: OLDEST, Precision.bf16: "10.0"}
"""The first version that computes in it."""

_STANDARD = ("", "ai.onnx")
_EXAMPLES = 5

_BORDER = {
    DType.float32: OLDEST,
    DType.float16: OLDEST,
    DType.int32: OLDEST,
    DType.bool_: OLDEST,
    DType.uint8: OLDEST,
    DType.int64: "10.0",
    DType.bfloat16: "10.0",
}
"""Element types of inputs and outputs, and since when. 8.x would narrow int64 to int32 in silence, every
version float64 to float32; int8 stands for quantised values only."""

_INNER = {"INT16", "UINT16", "UINT32", "UINT64", "STRING", "COMPLEX64", "COMPLEX128"}
"""Element types (names of onnx.TensorProto.DataType) that no version has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unsupported:
    """An operator that the wanted TensorRT does not take."""

    operator: str
    reason: str
    """`is not imported`, or what about it is not."""
    since: str
    """The first version that takes it; empty when none does."""
    nodes: tuple[str, ...]
    """Names of the nodes."""
    modules: tuple[str, ...]
    """PyTorch modules they come from, without repetition; "" is the model itself."""

    def __str__(self) -> str:
        return self._told([m or "the model's own forward" for m in self.modules])

    def by_nodes(self) -> str:
        """The same for a file, which has nodes and may have no modules."""
        return self._told([m for m in self.modules if m] or list(self.nodes))

    def _told(self, where: Sequence[str]) -> str:
        count = f" ({len(self.nodes)}x)" if len(self.nodes) > 1 else ""
        when = f"TensorRT {self.since} and later do" if self.since else "no TensorRT does"
        places = list(where[:_EXAMPLES])
        more = len(where) - len(places)
        places += [f"{more} more"] if more > 0 else []
        return f"{self.operator}{count} {self.reason}, {when}; from {', '.join(places)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Restriction:
    """A form of an operator that is not taken before `since` (empty: never)."""

    operators: tuple[str, ...]
    has: Callable[[Any], bool]
    reason: str
    since: str = ""


def check_version(version: str) -> None:
    """Raises UsageError for a version that the table does not know."""
    if version not in VERSIONS:
        raise UsageError(f"--tensorrt-min {version} is not known", hint=f"one of {', '.join(VERSIONS)}.")


def unsupported(model: Any, version: str) -> tuple[Unsupported, ...]:
    """Everything in the graph that the parser of `version` does not take, in the order of the graph."""
    found: dict[tuple[str, str, str], list[Any]] = {}
    for node in all_nodes(model.graph):
        for reason, since in _problems(node, version):
            name = node.op_type if node.domain in _STANDARD else f"{node.domain}::{node.op_type}"
            found.setdefault((name, reason, since), []).append(node)
    for node, reason, since in typed_problems(model):
        if not since or _older(version, since):
            found.setdefault((node.op_type, reason, since), []).append(node)
    return tuple(
        Unsupported(
            operator=name,
            reason=reason,
            since=since,
            nodes=tuple(n.name for n in nodes),
            modules=tuple(dict.fromkeys(map(module_path, nodes))),
        )
        for (name, reason, since), nodes in found.items()
    )


def oldest_for(model: Any) -> str:
    """The oldest version that takes all of the graph; empty when none does."""
    return next(
        (v for v in VERSIONS if not unsupported(model, v) and not opset_problem(opset_of(model), v)), ""
    )


def opset_problem(opset: int, version: str) -> str:
    """Empty when the parser of `version` takes the opset."""
    newest = OPSETS[version]
    return "" if opset <= newest else f"TensorRT {version} takes opsets up to {newest}, this is {opset}"


def border_problems(kind: str, tensors: Sequence[TensorSpec], version: str) -> list[str]:
    """What about the element types of inputs or outputs (`kind`) the engine could not keep."""
    problems = []
    for t in tensors:
        since = _BORDER.get(t.dtype, "")
        if since and not _older(version, since):
            continue
        when = f"TensorRT {since} and later take" if since else "no TensorRT takes"
        problems.append(f"{kind} {t.name} is {t.dtype}, which {when} at the border")
    return problems


def inner_problems(model: Any) -> list[str]:
    """Element types inside the graph that no TensorRT has, each with a value of that type."""
    import onnx

    found: dict[str, list[str]] = {}
    for value in (*model.graph.value_info, *model.graph.initializer):
        kind = value.data_type if hasattr(value, "data_type") else value.type.tensor_type.elem_type
        name = onnx.TensorProto.DataType.Name(kind)
        if name in _INNER:
            found.setdefault(name, []).append(value.name)
    return [
        f"{counted(len(values), 'value')} of type {name.lower()}, which no TensorRT has, such as {values[0]}"
        for name, values in sorted(found.items())
    ]


def narrowed_values(model: Any) -> list[str]:
    """Names of values inside the graph in float64, which every TensorRT computes in float32."""
    import onnx

    double = onnx.TensorProto.DOUBLE
    return [v.name for v in model.graph.value_info if v.type.tensor_type.elem_type == double]


def _problems(node: Any, version: str) -> list[tuple[str, str]]:
    """(reason, since) for each thing that `version` does not take."""
    since = SINCE.get(node.op_type, "") if node.domain in _STANDARD else ""
    if not since or _older(version, since):
        return [("is not imported", since)]
    return [
        (r.reason, r.since)
        for r in _RESTRICTIONS
        if node.op_type in r.operators and (not r.since or _older(version, r.since)) and r.has(node)
    ]


def _older(version: str, other: str) -> bool:
    return VERSIONS.index(version) < VERSIONS.index(other)


def _attribute(node: Any, name: str, default: Any) -> Any:
    import onnx

    for attribute in node.attribute:
        if attribute.name == name:
            value = onnx.helper.get_attribute_value(attribute)
            return value.decode() if isinstance(value, bytes) else value
    return default


def _input(node: Any, index: int) -> str:
    return node.input[index] if index < len(node.input) else ""


def _output(node: Any, index: int) -> str:
    return node.output[index] if index < len(node.output) else ""


_RESTRICTIONS = (
    _Restriction(
        operators=("Resize",), has=lambda n: _attribute(n, "antialias", 0) == 1, reason="with antialiasing"
    ),
    _Restriction(
        operators=("MaxPool",), has=lambda n: bool(_output(n, 1)), reason="with indices as its second output"
    ),
    _Restriction(
        operators=("MaxPool", "AveragePool", "LpPool"),
        has=lambda n: any(d != 1 for d in _attribute(n, "dilations", [])),
        reason="with dilations",
    ),
    _Restriction(
        operators=("LayerNormalization",),
        has=lambda n: bool(_output(n, 1) or _output(n, 2)),
        reason="with its mean or deviation as an output",
    ),
    _Restriction(
        operators=("ScatterND",),
        has=lambda n: _attribute(n, "reduction", "none") != "none",
        reason="with a reduction",
    ),
    _Restriction(
        operators=("ScatterElements",),
        has=lambda n: _attribute(n, "reduction", "none") != "none",
        reason="with a reduction",
        since="10.0",
    ),
    _Restriction(operators=("Pad",), has=lambda n: bool(_input(n, 3)), reason="with axes", since="10.4"),
    _Restriction(
        operators=("Einsum",),
        has=lambda n: "..." in _attribute(n, "equation", ""),
        reason="with an ellipsis",
        since="10.12",
    ),
    _Restriction(
        operators=("TopK",), has=lambda n: _attribute(n, "sorted", 1) != 1, reason="that does not sort"
    ),
    _Restriction(
        operators=("LSTM", "GRU", "RNN"),
        has=lambda n: _attribute(n, "layout", 0) != 0,
        reason="with layout 1",
    ),
)
