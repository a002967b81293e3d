"""The ONNX graph as lowering reads it: nodes, constants as arrays, sizes and types of values."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ...core.spec import DType
from ...onnx.graph import dims_of, opset_of
from ...onnx.names import module_path
from .size_text import parsed
from .sizes import AnySize, Dims, Size, opaque

STANDARD = ("", "ai.onnx")
_BORDER = ("float", "float16", "bfloat16", "int64", "int32", "int8", "uint8", "bool", "undefined")
"""`undefined`: an output of which the file says nothing."""


@dataclass(slots=True)
class Node:
    """An operator with its attributes as Python values."""

    op: str
    name: str
    module: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: dict[str, Any]
    proto: Any = field(repr=False)

    def input(self, index: int) -> str:
        """The name of an input, "" where it is absent."""
        return self.inputs[index] if index < len(self.inputs) else ""


@dataclass(frozen=True, slots=True)
class Strided:
    """Indices: element (i, j, ...) is offset + strides[0] * i + strides[1] * j + ..."""

    offset: AnySize
    dims: Dims
    strides: Dims
    """0 in dimensions of 1."""


class Graph:
    """What the file says. Constants grow as nodes are folded."""

    def __init__(self, model: Any, modules: Mapping[str, str]) -> None:
        graph = model.graph
        self.opset = opset_of(model)
        self.modules = dict(modules)
        self.inputs = {v.name: (onnx_type(v.type.tensor_type.elem_type), self._dims(v)) for v in graph.input}
        self.outputs = tuple(v.name for v in graph.output)
        self._codes = {v.name: v.type.tensor_type.elem_type for v in (*graph.input, *graph.output)}
        self.described: dict[str, tuple[DType | None, Dims]] = {
            v.name: (onnx_type(v.type.tensor_type.elem_type), self._dims(v))
            for v in (*graph.value_info, *graph.output)
            if v.type.tensor_type.HasField("shape")
        }
        """Only what shape inference found."""
        self.initialisers = {t.name: t for t in graph.initializer}
        self.arrays: dict[str, Any] = {}
        self.shapes: dict[str, Any] = {}
        """Integer tensors of which sizes are known as expressions: numpy arrays of int and Size."""
        self.strided: dict[str, Strided] = {}
        """Index tensors that count through memory."""
        self.nodes = [_node(n) for n in graph.node]
        self.uses = Counter(i for n in self.nodes for i in n.inputs) + Counter(self.outputs)
        self.makers = {o: n for n in self.nodes for o in n.outputs if o}
        self._node_names = frozenset(n.name for n in self.nodes)

    def constant(self, name: str) -> Any:
        """The array of a constant, None when it is none; float64 is made float32."""
        if name in self.arrays:
            return self.arrays[name]
        if name not in self.initialisers:
            return None
        import numpy as np
        from onnx import numpy_helper

        array = numpy_helper.to_array(self.initialisers[name])
        if array.dtype == np.float64:
            array = array.astype(np.float32)
        self.arrays[name] = array
        return array

    def border_types(self, names: Iterable[str]) -> list[tuple[str, str]]:
        """(name, type) of inputs or outputs whose type of elements networks lack."""
        import onnx

        kinds = [(n, onnx.TensorProto.DataType.Name(self._codes[n]).lower()) for n in names]
        return [(name, kind) for name, kind in kinds if kind not in _BORDER]

    def is_constant(self, name: str) -> bool:
        """Whether its value is known here."""
        return name in self.arrays or name in self.initialisers

    def is_parameter(self, name: str) -> bool:
        """Whether a constant is one of the PyTorch model's, not what the exporter made (`fc/MatMul.B`)."""
        made = "/" in name or name.rpartition(".")[0] in self._node_names
        return bool(self.modules) and name in self.initialisers and not made

    def scalar(self, name: str) -> float | None:
        """The value of a constant with one element."""
        array = self.constant(name) if name else None
        return float(array.reshape(-1)[0]) if array is not None and array.size == 1 else None

    def ints(self, name: str) -> tuple[int, ...] | None:
        """The values of an integer constant."""
        array = self.constant(name) if name else None
        return None if array is None else tuple(int(v) for v in array.reshape(-1))

    def sizes(self, name: str) -> tuple[AnySize, ...] | None:
        """The values of an integer tensor where they are known as numbers or expressions."""
        if name in self.shapes:
            found = tuple(self.shapes[name].reshape(-1))
            return found if all(isinstance(v, int | Size) for v in found) else None
        return self.ints(name)

    def _dims(self, value: Any) -> Dims:
        return tuple(
            d if isinstance(d, int) else opaque(f"{value.name}_{i}") if d == "?" else parsed(d)
            for i, d in enumerate(dims_of(value))
        )


def _node(proto: Any) -> Node:
    import onnx

    attributes = {a.name: onnx.helper.get_attribute_value(a) for a in proto.attribute}
    return Node(
        op=proto.op_type if proto.domain in STANDARD else f"{proto.domain}::{proto.op_type}",
        name=proto.name or (proto.output[0] if proto.output else ""),
        module=module_path(proto),
        inputs=tuple(proto.input),
        outputs=tuple(proto.output),
        attributes={k: v.decode() if isinstance(v, bytes) else v for k, v in attributes.items()},
        proto=proto,
    )


def onnx_type(code: int) -> DType | None:
    """The element type by ONNX's number; float64 is taken as float32; None for one that plans lack."""
    import onnx

    name = onnx.TensorProto.DataType.Name(code).lower()
    known = {
        **{d.value: d for d in DType},
        "float": DType.float32,
        "double": DType.float32,
        "float64": DType.float32,
    }
    return known.get(name)
