"""What operators write their layers with: operands made to fit, reshapes, slices, sizes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...core.spec import DType
from ..plan import (
    Cast,
    Concatenation,
    Constant,
    ElementWise,
    ElementWiseKind,
    Gather,
    Shape,
    Shuffle,
    Slice,
    SliceFill,
)
from .infer import broadcast
from .layers import Layers, NotCovered, Tensor
from .sizes import AnySize, Derived, Dims, Operation, Size, divided, equal, opaque, plain, product


class Builder(Layers):
    """The network, with what an operator needs more than single layers."""

    # --- fitting operands ---

    def ranked(self, tensor: Tensor, rank: int) -> Tensor:
        """The tensor with dimensions of 1 in front, up to the rank."""
        if tensor.rank >= rank:
            return tensor
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
            shape=broadcast(a.dims, b.dims),
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
        x = self.reshaped_from(x)
        if sizes == x.dims and not out:
            return x
        maker = self.maker(x)
        if isinstance(maker, Constant) and not out:
            return self._seen_as(maker, plain(sizes))
        if not sizes:
            return self.add(Shuffle, [x], what, out=out, shape=(), to_scalar=True)
        static = static_reshape(x.dims, sizes)
        if static is not None:
            return self.add(Shuffle, [x], what, out=out, shape=sizes, reshape=static)
        return self.add(Shuffle, [x, self.sizes(sizes)], what, out=out, shape=sizes)

    def reshaped_from(self, x: Tensor) -> Tensor:
        """What x is a reshape of, in the same module; x where it is none."""
        maker = self.maker(x)
        if isinstance(maker, Shuffle) and plain_reshape(maker) and maker.module == self.node.module:
            return self.tensors[maker.inputs[0]]
        return x

    def transpose(self, x: Tensor, order: Sequence[int], out: str = "") -> Tensor:
        """x with its dimensions in this order."""
        if tuple(order) == tuple(range(x.rank)) and not out:
            return x
        dims = tuple(x.dims[i] for i in order)
        return self.add(Shuffle, [x], "transpose", out=out, shape=dims, first_transpose=tuple(order))

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
        return self.add(Slice, inputs, what, out=out, shape=size, **fields)

    def expanded(self, x: Tensor, sizes: Dims) -> None:
        """The node's output is x, repeated along dimensions of 1."""
        self.expand(x, sizes, out=self.output())

    def expand(self, x: Tensor, sizes: Dims, out: str = "") -> Tensor:
        """x, repeated along dimensions of 1."""
        x = self.ranked(x, len(sizes))
        strides = [0 if equal(d, s) is not True else 1 for d, s in zip(x.dims, sizes, strict=True)]
        return self.slice(x, (0,) * x.rank, sizes, strides, what="expand", out=out)

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
        """A tensor of one element: measured, or computed from named dimensions."""
        unmeasured = [name for name in size.symbols if opaque(name) not in self._measured]
        if unmeasured and (size in self._measured or not all(isinstance(n, Derived) for n in unmeasured)):
            return self._measure(size)
        total: Tensor | None = None
        for names, n in size.terms:
            term = self.integers([n]) if not names or n != 1 else None
            for name in names:
                factor = self._named_size(name)
                if term is not None:
                    factor = self.elementwise(ElementWiseKind.multiply, term, factor)
                term = factor
            assert term is not None
            total = term if total is None else self.elementwise(ElementWiseKind.add, total, term)
        assert total is not None
        return total

    def _named_size(self, name: str) -> Tensor:
        """A tensor of one element: measured where some tensor is as long, else computed."""
        if opaque(name) in self._measured or not isinstance(name, Derived):
            return self._measure(opaque(name))
        key = (self.node.module, "derived", name)
        if key not in self._constants:
            a, b = self.sizes((name.a,)), self.sizes((name.b,))
            self._constants[key] = self._derived(name.operation, a, b)
        return self._constants[key]

    def _derived(self, operation: Operation, a: Tensor, b: Tensor) -> Tensor:
        if operation is Operation.modulo:
            whole = self.elementwise(ElementWiseKind.floor_divide, a, b)
            multiple = self.elementwise(ElementWiseKind.multiply, whole, b)
            return self.elementwise(ElementWiseKind.subtract, a, multiple)
        return self.elementwise(_COMPUTED[operation], a, b)

    def _measure(self, size: Size) -> Tensor:
        if size not in self._measured:
            raise NotCovered(f"needs the size {size}, and no tensor is as long")
        tensor, axis = self._measured[size]
        key = (self.node.module, "shape", tensor.name)
        if key not in self._constants:
            self._constants[key] = self.add(Shape, [tensor], "shape", shape=(tensor.rank,), dtype=DType.int64)
        return self.add(Gather, [self._constants[key], self.integers([axis])], "size", shape=(1,))


_COMPUTED = {
    Operation.floor_divide: ElementWiseKind.floor_divide,
    Operation.divide: ElementWiseKind.divide,
    Operation.minimum: ElementWiseKind.minimum,
    Operation.maximum: ElementWiseKind.maximum,
}


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


def remaining(dims: Dims, sizes: Sequence[AnySize]) -> AnySize | None:
    """What -1 stands for among the sizes of a reshape."""
    return divided(product(dims), product(s for s in sizes if s != -1))
