"""Plans of one layer each, with the answers of PyTorch, NumPy or a pencil."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import erf
from typing import Any

import numpy as np
import torch
from torch.nn import functional as F

from gencpp.core.spec import DType
from gencpp.network import plan as p
from gencpp.network.weights_file import layout

NAMES = ("x", "y", "z", "w")


@dataclass(frozen=True)
class Sample:
    """A plan whose last layer is the one that is tested."""

    name: str
    plan: p.NetworkPlan
    weights: dict[str, Any]
    inputs: dict[str, Any]
    expected: dict[str, Any]


def sample(
    name: str,
    kind: type[p.Layer],
    inputs: Sequence[Any],
    expected: Any,
    *,
    weights: Mapping[str, Any] | None = None,
    constants: Sequence[Any] = (),
    names: Sequence[str] | None = None,
    dynamic: bool = False,
    **fields: Any,
) -> Sample:
    """`weights` by the layer's field; `constants` become Constant layers whose tensors are c0, c1, ...

    `names` are the layer's inputs, by default all of x, y, ... and c0, ... in order. `dynamic`: the first
    dimension of every input and output varies.
    """
    arrays = [np.asarray(v) for v in inputs]
    held = {f"layer.{field}": np.asarray(v).copy() for field, v in (weights or {}).items()}
    tensors = [described(n, v, dynamic) for n, v in zip(NAMES, arrays, strict=False)]
    layers: list[p.Layer] = []
    inner: list[p.PlanTensor] = []
    for i, value in enumerate(map(np.asarray, constants)):
        inner.append(described(f"c{i}", value))
        layers.append(constant(inner[-1], value))
    results = expected if isinstance(expected, tuple) else (expected,)
    outputs = {f"out{i}": np.asarray(v) for i, v in enumerate(results)}
    given = [t.name for t in (*tensors, *inner)] if names is None else names
    layers.append(
        kind(
            name="layer",
            module="",
            inputs=tuple(given),
            outputs=tuple(outputs),
            **{field: f"layer.{field}" for field in weights or {}},
            **fields,
        )
    )
    plan = p.NetworkPlan(
        inputs=tuple(tensors),
        outputs=tuple(outputs),
        layers=tuple(layers),
        tensors=(*inner, *(described(n, v, dynamic) for n, v in outputs.items())),
        weights=layout(held),
        modules={},
    )
    return Sample(name, plan, held, dict(zip(NAMES, arrays, strict=False)), outputs)


def described(name: str, value: Any, dynamic: bool = False) -> p.PlanTensor:
    dims = tuple(int(d) for d in value.shape)
    return p.PlanTensor(name=name, dtype=DType(value.dtype.name), dims=(-1, *dims[1:]) if dynamic else dims)


def constant(tensor: p.PlanTensor, value: Any) -> p.Constant:
    values = tuple(value.reshape(-1).tolist())
    return p.Constant(
        name=tensor.name,
        module="",
        inputs=(),
        outputs=(tensor.name,),
        dtype=tensor.dtype,
        dims=tensor.dims,
        values=values,
    )


def noise(*dims: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(dims, generator=torch.Generator().manual_seed(seed))


def convolutions() -> list[Sample]:
    x, volume = noise(2, 4, 9, 8), noise(1, 2, 5, 6, 7)
    kernel, bias = noise(6, 2, 3, 2, seed=1), noise(6, seed=2)
    solid = noise(3, 2, 2, 3, 1, seed=3)
    back, deep = noise(4, 3, 3, 4, seed=4), noise(2, 3, 2, 3, 3, seed=5)
    return [
        sample(
            "conv2d",
            p.Convolution,
            [x],
            F.conv2d(F.pad(x, (0, 1, 2, 1)), kernel, bias, (2, 1), 0, (1, 2), 2),
            weights={"weight": kernel, "bias": bias},
            stride=(2, 1),
            pre_padding=(2, 0),
            post_padding=(1, 1),
            dilation=(1, 2),
            groups=2,
            dynamic=True,
        ),
        sample(
            "conv3d",
            p.Convolution,
            [volume],
            F.conv3d(volume, solid, None, (1, 2, 1), (1, 0, 2)),
            weights={"weight": solid},
            stride=(1, 2, 1),
            pre_padding=(1, 0, 2),
            post_padding=(1, 0, 2),
            dilation=(1, 1, 1),
        ),
        sample(
            "deconv2d",
            p.Deconvolution,
            [x],
            F.conv_transpose2d(x, back, noise(6, seed=6), (2, 3), (1, 2), (1, 0), 2, (1, 1)),
            weights={"weight": back, "bias": noise(6, seed=6)},
            stride=(2, 3),
            pre_padding=(1, 2),
            post_padding=(0, 2),  # what output_padding adds is not taken away
            dilation=(1, 1),
            groups=2,
        ),
        sample(
            "deconv3d",
            p.Deconvolution,
            [volume],
            F.conv_transpose3d(volume, deep, None, 2, 1),
            weights={"weight": deep},
            stride=(2, 2, 2),
            pre_padding=(1, 1, 1),
            post_padding=(1, 1, 1),
            dilation=(1, 1, 1),
        ),
    ]


def weighted() -> list[Sample]:
    x, tokens = noise(2, 4, 3, 5), noise(2, 7, 6)
    weight, bias = noise(5, 6, seed=1), noise(5, seed=2)
    four = [noise(4, seed=s).numpy() for s in (3, 4)]
    plane = [noise(3, 5, seed=s) for s in (5, 6)]
    return [
        sample(
            "linear",
            p.Linear,
            [tokens],
            F.linear(tokens, weight, bias),
            weights={"weight": weight, "bias": bias},
            transposed=True,
            dynamic=True,
        ),
        sample(
            "linear-plain",
            p.Linear,
            [tokens],
            np.einsum("btk,kn->btn", tokens.numpy(), weight.T.numpy()),
            weights={"weight": weight.T},
            transposed=False,
        ),
        sample(
            "scale",
            p.Scale,
            [x],
            F.batch_norm(x, torch.zeros(4), torch.ones(4), *map(torch.tensor, four), eps=0.0),
            weights={"scale": four[0], "shift": four[1]},
            dynamic=True,
        ),
        sample("scale-alone", p.Scale, [x], x.numpy() * four[0][:, None, None], weights={"scale": four[0]}),
        sample(
            "layer-norm",
            p.Normalization,
            [x],
            F.layer_norm(x, (3, 5), *plane, eps=1e-3),
            weights={"weight": plane[0], "bias": plane[1]},
            dims=(1, 1, 3, 5),
            axes=(2, 3),
            epsilon=1e-3,
        ),
        sample(
            "instance-norm",
            p.Normalization,
            [x],
            F.instance_norm(x, weight=torch.tensor(four[0]), bias=torch.tensor(four[1]), eps=1e-5),
            weights={"weight": four[0], "bias": four[1]},
            dims=(1, 4, 1, 1),
            axes=(2, 3),
            epsilon=1e-5,
        ),
        sample(
            "prelu", p.ParametricRelu, [x], F.prelu(x, bias[:4]), constants=[bias[:4].reshape(1, 4, 1, 1)]
        ),
        sample(
            "constant",
            p.Constant,
            [x],
            plane[0],
            names=[],
            weights={"weight": plane[0].reshape(15)},
            dtype=DType.float32,
            dims=(3, 5),
        ),
    ]


def activations() -> list[Sample]:
    x = noise(2, 3, 4, 4) * 3
    kinds: list[tuple[p.ActivationKind, Any, float, float]] = [
        (p.ActivationKind.relu, F.relu(x), 0, 0),
        (p.ActivationKind.sigmoid, torch.sigmoid(x), 0, 0),
        (p.ActivationKind.tanh, torch.tanh(x), 0, 0),
        (p.ActivationKind.leaky_relu, F.leaky_relu(x, 0.2), 0.2, 0),
        (p.ActivationKind.elu, F.elu(x, 0.7), 0.7, 0),
        (p.ActivationKind.selu, F.selu(x), 1.6732632423543772, 1.0507009873554805),
        (p.ActivationKind.softsign, F.softsign(x), 0, 0),
        (p.ActivationKind.softplus, F.softplus(x, beta=2.0), 0.5, 2.0),
        (p.ActivationKind.clip, F.hardtanh(x, -0.5, 1.5), -0.5, 1.5),
        (p.ActivationKind.hard_sigmoid, F.hardsigmoid(x), 1 / 6, 0.5),
        (p.ActivationKind.scaled_tanh, 1.7 * torch.tanh(0.6 * x), 1.7, 0.6),
        (p.ActivationKind.thresholded_relu, F.threshold(x, 0.8, 0.0), 0.8, 0),
    ]
    assert {k for k, *_ in kinds} == set(p.ActivationKind)
    found = [
        sample(kind.value.lower(), p.Activation, [x], y, activation=kind, alpha=a, beta=b)
        for kind, y, a, b in kinds
    ]
    return [
        *found,
        sample("gelu", p.Gelu, [x], F.gelu(x)),
        sample("gelu-tanh", p.Gelu, [x], F.gelu(x, approximate="tanh"), tanh=True),
        sample("silu", p.Silu, [x], F.silu(x)),
        sample("hard-swish", p.HardSwish, [x], F.hardswish(x)),
        sample("softmax", p.SoftMax, [x], F.softmax(x, 1), axis=1),
    ]


def poolings() -> list[Sample]:
    x, volume = noise(2, 3, 10, 11) - 3, noise(1, 2, 6, 7, 8)
    found = []
    for ceil in (False, True):
        shared = {
            "window": (3, 4),
            "stride": (2, 3),
            "pre_padding": (1, 2),
            "post_padding": (1, 2),
            "ceil": ceil,
        }
        way = "ceil" if ceil else "floor"
        found.append(
            sample(
                f"max-{way}",
                p.Pooling,
                [x],
                F.max_pool2d(x, (3, 4), (2, 3), (1, 2), ceil_mode=ceil),
                pooling=p.PoolingKind.maximum,
                **shared,
            )
        )
        for exclude in (False, True):
            y = F.avg_pool2d(x, (3, 4), (2, 3), (1, 2), ceil_mode=ceil, count_include_pad=not exclude)
            found.append(
                sample(
                    f"average-{way}-{'without' if exclude else 'with'}-padding",
                    p.Pooling,
                    [x],
                    y,
                    pooling=p.PoolingKind.average,
                    exclude_padding=exclude,
                    **shared,
                )
            )
    found.append(
        sample(
            "average-3d",
            p.Pooling,
            [volume],
            F.avg_pool3d(volume, 2, 2),
            pooling=p.PoolingKind.average,
            window=(2, 2, 2),
            stride=(2, 2, 2),
            pre_padding=(0, 0, 0),
            post_padding=(0, 0, 0),
        )
    )
    line = np.array([1.0, 2, 3, 4], np.float32).reshape(1, 1, 1, 4)
    found.append(
        sample(
            "average-uneven",
            p.Pooling,
            [line],
            # windows (0 1) (2 3) (4 0) of 0 1 2 3 4 0: the 0 in front is padding, the last one only rounding
            np.array([0.5, 2.5, 4.0], np.float32).reshape(1, 1, 1, 3),
            pooling=p.PoolingKind.average,
            window=(1, 2),
            stride=(1, 2),
            pre_padding=(0, 1),
            post_padding=(0, 0),
            ceil=True,
        )
    )
    return found


def element_wise() -> list[Sample]:
    a, b = noise(2, 3, 4).numpy(), noise(1, 3, 1, seed=1).numpy()
    whole = [np.array(v, np.int32) for v in ([[-7, 7, 6, 5]], [[2], [3]])]
    truth = [np.array(v) for v in ([[True, True, False, False]], [[True, False, True, False]])]
    kinds: list[tuple[p.ElementWiseKind, Any]] = [
        (p.ElementWiseKind.add, a + b),
        (p.ElementWiseKind.multiply, a * b),
        (p.ElementWiseKind.maximum, np.maximum(a, b)),
        (p.ElementWiseKind.minimum, np.minimum(a, b)),
        (p.ElementWiseKind.subtract, a - b),
        (p.ElementWiseKind.divide, a / b),
        (p.ElementWiseKind.floor_divide, np.floor_divide(a, b)),
        (p.ElementWiseKind.greater, a > b),
        (p.ElementWiseKind.less, a < b),
    ]
    logical: list[tuple[p.ElementWiseKind, Any]] = [
        (p.ElementWiseKind.logical_and, truth[0] & truth[1]),
        (p.ElementWiseKind.logical_or, truth[0] | truth[1]),
        (p.ElementWiseKind.logical_xor, truth[0] ^ truth[1]),
    ]
    integers: list[tuple[p.ElementWiseKind, Any]] = [
        (p.ElementWiseKind.divide, [[-3, 3, 3, 2], [-2, 2, 2, 1]]),
        (p.ElementWiseKind.floor_divide, [[-4, 3, 3, 2], [-3, 2, 2, 1]]),
        (p.ElementWiseKind.equal, [[False] * 4] * 2),
    ]
    found = [sample(k.value.lower(), p.ElementWise, [a, b], y, operation=k) for k, y in kinds]
    found += [sample(k.value.lower(), p.ElementWise, truth, y, operation=k) for k, y in logical]
    for k, y in integers:
        result = np.array(y) if k is p.ElementWiseKind.equal else np.array(y, np.int32)
        found.append(sample(f"{k.value.lower()}-int", p.ElementWise, whole, result, operation=k))
    power = np.abs(a) ** b
    return [*found, sample("pow", p.ElementWise, [np.abs(a), b], power, operation=p.ElementWiseKind.power)]


def unary() -> list[Sample]:
    x = noise(2, 3, 5).numpy()
    small, large = np.tanh(x) * np.float32(0.9), np.abs(x) + np.float32(1.1)
    kinds: list[tuple[p.UnaryKind, Any, Any]] = [
        (p.UnaryKind.exp, x, np.exp(x)),
        (p.UnaryKind.log, large, np.log(large)),
        (p.UnaryKind.sqrt, large, np.sqrt(large)),
        (p.UnaryKind.reciprocal, large, 1 / large),
        (p.UnaryKind.absolute, x, np.abs(x)),
        (p.UnaryKind.negative, x, -x),
        (p.UnaryKind.sin, x, np.sin(x)),
        (p.UnaryKind.cos, x, np.cos(x)),
        (p.UnaryKind.tan, x, np.tan(x)),
        (p.UnaryKind.sinh, x, np.sinh(x)),
        (p.UnaryKind.cosh, x, np.cosh(x)),
        (p.UnaryKind.asin, small, np.arcsin(small)),
        (p.UnaryKind.acos, small, np.arccos(small)),
        (p.UnaryKind.atan, x, np.arctan(x)),
        (p.UnaryKind.asinh, x, np.arcsinh(x)),
        (p.UnaryKind.acosh, large, np.arccosh(large)),
        (p.UnaryKind.atanh, small, np.arctanh(small)),
        (p.UnaryKind.ceil, x, np.ceil(x)),
        (p.UnaryKind.floor, x, np.floor(x)),
        (p.UnaryKind.erf, x, np.vectorize(erf)(x).astype(np.float32)),
        (p.UnaryKind.logical_not, x > 0, x <= 0),
        (p.UnaryKind.sign, np.float32([[-2, 0, 3]]), np.float32([[-1, 0, 1]])),
        (p.UnaryKind.round, np.float32([[-1.5, 0.5, 1.5, 2.5]]), np.float32([[-2, 0, 2, 2]])),
    ]
    assert {k for k, *_ in kinds} == set(p.UnaryKind)
    return [sample(k.value.lower(), p.Unary, [a], b, operation=k) for k, a, b in kinds]


def reductions() -> list[Sample]:
    x = noise(2, 3, 4, 5).numpy()
    kinds = {
        p.ReduceKind.sum: np.sum,
        p.ReduceKind.product: np.prod,
        p.ReduceKind.maximum: np.max,
        p.ReduceKind.minimum: np.min,
        p.ReduceKind.mean: np.mean,
    }
    assert set(kinds) == set(p.ReduceKind)
    found = [
        sample(
            f"reduce-{k.value.lower()}-{'keep' if keep else 'drop'}",
            p.Reduce,
            [x],
            function(x, axis=(1, 3), keepdims=keep),
            operation=k,
            axes=(1, 3),
            keep=keep,
        )
        for k, function in kinds.items()
        for keep in (False, True)
    ]
    ties = np.float32([[2, 5, 5, 1, 5], [0, -1, 3, -1, 2]])
    best = (np.float32([[5, 5], [3, 2]]), np.int32([[1, 2], [2, 4]]))
    least = (np.float32([[1, 2], [-1, -1]]), np.int32([[3, 0], [1, 3]]))
    return [
        *found,
        sample("topk-max", p.TopK, [ties], best, operation=p.TopKKind.maximum, k=2, axis=1),
        sample("topk-min", p.TopK, [ties], least, operation=p.TopKKind.minimum, k=2, axis=1),
        sample(
            "topk-front",
            p.TopK,
            [ties[:1].T],
            (best[0][:1].T, best[1][:1].T),
            operation=p.TopKKind.maximum,
            k=2,
            axis=0,
        ),
    ]


def products() -> list[Sample]:
    a, b = noise(2, 1, 3, 4).numpy(), noise(1, 5, 4, 6, seed=1).numpy()
    turned = np.ascontiguousarray
    return [
        sample("matmul", p.MatrixMultiply, [a, b], a @ b),
        sample("matmul-b", p.MatrixMultiply, [a, turned(b.swapaxes(2, 3))], a @ b, transpose_b=True),
        sample("matmul-a", p.MatrixMultiply, [turned(a.swapaxes(2, 3)), b], a @ b, transpose_a=True),
        sample(
            "einsum",
            p.Einsum,
            [a[:, 0], b[0]],
            np.einsum("bik,nkj->bnij", a[:, 0], b[0]),
            equation="bik,nkj->bnij",
        ),
        sample("concat", p.Concatenation, [a, a[:, :, :2]], np.concatenate([a, a[:, :, :2]], 2), axis=2),
    ]


def slices() -> list[Sample]:
    x = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
    one = (1, 1, 1)
    whole = np.pad
    long = np.arange(3, dtype=np.float32)
    return [
        sample("slice", p.Slice, [x], x[:, 1:, ::2], start=(0, 1, 0), size=(2, 2, 2), stride=(1, 1, 2)),
        sample(
            "slice-back", p.Slice, [x], x[:, ::-1, 3::-2], start=(0, 2, 3), size=(2, 3, 2), stride=(1, -1, -2)
        ),
        sample(
            "slice-varies", p.Slice, [x], x[:, :2], start=(0, 0, 0), size=(-1, 2, 4), stride=one, dynamic=True
        ),
        sample(
            "expand",
            p.Slice,
            [x[:, :1]],
            np.repeat(x[:, :1], 5, 1),
            start=(0, 0, 0),
            size=(2, 5, 4),
            stride=(1, 0, 1),
        ),
        sample(
            "pad-value",
            p.Slice,
            [x],
            whole(x, ((0, 0), (1, 2), (3, 0)), constant_values=7.5),
            start=(0, -1, -3),
            size=(2, 6, 7),
            stride=one,
            outside=p.SliceFill.fill,
            fill_value=7.5,
        ),
        sample(
            "pad-int",
            p.Slice,
            [x.astype(np.int32)],
            whole(x.astype(np.int32), ((0, 0), (1, 0), (0, 1)), constant_values=-3),
            start=(0, -1, 0),
            size=(2, 4, 5),
            stride=one,
            outside=p.SliceFill.fill,
            fill_value=-3,
        ),
        sample(
            "pad-edge",
            p.Slice,
            [x],
            whole(x, ((0, 0), (1, 2), (2, 1)), "edge"),
            start=(0, -1, -2),
            size=(2, 6, 7),
            stride=one,
            outside=p.SliceFill.clamp,
        ),
        sample(
            "pad-reflect",
            p.Slice,
            [x],
            whole(x, ((0, 0), (2, 1), (1, 3)), "reflect"),
            start=(0, -2, -1),
            size=(2, 6, 8),
            stride=one,
            outside=p.SliceFill.reflect,
        ),
        sample(
            "pad-reflect-again",
            p.Slice,
            [long],
            np.float32([1, 2, 1, 0, 1, 2, 1, 0, 1, 2]),
            start=(-3,),
            size=(10,),
            stride=(1,),
            outside=p.SliceFill.reflect,
        ),
        sample(
            "pad-wrap",
            p.Slice,
            [x],
            whole(x, ((0, 0), (1, 3), (0, 0)), "wrap"),
            start=(0, -1, 0),
            size=(2, 7, 4),
            stride=one,
            outside=p.SliceFill.wrap,
        ),
        sample(
            "slice-computed",
            p.Slice,
            [x],
            x[:, 1:3, ::2],
            names=["x", "c0", "c1", "c2"],
            constants=[np.array([0, 1, 0]), np.array([2, 2, 2]), np.array([1, 1, 2])],
            start=(),
            size=(),
            stride=(),
        ),
        sample(
            "slice-size-computed",
            p.Slice,
            [x],
            x[1:, 1:],
            names=["x", "", "c0"],
            constants=[np.array([1, 2, 4])],
            start=(1, 1, 0),
            size=(),
            stride=one,
        ),
    ]


def gathers() -> list[Sample]:
    x = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
    table = np.array([[2, 0], [-1, 1]], np.int64)
    rows = np.array([[0, 2], [1, 1]], np.int32)
    elements = np.array([[[0, 2, 1, 0]], [[2, 2, 0, 1]]], np.int64)
    points = np.array([[1, 2], [0, -3]], np.int64)
    return [
        sample("gather", p.Gather, [x, table], np.take(x, table, 1), axis=1),
        sample("gather-scalar", p.Gather, [x, np.array(1)], x[:, :, 1], axis=2),
        sample(
            "gather-batch",
            p.Gather,
            [x, rows],
            np.stack([x[0][rows[0]], x[1][rows[1]]]),
            axis=1,
            batch_dims=1,
        ),
        sample(
            "gather-elements",
            p.Gather,
            [x, elements],
            np.take_along_axis(x, elements, 1),
            gather=p.GatherKind.elements,
            axis=1,
        ),
        sample("gather-nd", p.Gather, [x, points], np.stack([x[1, 2], x[0, 0]]), gather=p.GatherKind.nd),
        sample(
            "gather-nd-batch",
            p.Gather,
            [x, points[:, None, 1:] * 0 + 2],
            x[:, 2][:, None],
            gather=p.GatherKind.nd,
            batch_dims=1,
        ),
    ]


def shapes() -> list[Sample]:
    x = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
    moved = x.transpose(2, 0, 1)
    return [
        sample("transpose", p.Shuffle, [x], moved, first_transpose=(2, 0, 1)),
        sample("reshape", p.Shuffle, [x], x.reshape(2, 12), reshape=(0, -1), dynamic=True),
        sample(
            "all-three",
            p.Shuffle,
            [x],
            moved.reshape(4, 3, 2).transpose(1, 2, 0),
            first_transpose=(2, 0, 1),
            reshape=(0, 3, -1),
            second_transpose=(1, 2, 0),
        ),
        sample("to-scalar", p.Shuffle, [x[:1, :1, 0]], x[0, 0, 0], to_scalar=True),
        sample("reshape-computed", p.Shuffle, [x], x.reshape(2, 2, 6), constants=[np.array([0, 2, -1])]),
        sample("shape", p.Shape, [x], np.array([2, 3, 4])),
        sample("identity", p.Identity, [x], x),
        sample(
            "select",
            p.Select,
            [x[:1] > 4, x, -x[:, :, :1]],
            np.where(x[:1] > 4, x, -x[:, :, :1]),
        ),
    ]


def casts() -> list[Sample]:
    x = np.float32([[-1.7, 0.0, 2.5, 3.9]])
    whole, truth = np.array([[-3, 0, 4]], np.int32), np.array([[True, False]])
    targets = {DType.int32: x.astype(np.int32), DType.int64: x.astype(np.int64), DType.bool_: x != 0}
    targets[DType.float16] = x.astype(np.float16)
    found = [sample(f"cast-{d.value}", p.Cast, [x], y, to=d) for d, y in targets.items()]
    return [
        *found,
        sample("cast-from-int", p.Cast, [whole], whole.astype(np.float32), to=DType.float32),
        sample("cast-from-bool", p.Cast, [truth], truth.astype(np.float32), to=DType.float32),
        sample("cast-bool-int", p.Cast, [truth], truth.astype(np.int32), to=DType.int32),
    ]


def quantized() -> list[Sample]:
    x = np.float32([[0.24, 0.25, 0.75, -0.75, 100.0, -100.0]])  # by 0.5: halves go to even
    q = np.int8([[0, 0, 2, -2, 127, -128]])
    stored = np.int8([[-128, 1], [2, 127]])
    by = np.float32([0.5, 0.25])
    return [
        sample("quantize", p.Quantize, [x], q, weights={"scale": np.float32(0.5)}, axis=1),
        sample("dequantize", p.Dequantize, [q], q.astype(np.float32) / 2, weights={"scale": np.float32(0.5)}),
        sample(
            "dequantize-channels",
            p.Dequantize,
            [],
            stored * by[:, None],
            constants=[stored],
            weights={"scale": by},
            axis=0,
        ),
    ]


def resizes() -> list[Sample]:
    x, volume, line = noise(2, 3, 5, 7), noise(1, 2, 3, 4, 5), torch.tensor([[[[1.0, 2, 3, 4]]]])
    C, R, K = p.Coordinates, p.Rounding, p.ResizeKind

    def resized(
        name: str, given: Any, expected: Any, kind: p.ResizeKind, how: p.Coordinates, **more: Any
    ) -> Sample:
        dims = tuple(np.asarray(expected).shape)
        asked = more.pop("asked", {"sizes": dims})
        return sample(name, p.Resize, [given], expected, resize=kind, coordinates=how, **asked, **more)

    def by(size: Any, mode: str, given: torch.Tensor = x, **more: Any) -> torch.Tensor:
        return F.interpolate(given, size=size, mode=mode, **more)

    two = (1.0, 1.0, 2.0, 2.0)
    return [
        resized("bilinear-up", x, by((9, 12), "bilinear"), K.linear, C.half_pixel),
        resized("bilinear-down", x, by((3, 4), "bilinear"), K.linear, C.half_pixel),
        resized(
            "bilinear-varies",
            x,
            by((9, 12), "bilinear"),
            K.linear,
            C.half_pixel,
            dynamic=True,
            asked={"sizes": (-1, -1, 9, 12)},
        ),
        resized("align-corners", x, by((9, 12), "bilinear", align_corners=True), K.linear, C.align_corners),
        resized(
            "align-corners-one", x, by((1, 12), "bilinear", align_corners=True), K.linear, C.align_corners
        ),
        resized("trilinear", volume, by((5, 6, 4), "trilinear", volume), K.linear, C.half_pixel),
        resized("nearest", x, by((9, 12), "nearest"), K.nearest, C.asymmetric),
        resized(
            "nearest-exact", x, by((9, 12), "nearest-exact"), K.nearest, C.half_pixel, rounding=R.half_up
        ),
        resized("nearest-scales", x, by((10, 14), "nearest"), K.nearest, C.asymmetric, asked={"scales": two}),
        resized("bicubic", x, by((9, 12), "bicubic"), K.cubic, C.half_pixel),
        resized("bicubic-corners", x, by((9, 12), "bicubic", align_corners=True), K.cubic, C.align_corners),
        # at 0, 1.5, 3 of 0..3
        resized(
            "half-down", line, np.float32([[[[1, 2, 4]]]]), K.nearest, C.align_corners, rounding=R.half_down
        ),
        resized("half-up", line, np.float32([[[[1, 3, 4]]]]), K.nearest, C.align_corners, rounding=R.half_up),
        # at 0, 0.8, 1.6, 2.4, 3.2
        resized("ceil", line, np.float32([[[[1, 2, 3, 4, 4]]]]), K.nearest, C.asymmetric, rounding=R.ceil),
        sample(
            "resize-computed",
            p.Resize,
            [x],
            by((9, 12), "nearest"),
            constants=[np.array([2, 3, 9, 12])],
            resize=K.nearest,
            coordinates=C.asymmetric,
        ),
    ]


def selections() -> list[Sample]:
    x = noise(2, 3)
    boxes = np.float32([[[0, 0, 2, 2], [0, 0, 2, 1.8], [2, 2, 0, 0], [5, 5, 6, 6], [8, 8, 9, 9]]] * 2)
    scores = np.float32([[0.9, 0.8, 0.7, 0.3, 0.05], [0.0, 0.6, 0.5, 0.4, 0.2]])[..., None]
    centred = np.float32(
        [[[1, 1, 2, 2], [1, 0.9, 2, 1.8], [1, 1, 2, 2], [5.5, 5.5, 1, 1], [8.5, 8.5, 1, 1]]] * 2
    )

    def kept(name: str, given: Any, rows: Any, most: int, score: float, centre: bool) -> Sample:
        return sample(
            name,
            p.NonMaxSuppression,
            [given, scores],
            np.int32(rows),
            dynamic=True,
            limit=p.BOX_LIMIT,
            most=most,
            overlap=0.5,
            score=score,
            centred=centre,
        )

    first = [[0, 0, 0], [0, 0, 3]]
    return [
        sample("iota", p.Iota, [x], np.arange(5), constants=[np.array([5])], names=["c0"]),
        kept("nms", boxes, [*first, [1, 0, 1], [1, 0, 3], [1, 0, 4]], 9, 0.1, False),
        kept("nms-two", boxes, [*first, [1, 0, 1], [1, 0, 3]], 2, 0.1, False),
        kept("nms-centres", centred, [*first, [0, 0, 4], [1, 0, 1], [1, 0, 3], [1, 0, 4]], 9, -3e38, True),
    ]


SAMPLES = [
    *convolutions(),
    *weighted(),
    *activations(),
    *poolings(),
    *element_wise(),
    *unary(),
    *reductions(),
    *products(),
    *slices(),
    *gathers(),
    *shapes(),
    *casts(),
    *quantized(),
    *resizes(),
    *selections(),
]
