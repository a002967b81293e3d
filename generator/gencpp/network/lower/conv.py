"""Convolutions and pools."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from ..plan import Convolution, Deconvolution, Pooling, PoolingKind, Reduce, ReduceKind
from .builder import Builder
from .graph import Node
from .layers import NotCovered, Tensor
from .sizes import AnySize, Dims


def convolution(b: Builder, node: Node) -> None:
    """Conv"""
    x, kernel, source = _operands(b, node)
    spatial = kernel.ndim - 2
    stride, dilation = _each(node, "strides", spatial), _each(node, "dilations", spatial)
    before, after = _padding(node, x.dims[2:], kernel.shape[2:], stride, dilation)
    _convolve(
        b,
        Convolution,
        x,
        kernel,
        source,
        stride=stride,
        pre_padding=before,
        post_padding=after,
        dilation=dilation,
        groups=node.attributes.get("group", 1),
    )


def transposed_convolution(b: Builder, node: Node) -> None:
    """ConvTranspose; output_padding becomes less padding at the end, or a kernel with zeros at its end."""
    import numpy as np

    x, kernel, source = _operands(b, node)
    spatial = kernel.ndim - 2
    stride, dilation = _each(node, "strides", spatial), _each(node, "dilations", spatial)
    more = tuple(node.attributes.get("output_padding", (0,) * spatial))
    if max(stride) > 1 and max(dilation) > 1:
        kernel, source = _dilated(kernel, dilation), f"{source} dilated"
        dilation = (1,) * spatial
    before, after = _transposed_padding(node, x.dims[2:], kernel.shape[2:], stride, dilation, more)
    taps = [0] * spatial
    ends = list(after)
    for i in range(spatial):
        ends[i] -= more[i]
        if ends[i] < 0:
            taps[i] = math.ceil(-ends[i] / dilation[i])
            ends[i] += taps[i] * dilation[i]
    if any(taps):
        kernel = np.pad(kernel, [(0, 0), (0, 0), *((0, t) for t in taps)])
        source = f"{source} with zeros"
    _convolve(
        b,
        Deconvolution,
        x,
        kernel,
        source,
        stride=stride,
        pre_padding=before,
        post_padding=tuple(ends),
        dilation=dilation,
        groups=node.attributes.get("group", 1),
    )


def _dilated(kernel: Any, dilation: Sequence[int]) -> Any:
    """With zeros between its elements: TensorRT has no deconvolution with both strides and dilation."""
    import numpy as np

    sizes = ((k - 1) * d + 1 for k, d in zip(kernel.shape[2:], dilation, strict=True))
    spread = np.zeros((*kernel.shape[:2], *sizes), kernel.dtype)
    spread[(slice(None), slice(None), *(slice(None, None, d) for d in dilation))] = kernel
    return spread


def _operands(b: Builder, node: Node) -> tuple[Tensor, Any, str]:
    x = b.x()
    source = node.input(1)
    kernel = weights_of_operand(b, source)
    if kernel is None:
        raise NotCovered("its weights are computed by the network")
    if kernel.ndim not in (3, 4, 5):
        raise NotCovered(f"has {kernel.ndim - 2} spatial dimensions")
    return x, kernel, source


def weights_of_operand(b: Builder, value: str) -> Any:
    """The array of constant weights, also of those that are stored as int8; None where they are computed."""
    if (array := b.graph.constant(value)) is not None:
        return array
    maker = b.graph.makers.get(value)
    if maker is None or maker.op != "DequantizeLinear":
        return None
    quantised, scale = b.graph.constant(maker.input(0)), b.graph.constant(maker.input(1))
    if quantised is None or scale is None:
        return None
    if maker.input(2) and b.graph.constant(maker.input(2)).any():
        raise NotCovered("its weights are quantised with a zero point that is not 0")
    axis = maker.attributes.get("axis", 1)
    shape = [-1 if i == axis % quantised.ndim else 1 for i in range(quantised.ndim)]
    return quantised.astype(scale.dtype) * (scale.reshape(shape) if scale.size > 1 else scale.reshape(-1)[0])


def _convolve(
    b: Builder, kind: type[Convolution | Deconvolution], x: Tensor, kernel: Any, source: str, **how: Any
) -> None:
    """In one dimension as in two, of which the first has a size of 1."""
    flat = kernel.ndim == 3
    out = b.output()
    if flat:
        x = b.reshape(x, (*x.dims[:2], 1, x.dims[2]))
        kernel = kernel[:, :, None, :]
        neutral = {"stride": 1, "pre_padding": 0, "post_padding": 0, "dilation": 1}
        how |= {name: (value, *how[name]) for name, value in neutral.items()}
    fields: dict[str, Any] = dict(how)
    fields["weight"] = b.weight(kernel, source)
    if bias := b.node.input(2):
        values = b.graph.constant(bias)
        if values is None:
            raise NotCovered("its bias is computed by the network")
        fields["bias"] = b.weight(values, bias)
    what = "convolution" if kind is Convolution else "deconvolution"
    result = b.add(kind, [x], what, out="" if flat else out, **fields)
    if flat:
        b.reshape(result, (*result.dims[:2], result.dims[3]), out=out)


def _each(node: Node, name: str, spatial: int) -> tuple[int, ...]:
    return tuple(int(v) for v in node.attributes.get(name, (1,) * spatial))


def _padding(
    node: Node, sizes: Dims, kernel: Sequence[int], stride: Sequence[int], dilation: Sequence[int]
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """At the beginning and at the end of each spatial dimension."""
    spatial = len(kernel)
    mode = node.attributes.get("auto_pad", "NOTSET")
    if mode == "VALID":
        return (0,) * spatial, (0,) * spatial
    if mode == "NOTSET":
        pads = tuple(int(p) for p in node.attributes.get("pads", (0,) * (2 * spatial)))
        if min(pads, default=0) < 0:
            raise NotCovered(f"has negative padding {pads}")
        return pads[:spatial], pads[spatial:]
    total = []
    for size, k, s, d in zip(sizes, kernel, stride, dilation, strict=True):
        reach = (k - 1) * d + 1
        if s == 1:
            total.append(reach - 1)
        elif isinstance(size, int):
            total.append(max(0, (-(-size // s) - 1) * s + reach - size))
        else:
            raise NotCovered(f"has auto_pad {mode} over a size that varies")
    return _halves(total, mode)


def _halves(total: Sequence[int], mode: str) -> tuple[tuple[int, ...], tuple[int, ...]]:
    less, more = tuple(t // 2 for t in total), tuple(t - t // 2 for t in total)
    return (less, more) if mode == "SAME_UPPER" else (more, less)


def _transposed_padding(
    node: Node,
    sizes: Dims,
    kernel: Sequence[int],
    stride: Sequence[int],
    dilation: Sequence[int],
    more: Sequence[int],
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    mode = node.attributes.get("auto_pad", "NOTSET")
    wanted = node.attributes.get("output_shape")
    if wanted is None and mode in ("NOTSET", "VALID"):
        return _padding(node, sizes, kernel, stride, dilation)
    total = []
    for i, (size, k, s, d) in enumerate(zip(sizes, kernel, stride, dilation, strict=True)):
        whole: AnySize = s * (size - 1) + more[i] + (k - 1) * d + 1
        excess = whole - (wanted[-len(kernel) :][i] if wanted is not None else size * s)
        if not isinstance(excess, int):
            raise NotCovered("has an output shape of its own over a size that varies")
        total.append(excess)
    if min(total) < 0:
        raise NotCovered("has an output shape that is larger than what it computes")
    return _halves(total, "SAME_UPPER" if mode == "SAME_UPPER" else "SAME_LOWER")


# --- pools ---


def max_pool(b: Builder, node: Node) -> None:
    """MaxPool"""
    if len(node.outputs) > 1 and node.outputs[1] and b.graph.uses[node.outputs[1]]:
        raise NotCovered("its indices are used")
    if any(d != 1 for d in node.attributes.get("dilations", ())):
        raise NotCovered("is dilated")
    _pool(b, node, PoolingKind.maximum)


def average_pool(b: Builder, node: Node) -> None:
    """AveragePool"""
    if any(d != 1 for d in node.attributes.get("dilations", ())):
        raise NotCovered("is dilated")
    _pool(b, node, PoolingKind.average)


def _pool(b: Builder, node: Node, kind: PoolingKind) -> None:
    x = b.x()
    window = tuple(int(v) for v in node.attributes["kernel_shape"])
    spatial = len(window)
    if spatial not in (1, 2, 3):
        raise NotCovered(f"has {spatial} spatial dimensions")
    stride = _each(node, "strides", spatial)
    before, after = _padding(node, x.dims[2:], window, stride, (1,) * spatial)
    ceil = bool(node.attributes.get("ceil_mode", 0))
    counts_padding = bool(node.attributes.get("count_include_pad", 0))
    if ceil and node.attributes.get("auto_pad", "NOTSET") == "NOTSET":
        counted = kind is PoolingKind.average and counts_padding
        ceil, after = _rounded_up(x.dims[2:], window, stride, before, after, counted)
    else:
        ceil = False
    fields: dict[str, Any] = {"stride": stride, "pre_padding": before, "post_padding": after}
    flat = spatial == 1
    if flat:
        x = b.reshape(x, (*x.dims[:2], 1, x.dims[2]))
        window = (1, *window)
        neutral = {"stride": 1, "pre_padding": 0, "post_padding": 0}
        fields = {name: (value, *fields[name]) for name, value in neutral.items()}
    excludes = kind is PoolingKind.average and not counts_padding and (any(before) or any(after) or ceil)
    result = b.add(
        Pooling,
        [x],
        "max_pool" if kind is PoolingKind.maximum else "average_pool",
        out="" if flat else b.output(),
        pooling=kind,
        window=window,
        ceil=ceil,
        exclude_padding=excludes,
        **fields,
    )
    if flat:
        b.reshape(result, (*result.dims[:2], result.dims[3]), out=b.output())


def _rounded_up(
    sizes: Dims,
    window: Sequence[int],
    stride: Sequence[int],
    before: Sequence[int],
    after: Sequence[int],
    counted: bool,
) -> tuple[bool, tuple[int, ...]]:
    """Whether TensorRT is to round up, and the padding at the end.

    PyTorch and ONNX drop a last window that begins in the padding at the end, TensorRT keeps it: then the
    padding is made as long as the windows that count, and nothing is rounded. `counted`: an average
    divides by what is padded, but not by what lies beyond.
    """
    ceil = False
    ends = list(after)
    for i, (size, k, s, first, last) in enumerate(zip(sizes, window, stride, before, after, strict=True)):
        if not isinstance(size, int):
            if last + s > k or counted:
                raise NotCovered("rounds up (ceil_mode) over a size that varies")
            ceil = True
            continue
        count = -(-(size + first + last - k) // s) + 1
        if (count - 1) * s >= size + first:
            count -= 1
        beyond = (count - 1) * s + k - (size + first + last)
        if beyond > 0 and counted:
            raise NotCovered("rounds up (ceil_mode) and counts the padding (count_include_pad)")
        ends[i] = max(0, (count - 1) * s + k - size - first)
        ceil = ceil or (beyond > 0 and ends[i] > last)
    if ceil and all(
        not isinstance(size, int)
        or -(-(size + first + last - k) // s) + 1 == (size + first + end - k) // s + 1
        for size, k, s, first, last, end in zip(sizes, window, stride, before, after, ends, strict=True)
    ):
        return True, tuple(after)
    if any(not isinstance(size, int) for size in sizes):
        raise NotCovered("rounds up (ceil_mode) over sizes of which one varies")
    return False, tuple(ends)


def global_average_pool(b: Builder, node: Node) -> None:
    """GlobalAveragePool"""
    _global(b, ReduceKind.mean)


def global_max_pool(b: Builder, node: Node) -> None:
    """GlobalMaxPool"""
    _global(b, ReduceKind.maximum)


def _global(b: Builder, operation: ReduceKind) -> None:
    x = b.x()
    axes = tuple(range(2, x.rank))
    b.add(Reduce, [x], operation.name, out=b.output(), operation=operation, axes=axes, keep=True)
