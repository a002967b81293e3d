"""The network as it grows: layers, what they make, constants and weights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ...core.spec import DType
from ..numpy_types import numpy_type
from ..plan import Cast, Constant, Identity, Layer, Shape
from .graph import Graph, Node
from .infer import inferred
from .sizes import Dims, Size, plain

VALUES = 16
"""Elements: larger constants are in the weights file, smaller ones stand in the code."""


_TAKE_UINT8 = (Cast, Constant, Identity, Shape)


class NotCovered(Exception):
    """Why the node at hand cannot be lowered."""


class Follows(Exception):
    """The node at hand takes what a node that is not covered gives, of which nothing is known."""


@dataclass(frozen=True, slots=True)
class Tensor:
    """Of the network; its name is the ONNX value's, or provisional for one that lowering adds."""

    name: str
    dtype: DType
    dims: Dims

    @property
    def rank(self) -> int:
        """The number of dimensions."""
        return len(self.dims)


@dataclass(frozen=True, slots=True, kw_only=True)
class Missing(Layer):
    """Stands for a node that is not covered until it is known whether anything needs it."""

    reason: str


@dataclass(slots=True)
class Made:
    """A layer before it has its name."""

    layer: Layer
    node: Node
    what: str
    """`add`: the last part of the name of a layer that is not its whole module."""


@dataclass(slots=True)
class Array:
    """Weights before they have their name."""

    values: Any
    source: str
    """The constant of the ONNX file that this is, "" where it was computed."""


class Layers:
    """The network as it grows. `node` is the one at hand: its module is that of the layers."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.node: Node = Node("", "", "", (), (), {}, None)
        self.made: list[Made] = []
        self.tensors: dict[str, Tensor] = {}
        self.arrays: dict[str, Array] = {}
        self.producers: dict[str, Layer] = {}
        self._values: dict[str, str] = {}
        """Tensors by the ONNX value's name."""
        self._constants: dict[Any, Tensor] = {}
        self._measured: dict[Size, tuple[Tensor, int]] = {}
        """A tensor and its dimension that are as long as a size that varies; inputs come first."""
        self._count = 0
        for name, (dtype, dims) in graph.inputs.items():
            if dtype is not None:
                self._describe(Tensor(name, dtype, dims))
                self._values[name] = name

    # --- tensors ---

    def known(self, value: str) -> Tensor | None:
        """The tensor of an ONNX value, None for constants and those that are not made."""
        name = self._values.get(value)
        return self.tensors[name] if name is not None else None

    def tensor(self, value: str) -> Tensor:
        """The tensor of an ONNX value; a constant becomes a layer."""
        if (tensor := self.known(value)) is not None:
            return tensor
        array = self.graph.constant(value) if value else None
        if array is None:
            raise Follows(value)
        return self.constant(array, source=value)

    def x(self, index: int = 0) -> Tensor:
        """An input of the node at hand."""
        value = self.node.input(index)
        if not value:
            raise NotCovered(f"input {index} is absent")
        return self.tensor(value)

    def maker(self, tensor: Tensor) -> Layer | None:
        """The layer that makes it, None for an input of the network."""
        return self.producers.get(tensor.name)

    def rank_of(self, index: int = 0) -> int:
        """The rank of an input, without making a constant of it."""
        return len(self.dims_of(self.node.input(index)))

    def dtype_of(self, value: str) -> DType:
        """The type of a value, without making a constant of it."""
        if (tensor := self.known(value)) is not None:
            return tensor.dtype
        array = self.graph.constant(value) if value else None
        if array is None:
            raise Follows(value)
        return _element_type(array)

    def dims_of(self, value: str) -> Dims:
        """The sizes of a value, without making a constant of it."""
        if (tensor := self.known(value)) is None:
            array = self.graph.constant(value) if value else None
            if array is None:
                raise Follows(value)
            return tuple(array.shape)
        return tensor.dims

    # --- layers ---

    def add(
        self,
        kind: type[Layer],
        inputs: Sequence[Tensor | None],
        what: str,
        *,
        out: str = "",
        shape: Dims | None = None,
        dtype: DType | None = None,
        **fields: Any,
    ) -> Tensor:
        """Adds a layer of one output, which is the ONNX value `out` where given.

        Sizes and type follow from the kind where they are not given.
        """
        name = self.fresh()
        layer = kind(
            name=name,
            module=self.node.module,
            inputs=tuple(t.name if t else "" for t in inputs),
            outputs=(out or f"{name}/output",),
            **fields,
        )
        given = [t for t in inputs if t is not None]
        if kind not in _TAKE_UINT8 and any(t.dtype is DType.uint8 for t in given):
            raise NotCovered("is on uint8, which TensorRT only casts")
        if shape is None:
            shape = inferred(layer, [t.dims for t in given], self.weight_dims)
        if dtype is None:
            dtype = given[0].dtype
        return self.append(layer, what, [Tensor(layer.outputs[0], dtype, shape)])[0]

    def append(self, layer: Layer, what: str, outputs: Sequence[Tensor]) -> list[Tensor]:
        """Adds a complete layer."""
        found = [self._describe(tensor) for tensor in outputs]
        self.made.append(Made(layer, self.node, what))
        for tensor in outputs:
            self.producers[tensor.name] = layer
            if tensor.name in self.graph.makers:
                self._values[tensor.name] = tensor.name
        return found

    def output(self, index: int = 0) -> str:
        """The ONNX value that the node at hand makes."""
        return self.node.outputs[index]

    def same(self, tensor: Tensor, index: int = 0, what: str = "identity") -> None:
        """The node's output is this tensor; an output of the model gets a layer of its own."""
        value = self.output(index)
        if value in self.graph.outputs:
            self.add(Identity, [tensor], what, out=value)
        else:
            self._values[value] = tensor.name

    def own_output(self, value: str) -> None:
        """An output of the model that no layer makes: a constant, or an input."""
        if value not in self.producers and value not in self.graph.inputs:
            self.add(Identity, [self.tensor(value)], "identity", out=value)

    def missing(self, node: Node, reason: str) -> None:
        """The node is not covered; what it gives is what ONNX's shape inference knows of it."""
        self.node = node
        outputs = tuple(o for o in node.outputs if o)
        name = self.fresh()
        given = (self._values.get(i, i) for i in node.inputs)
        inputs = tuple(i for i in given if i in self.producers)
        layer = Missing(name=name, module=node.module, inputs=inputs, outputs=outputs, reason=reason)
        self.made.append(Made(layer, node, "missing"))
        for output in outputs:
            dtype, dims = self.graph.described.get(output, (None, None))
            self.producers[output] = layer
            if dtype is not None and dims is not None:
                self._describe(Tensor(output, dtype, dims))
                self._values[output] = output

    # --- constants and weights ---

    def constant(
        self, array: Any, *, source: str = "", dims: Sequence[int] | None = None, dtype: DType | None = None
    ) -> Tensor:
        """A layer for constants, one in a module; `dims` sees them in another shape."""
        import numpy as np

        array = np.asarray(array) if dtype is None else np.asarray(array, numpy_type(dtype))
        dtype = _element_type(array)
        shape = tuple(array.shape if dims is None else dims)
        key = (self.node.module, shape, dtype, source or array.tobytes())
        if key in self._constants:
            return self._constants[key]
        fields: dict[str, Any] = {"dtype": dtype}
        small = array.size <= VALUES and bool(np.isfinite(array.astype(np.float64)).all())
        if small and not self.graph.is_parameter(source):
            fields["values"] = tuple(v.item() for v in array.reshape(-1).astype(_code_type(dtype)))
        else:
            fields["weight"] = self.weight(array, source)
        self._constants[key] = self._constant(shape, fields)
        return self._constants[key]

    def _constant(self, dims: tuple[int, ...], fields: dict[str, Any]) -> Tensor:
        name = self.fresh()
        layer = Constant(
            name=name, module=self.node.module, inputs=(), outputs=(f"{name}/output",), dims=dims, **fields
        )
        return self.append(layer, "constant", [Tensor(layer.outputs[0], layer.dtype, dims)])[0]

    def _seen_as(self, layer: Constant, dims: tuple[int, ...]) -> Tensor:
        """The same constants in another shape."""
        key = (self.node.module, layer.name, dims)
        if key not in self._constants:
            fields = {"dtype": layer.dtype, "weight": layer.weight, "values": layer.values}
            self._constants[key] = self._constant(dims, fields)
        return self._constants[key]

    def weight(self, array: Any, source: str = "") -> str:
        """A provisional name for weights."""
        _element_type(array)
        name = f"#{len(self.arrays)}"
        self.arrays[name] = Array(array, source)
        return name

    def weight_dims(self, name: str) -> tuple[int, ...]:
        """The shape of weights."""
        return tuple(self.arrays[name].values.shape)

    def integers(self, values: Any) -> Tensor:
        """A constant of int64."""
        return self.constant(values, dtype=DType.int64)

    # --- inner ---

    def fresh(self) -> str:
        """A provisional name."""
        self._count += 1
        return f"#{self._count}"

    def _describe(self, tensor: Tensor) -> Tensor:
        """Notes a tensor, with sizes that ONNX's shape inference knows and this does not.

        Where both know one, this is right: ONNX's rounds pools up in a way of its own before opset 22.
        """
        dims = self.graph.described.get(tensor.name, (None, None))[1]
        if dims is not None and tensor.name in self.graph.makers:
            if len(dims) != len(tensor.dims):
                raise NotCovered(f"makes {plain(tensor.dims)} of what is {plain(dims)}")
            both = zip(tensor.dims, dims, strict=True)
            better = (said if isinstance(said, int) and isinstance(d, Size) else d for d, said in both)
            tensor = Tensor(tensor.name, tensor.dtype, tuple(better))
        self.tensors[tensor.name] = tensor
        for axis, size in enumerate(tensor.dims):
            if isinstance(size, Size):
                self._measured.setdefault(size, (tensor, axis))
        return tensor


_TYPES = ("float32", "float16", "bfloat16", "int64", "int32", "int8", "uint8", "bool")


def _element_type(array: Any) -> DType:
    if array.dtype.name not in _TYPES:
        raise NotCovered(f"has constants of {array.dtype.name}")
    return DType(array.dtype.name)


def _code_type(dtype: DType) -> Any:
    import numpy as np

    floats = dtype in (DType.float32, DType.float16, DType.bfloat16)
    return np.float64 if floats else np.int64
