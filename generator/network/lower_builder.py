"""What operators write their layers with: tensors with sizes, constants, casts, reshapes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ..spec import DType
from .lower_graph import Graph, Node
from .lower_infer import broadcast, inferred
from .lower_sizes import AnySize, Dims, Size, equal, plain, product
from .plan import (
    Cast,
    Concatenation,
    Constant,
    ElementWise,
    ElementWiseKind,
    Gather,
    Identity,
    Layer,
    Shape,
    Shuffle,
    Slice,
    SliceFill,
)

VALUES = 16
"""Elements: larger constants are in the weights file, smaller ones stand in the code."""


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
    module: str


class Builder:
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
        self._symbols: dict[str, tuple[Tensor, int]] = {}
        """A tensor and its dimension that say how long a named dimension is."""
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
        dims: Dims | None = None,
        dtype: DType | None = None,
        **fields: Any,
    ) -> Tensor:
        """Adds a layer of one output, which is the ONNX value `out` where given.

        Sizes and type follow from the kind where they are not given.
        """
        name = self._fresh()
        layer = kind(
            name=name,
            module=self.node.module,
            inputs=tuple(t.name if t else "" for t in inputs),
            outputs=(out or f"{name}/output",),
            **fields,
        )
        given = [t for t in inputs if t is not None]
        if dims is None:
            dims = inferred(layer, [t.dims for t in given], self.weight_dims)
        if dtype is None:
            dtype = given[0].dtype
        return self.append(layer, what, [Tensor(layer.outputs[0], dtype, dims)])[0]

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

    def missing(self, node: Node, reason: str) -> None:
        """The node is not covered; what it gives is what ONNX's shape inference knows of it."""
        self.node = node
        outputs = tuple(o for o in node.outputs if o)
        name = self._fresh()
        inputs = tuple(self._values[i] for i in node.inputs if i in self._values)
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
        dtype = DType(array.dtype.name) if dtype is None else dtype
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
        name = self._fresh()
        layer = Constant(
            name=name, module=self.node.module, inputs=(), outputs=(f"{name}/output",), dims=dims, **fields
        )
        return self.append(layer, "constant", [Tensor(layer.outputs[0], layer.dtype, dims)])[0]

    def weight(self, array: Any, source: str = "") -> str:
        """A provisional name for weights."""
        name = f"#{len(self.arrays)}"
        self.arrays[name] = Array(array, source, self.node.module)
        return name

    def weight_dims(self, name: str) -> tuple[int, ...]:
        """The shape of weights."""
        return tuple(self.arrays[name].values.shape)

    def integers(self, values: Any) -> Tensor:
        """A constant of int64."""
        return self.constant(values, dtype=DType.int64)

    # --- fitting operands ---

    def ranked(self, tensor: Tensor, rank: int) -> Tensor:
        """The tensor with dimensions of 1 in front, up to the rank."""
        if tensor.rank >= rank:
            return tensor
        layer = self.maker(tensor)
        if isinstance(layer, Constant):
            dims = (1,) * (rank - tensor.rank) + layer.dims
            key = (self.node.module, "ranked", tensor.name, dims)
            if key not in self._constants:
                fields = {"dtype": layer.dtype, "weight": layer.weight, "values": layer.values}
                self._constants[key] = self._constant(dims, fields)
            return self._constants[key]
        return self.reshape(tensor, (1,) * (rank - tensor.rank) + tensor.dims)

    def cast(self, tensor: Tensor, dtype: DType, out: str = "") -> Tensor:
        """The tensor with this type of elements."""
        if tensor.dtype is dtype and not out:
            return tensor
        return self.add(Cast, [tensor], "cast", out=out, dtype=dtype, to=dtype)

    def elementwise(
        self, operation: ElementWiseKind, a: Tensor, b: Tensor, what: str = "", out: str = ""
    ) -> Tensor:
        """a (operation) b with ranks made equal."""
        rank = max(a.rank, b.rank)
        a, b = self.ranked(a, rank), self.ranked(b, rank)
        compares = operation in (ElementWiseKind.equal, ElementWiseKind.greater, ElementWiseKind.less)
        if compares and a.dtype is DType.bool_:
            a, b = self.cast(a, DType.int32), self.cast(b, DType.int32)
        return self.add(
            ElementWise,
            [a, b],
            what or operation.name,
            out=out,
            dims=broadcast(a.dims, b.dims),
            dtype=DType.bool_ if compares else a.dtype,
            operation=operation,
        )

    def scalar(self, value: float, like: Tensor) -> Tensor:
        """A constant of one element that combines with a tensor."""
        return self.constant(value, dims=(1,) * like.rank, dtype=like.dtype)

    # --- shapes ---

    def reshape(self, x: Tensor, sizes: Dims, what: str = "reshape", out: str = "") -> Tensor:
        """x with these sizes, whether they are numbers, the input's or what remains."""
        if sizes == x.dims and not out:
            return x
        source = self.maker(x)
        if isinstance(source, Shuffle) and plain_reshape(source):
            x = self.tensors[source.inputs[0]]  # a reshape of a reshape
            if sizes == x.dims and not out:
                return x
        if not sizes:
            return self.add(Shuffle, [x], what, out=out, dims=(), to_scalar=True)
        static = static_reshape(x.dims, sizes)
        if static is not None:
            return self.add(Shuffle, [x], what, out=out, dims=sizes, reshape=static)
        return self.add(Shuffle, [x, self.sizes(sizes)], what, out=out, dims=sizes)

    def transpose(self, x: Tensor, order: Sequence[int], out: str = "") -> Tensor:
        """x with its dimensions in this order."""
        if tuple(order) == tuple(range(x.rank)) and not out:
            return x
        dims = tuple(x.dims[i] for i in order)
        return self.add(Shuffle, [x], "transpose", out=out, dims=dims, first_transpose=tuple(order))

    def slice(
        self,
        x: Tensor,
        start: Sequence[AnySize],
        size: Dims,
        stride: Sequence[AnySize],
        *,
        what: str = "slice",
        out: str = "",
        outside: SliceFill = SliceFill.strict,
        fill: float = 0.0,
    ) -> Tensor:
        """A slice; sizes that vary and are not the input's, and starts that vary, are computed."""
        fields: dict[str, Any] = {"outside": outside, "fill_value": fill}
        computed: list[Tensor | None] = [None, None, None]
        whole = [
            equal(s, d) is True and equal(b, 0) is True and equal(t, 1) is True
            for s, d, b, t in zip(size, x.dims, start, stride, strict=True)
        ]
        sizes = [s if isinstance(s, int) else -1 for s in size]
        if any(not isinstance(s, int) and not w for s, w in zip(size, whole, strict=True)):
            computed[1], sizes = self.sizes(size), []
        starts, strides = list(start), list(stride)
        if any(not isinstance(s, int) for s in start):
            computed[0], starts = self.sizes(tuple(start)), []
        if any(not isinstance(s, int) for s in stride):
            computed[2], strides = self.sizes(tuple(stride)), []
        inputs = [x, *computed] if any(computed) else [x]
        fields |= {"start": tuple(starts), "size": tuple(sizes), "stride": tuple(strides)}
        return self.add(Slice, inputs, what, out=out, dims=size, **fields)

    def sizes(self, sizes: Dims) -> Tensor:
        """A tensor of int64 with these sizes, computed where they vary."""
        if all(isinstance(s, int) for s in sizes):
            return self.integers(sizes)
        parts: list[Tensor] = []
        numbers: list[int] = []
        for size in sizes:
            if isinstance(size, int):
                numbers.append(size)
                continue
            if numbers:
                parts.append(self.integers(numbers))
                numbers = []
            parts.append(self._size(size))
        if numbers:
            parts.append(self.integers(numbers))
        if len(parts) == 1:
            return parts[0]
        return self.add(Concatenation, parts, "sizes", axis=0)

    def _size(self, size: Size) -> Tensor:
        """A tensor of one element."""
        total: Tensor | None = None
        for names, n in size.terms:
            term = self.integers([n]) if not names or n != 1 else None
            for name in names:
                factor = self._symbol(name)
                term = (
                    factor if term is None else self.elementwise(ElementWiseKind.multiply, term, factor)
                )
            assert term is not None
            total = term if total is None else self.elementwise(ElementWiseKind.add, total, term)
        assert total is not None
        return total

    def _symbol(self, name: str) -> Tensor:
        if name not in self._symbols:
            raise NotCovered(f"the size {name} is not one of a tensor")
        tensor, axis = self._symbols[name]
        key = (self.node.module, "shape", tensor.name)
        if key not in self._constants:
            self._constants[key] = self.add(
                Shape, [tensor], "shape", dims=(tensor.rank,), dtype=DType.int64
            )
        return self.add(Gather, [self._constants[key], self.integers([axis])], "size", dims=(1,))

    # --- inner ---

    def _fresh(self) -> str:
        self._count += 1
        return f"#{self._count}"

    def _describe(self, tensor: Tensor) -> Tensor:
        """Notes a tensor, with what ONNX's shape inference knows better."""
        dtype, dims = self.graph.described.get(tensor.name, (None, None))
        if dims is not None and tensor.name in self.graph.makers:
            if len(dims) != len(tensor.dims):
                raise NotCovered(f"makes {plain(tensor.dims)} of what is {plain(dims)}")
            better = []
            for found, said in zip(tensor.dims, dims, strict=True):
                if isinstance(found, int) and isinstance(said, int) and found != said:
                    raise NotCovered(f"makes {plain(tensor.dims)} of what is {plain(dims)}")
                better.append(said if isinstance(said, int) else found)
            tensor = Tensor(tensor.name, tensor.dtype, tuple(better))
        self.tensors[tensor.name] = tensor
        for axis, size in enumerate(tensor.dims):
            if isinstance(size, Size) and len(size.terms) == 1:
                names, n = size.terms[0]
                if len(names) == 1 and n == 1:
                    self._symbols.setdefault(names[0], (tensor, axis))
        return tensor


def plain_reshape(layer: Shuffle) -> bool:
    """Whether it is a reshape to known sizes and nothing else."""
    return bool(layer.reshape) and not layer.first_transpose and not layer.second_transpose


def static_reshape(dims: Dims, sizes: Dims) -> tuple[int, ...] | None:
    """Sizes for a Shuffle: 0 where the input's is copied, -1 for at most one that varies; None if more do."""
    found: list[int] = []
    for i, size in enumerate(sizes):
        if isinstance(size, int):
            found.append(size)
        elif i < len(dims) and dims[i] == size:
            found.append(0)
        else:
            found.append(-1)
    if 0 in [s for s in sizes if isinstance(s, int)] or found.count(-1) > 1:
        return None
    return tuple(found)


def numpy_type(dtype: DType) -> Any:
    """numpy's type for an element type."""
    import numpy as np

    return np.dtype(dtype.value)


def _code_type(dtype: DType) -> Any:
    import numpy as np

    floats = dtype in (DType.float32, DType.float16)
    return np.float64 if floats else np.int64


def remaining(dims: Dims, sizes: Sequence[AnySize]) -> AnySize | None:
    """What -1 stands for among the sizes of a reshape."""
    from .lower_sizes import divided

    return divided(product(dims), product(s for s in sizes if s != -1))
