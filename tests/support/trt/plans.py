"""Plans written by hand: one with every kind of layer, in every form that the C++ side tells apart."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from gencpp.core.spec import DType
from gencpp.network import plan as p
from gencpp.network.weights_file import layout

Sizes = tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """A plan and its arrays, by PlanWeight.name."""

    plan: p.NetworkPlan
    weights: dict[str, Any]


@dataclass(slots=True)
class Draft:
    """A plan in the making. A layer's tensors are called as the layer, with `:0`, `:1` behind."""

    inputs: list[p.PlanTensor] = field(default_factory=list)
    layers: list[p.Layer] = field(default_factory=list)
    tensors: list[p.PlanTensor] = field(default_factory=list)
    weights: dict[str, Any] = field(default_factory=dict)
    module: str = ""

    def input(self, name: str, dtype: DType, dims: Sizes) -> str:
        self.inputs.append(p.PlanTensor(name=name, dtype=dtype, dims=dims))
        return name

    def weight(self, name: str, dims: Sizes, dtype: DType) -> str:
        """Values that differ from array to array."""
        import numpy as np

        random = np.random.default_rng(len(self.weights) + 1)
        values = random.integers(0, 2, dims) if dtype is DType.int64 else random.uniform(0.25, 1.0, dims)
        self.weights[name] = np.asarray(values).astype(dtype.value)
        return name

    def add(
        self,
        kind: type[p.Layer],
        name: str,
        inputs: tuple[str, ...],
        *outputs: tuple[DType, Sizes],
        **fields: Any,
    ) -> str:
        made = tuple(f"{name}:{i}" for i in range(len(outputs)))
        self.tensors += [
            p.PlanTensor(name=t, dtype=d, dims=s) for t, (d, s) in zip(made, outputs, strict=True)
        ]
        self.layers.append(kind(name=name, module=self.module, inputs=inputs, outputs=made, **fields))
        return made[0]

    def done(self, **modules: str) -> Network:
        """What no layer uses is an output; as int32 where it is int64, which 8.x has no outputs of."""
        used = {tensor for layer in self.layers for tensor in layer.inputs}
        for tensor in [t for t in self.tensors if t.dtype is DType.int64 and t.name not in used]:
            layer = next(layer for layer in self.layers if tensor.name in layer.outputs)
            self.module = layer.module
            self.add(
                p.Cast, f"{layer.name}/narrow", (tensor.name,), (DType.int32, tensor.dims), to=DType.int32
            )
            used.add(tensor.name)
        table = layout(self.weights)
        plan = p.NetworkPlan(
            inputs=tuple(self.inputs),
            outputs=tuple(t.name for t in self.tensors if t.name not in used),
            layers=tuple(self.layers),
            tensors=tuple(self.tensors),
            weights=table,
            modules=modules,
        )
        return Network(plan=plan, weights=self.weights)


def every_layer(dtype: DType = DType.float32, batch: int = -1) -> Network:
    """Every kind of layer; sizes are those that TensorRT would compute."""
    d = Draft()
    x = d.input("x", dtype, (batch, 4, 8, 8))
    picks = d.input("picks", DType.int32, (2,))
    x = _windows(d, x, dtype, batch)
    _activations(d, x, dtype, (batch, 4, 8, 8))
    _tokens(d, x, dtype, batch)
    _arithmetic(d, x, dtype, (batch, 4, 8, 8))
    _moves(d, x, picks, dtype, batch)
    _shapes(d, x, dtype, batch)
    return d.done(**{"stem": "Stem", "blocks.0": "Block", "blocks.1": "Block", "head": "Head"})


def _windows(d: Draft, x: str, dtype: DType, batch: int) -> str:
    d.module = "stem"
    d.weight("stem.conv.weight", (6, 2, 3, 3), dtype)
    d.weight("stem.conv.bias", (6,), dtype)
    x = d.add(
        *(p.Convolution, "stem.conv", (x,), (dtype, (batch, 6, 4, 8))),
        weight="stem.conv.weight",
        bias="stem.conv.bias",
        stride=(2, 1),
        pre_padding=(1, 2),
        post_padding=(1, 2),
        dilation=(1, 2),
        groups=2,
    )
    d.weight("shared", (8, 6, 1, 1), dtype)
    x = d.add(
        *(p.Convolution, "stem.point", (x,), (dtype, (batch, 8, 4, 8))),
        weight="shared",
        stride=(1, 1),
        pre_padding=(0, 0),
        post_padding=(0, 0),
        dilation=(1, 1),
    )
    d.weight("stem.up.weight", (8, 2, 2, 1), dtype)
    d.weight("stem.up.bias", (4,), dtype)
    x = d.add(
        *(p.Deconvolution, "stem.up", (x,), (dtype, (batch, 4, 8, 8))),
        weight="stem.up.weight",
        bias="stem.up.bias",
        stride=(2, 1),
        pre_padding=(0, 0),
        post_padding=(0, 0),
        dilation=(1, 1),
        groups=2,
    )
    full = (dtype, (batch, 4, 8, 8))
    for i in range(2):  # blocks that differ in their weights only
        d.module = f"blocks.{i}"
        d.weight(f"blocks.{i}.bn.scale", (4,), dtype)
        d.weight(f"blocks.{i}.bn.shift", (4,), dtype)
        y = d.add(
            *(p.Scale, f"blocks.{i}.bn", (x,), full),
            scale=f"blocks.{i}.bn.scale",
            shift=f"blocks.{i}.bn.shift",
        )
        y = d.add(p.Activation, f"blocks.{i}.relu", (y,), full, activation=p.ActivationKind.relu)
        x = d.add(p.ElementWise, f"blocks.{i}/add", (x, y), full, operation=p.ElementWiseKind.add)
    d.module = "head"
    d.weight("head.gain.scale", (4,), dtype)
    x = d.add(p.Scale, "head.gain", (x,), full, scale="head.gain.scale")
    d.add(
        *(p.Pooling, "head.pool", (x,), (dtype, (batch, 4, 4, 4))),
        pooling=p.PoolingKind.maximum,
        window=(3, 3),
        stride=(2, 2),
        pre_padding=(0, 1),
        post_padding=(1, 0),
        ceil=True,
    )
    d.add(
        *(p.Pooling, "head.mean", (x,), (dtype, (batch, 4, 7, 8))),
        pooling=p.PoolingKind.average,
        window=(2, 3),
        stride=(1, 1),
        pre_padding=(0, 1),
        post_padding=(0, 1),
        exclude_padding=True,
    )
    d.add(
        *(p.Pooling, "head.all", (x,), (dtype, (batch, 4, 6, 8))),
        pooling=p.PoolingKind.average,
        window=(3, 3),
        stride=(1, 1),
        pre_padding=(0, 1),
        post_padding=(0, 1),
    )
    for name, axes, dims in (("norm", (1, 2, 3), (1, 4, 1, 1)), ("layer_norm", (3,), (1, 1, 1, 8))):
        d.weight(f"head.{name}.weight", (max(dims),), dtype)
        d.weight(f"head.{name}.bias", (max(dims),), dtype)
        x = d.add(
            *(p.Normalization, f"head.{name}", (x,), full),
            weight=f"head.{name}.weight",
            bias=f"head.{name}.bias",
            dims=dims,
            axes=axes,
            epsilon=1e-5,
        )
    return x


def _activations(d: Draft, x: str, dtype: DType, dims: Sizes) -> None:
    d.module = "head.act"
    facts = (dtype, dims)
    plain = (p.ActivationKind.relu, p.ActivationKind.sigmoid, p.ActivationKind.tanh)
    for i, kind in enumerate(p.ActivationKind):
        d.add(
            *(p.Activation, f"head.act.{kind.name}", (x,), facts),
            activation=kind,
            alpha=0.0 if kind in plain else -0.1 * i,
            beta=0.0 if kind in plain else 0.3 * i,
        )
    d.weight("head.act.slopes", (4, 1, 1), dtype)
    slopes = d.add(
        *(p.Constant, "head.act.slopes", (), (dtype, (1, 4, 1, 1))),
        dtype=dtype,
        dims=(1, 4, 1, 1),
        weight="head.act.slopes",
    )
    d.add(p.ParametricRelu, "head.act.prelu", (x, slopes), facts)
    d.add(p.Gelu, "head.act.gelu", (x,), facts)
    d.add(p.Gelu, "head.act.gelu_tanh", (x,), facts, tanh=True)
    d.add(p.Silu, "head.act.silu", (x,), facts)
    d.add(p.HardSwish, "head.act.hard_swish", (x,), facts)


def _tokens(d: Draft, x: str, dtype: DType, batch: int) -> None:
    """(batch, 4, 64), as a transformer has it."""
    d.module = "tokens"
    dims = (batch, 4, 64)
    x = d.add(p.Shuffle, "tokens.flatten", (x,), (dtype, dims), reshape=(0, 4, -1))
    d.weight("tokens.query.weight", (32, 64), dtype)
    d.weight("tokens.query.bias", (32,), dtype)
    query = d.add(
        *(p.Linear, "tokens.query", (x,), (dtype, (batch, 4, 32))),
        weight="tokens.query.weight",
        bias="tokens.query.bias",
        transposed=True,
    )
    d.weight("tokens.matrix", (64, 32), dtype)
    key = d.add(
        *(p.Linear, "tokens.key", (x,), (dtype, (batch, 4, 32))), weight="tokens.matrix", transposed=False
    )
    scores = d.add(
        *(p.MatrixMultiply, "tokens/scores", (query, key), (dtype, (batch, 4, 4))), transpose_b=True
    )
    weights = d.add(p.SoftMax, "tokens.softmax", (scores,), (dtype, (batch, 4, 4)), axis=2)
    y = d.add(*(p.MatrixMultiply, "tokens/mix", (weights, key), (dtype, (batch, 4, 32))), transpose_a=True)
    y = d.add(p.Einsum, "tokens/einsum", (y, weights), (dtype, (batch, 32, 4)), equation="bic,bij->bcj")
    y = d.add(p.Shuffle, "tokens/swap", (y,), (dtype, (batch, 4, 32)), first_transpose=(0, 2, 1))
    # a linear layer that shares its matrix with another
    d.weight("tokens.tied.bias", (64,), dtype)
    y = d.add(
        *(p.Linear, "tokens.tied", (y,), (dtype, dims)),
        weight="tokens.matrix",
        bias="tokens.tied.bias",
        transposed=True,
    )
    d.add(p.Identity, "tokens/identity", (y,), (dtype, dims))


def _arithmetic(d: Draft, x: str, dtype: DType, dims: Sizes) -> None:
    d.module = "math"
    two = d.add(
        *(p.Constant, "math/two", (), (dtype, (1, 1, 1, 1))), dtype=dtype, dims=(1, 1, 1, 1), values=(2.5,)
    )
    logical = ("logical_and", "logical_or", "logical_xor")
    compared = ("equal", "greater", "less")
    for kind in p.ElementWiseKind:
        if kind.name not in logical:
            result = DType.bool_ if kind.name in compared else dtype
            d.add(p.ElementWise, f"math/{kind.name}", (x, two), (result, dims), operation=kind)
    for kind in p.ElementWiseKind:
        if kind.name in logical:
            pair = ("math/greater:0", "math/less:0")
            d.add(p.ElementWise, f"math/{kind.name}", pair, (DType.bool_, dims), operation=kind)
    for unary in p.UnaryKind:
        logical_not = unary is p.UnaryKind.logical_not
        facts = (DType.bool_ if logical_not else dtype, dims)
        d.add(
            *(p.Unary, f"math/{unary.name}", ("math/greater:0" if logical_not else x,), facts),
            operation=unary,
        )
    for i, reduce in enumerate(p.ReduceKind):
        keep = i % 2 == 0
        shape = (*dims[:2], 1, 1) if keep else dims[:2]
        d.add(
            *(p.Reduce, f"math/reduce_{reduce.name}", (x,), (dtype, shape)),
            operation=reduce,
            axes=(2, 3),
            keep=keep,
        )
    for i, top in enumerate(p.TopKKind):
        shape = (*dims[:3], 2 + i)
        d.add(
            *(p.TopK, f"math/top_{top.name}", (x,), (dtype, shape), (DType.int32, shape)),
            operation=top,
            k=2 + i,
            axis=3,
        )
    d.add(p.Select, "math/select", ("math/greater:0", x, two), (dtype, dims))
    for to in (DType.float16, DType.float32, DType.int32, DType.int64, DType.bool_):
        d.add(p.Cast, f"math/to_{to.value}", (x,), (to, dims), to=to)
    for scale, shape in (("one", ()), ("each", (4,))):
        d.weight(f"math.{scale}", shape, dtype)
        small = d.add(
            *(p.Quantize, f"math/quantize_{scale}", (x,), (DType.int8, dims)), scale=f"math.{scale}", axis=1
        )
        d.add(
            *(p.Dequantize, f"math/dequantize_{scale}", (small,), (dtype, dims)),
            scale=f"math.{scale}",
            axis=1,
        )


def _moves(d: Draft, x: str, picks: str, dtype: DType, batch: int) -> None:
    d.module = "moves"
    none: Sizes = (0, 0, 0, 0)
    ones: Sizes = (1, 1, 1, 1)
    d.add(
        *(p.Slice, "moves/crop", (x,), (dtype, (batch, 2, 3, 8))),
        start=(0, 1, 2, 0),
        size=(-1, 2, 3, -1),
        stride=(1, 2, 1, 1),
    )
    for outside in p.SliceFill:
        if outside is not p.SliceFill.strict:
            d.add(
                *(p.Slice, f"moves/pad_{outside.name}", (x,), (dtype, (batch, 4, 10, 9))),
                start=(0, 0, -1, 0),
                size=(-1, 4, 10, 9),
                stride=ones,
                outside=outside,
                fill_value=0.5 if outside is p.SliceFill.fill else 0.0,
            )
    row = d.add(
        *(p.Slice, "moves/row", (x,), (dtype, (batch, 4, 1, 8))),
        start=none,
        size=(-1, 4, 1, 8),
        stride=ones,
    )
    d.add(
        *(p.Slice, "moves/expand", (row,), (dtype, (batch, 4, 5, 8))),
        start=none,
        size=(-1, 4, 5, 8),
        stride=(1, 1, 0, 1),
    )
    joined = d.add(p.Concatenation, "moves/concat", (x, row), (dtype, (batch, 4, 9, 8)), axis=2)
    d.add(p.Gather, "moves/gather", (joined, picks), (dtype, (batch, 4, 9, 2)), axis=3)
    d.weight("moves.where", (1, 4, 9, 2), DType.int64)
    where = d.add(
        *(p.Constant, "moves/where", (), (DType.int64, (1, 4, 9, 2))),
        dtype=DType.int64,
        dims=(1, 4, 9, 2),
        weight="moves.where",
    )
    first = d.add(
        *(p.Slice, "moves/first", (joined,), (dtype, (1, 4, 9, 8))),
        start=none,
        size=(1, 4, 9, 8),
        stride=ones,
    )
    d.add(
        *(p.Gather, "moves/elements", (first, where), (dtype, (1, 4, 9, 2))),
        gather=p.GatherKind.elements,
        axis=3,
    )
    d.add(
        *(p.Gather, "moves/nd", (first, where), (dtype, (1, 4, 9))),
        gather=p.GatherKind.nd,
        batch_dims=2,
    )
    d.add(
        *(p.Shuffle, "moves/shuffle", (joined,), (dtype, (4, 72, batch))),
        first_transpose=(1, 2, 3, 0),
        reshape=(4, 72, -1),
        second_transpose=(0, 1, 2),
    )


def _shapes(d: Draft, x: str, dtype: DType, batch: int) -> None:
    """Sizes that are computed from others."""
    d.module = "shapes"
    whole = (DType.int64, (4,))
    shape = d.add(p.Shape, "shapes/shape", (x,), whole)
    first = d.add(
        *(p.Slice, "shapes/batch", (shape,), (DType.int64, (1,))), start=(0,), size=(1,), stride=(1,)
    )
    rest = d.add(
        *(p.Constant, "shapes/rest", (), (DType.int64, (2,))), dtype=DType.int64, dims=(2,), values=(16, -1)
    )
    sizes = d.add(p.Concatenation, "shapes/sizes", (first, rest), (DType.int64, (3,)), axis=0)
    y = d.add(p.Shuffle, "shapes/reshape", (x, sizes), (dtype, (batch, 16, 16)))
    d.add(
        *(p.Shuffle, "shapes/reshape_transposed", (x, sizes), (dtype, (16, 16, batch))),
        first_transpose=(0, 2, 3, 1),
        second_transpose=(1, 2, 0),
    )
    own = d.add(p.Shape, "shapes/own", (y,), (DType.int64, (3,)))
    d.add(
        *(p.Slice, "shapes/computed_size", (y, "", own, ""), (dtype, (batch, 16, 16))),
        start=(0, 0, 0),
        size=(),
        stride=(1, 1, 1),
    )
    zeros = d.add(
        *(p.Constant, "shapes/zeros", (), (DType.int64, (3,))),
        dtype=DType.int64,
        dims=(3,),
        values=(0, 0, 0),
    )
    steps = d.add(
        *(p.Constant, "shapes/steps", (), (DType.int64, (3,))),
        dtype=DType.int64,
        dims=(3,),
        values=(1, 1, 1),
    )
    d.add(
        *(p.Slice, "shapes/computed", (y, zeros, own, steps), (dtype, (batch, 16, 16))),
        start=(),
        size=(),
        stride=(),
        outside=p.SliceFill.fill,
        fill_value=-1.5,
    )
    one = d.add(
        *(p.Reduce, "shapes/count", (first,), (DType.int64, (1,))),
        operation=p.ReduceKind.product,
        axes=(0,),
        keep=True,
    )
    d.add(p.Shuffle, "shapes/scalar", (one,), (DType.int64, ()), to_scalar=True)
    double = (dtype, (batch, 4, 16, 16))
    for resize, coordinates, rounding in (
        (p.ResizeKind.nearest, p.Coordinates.asymmetric, p.Rounding.floor),
        (p.ResizeKind.nearest, p.Coordinates.half_pixel, p.Rounding.half_down),
        (p.ResizeKind.linear, p.Coordinates.align_corners, p.Rounding.half_up),
    ):
        d.add(
            *(p.Resize, f"shapes/{resize.name}_{coordinates.name}", (x,), double),
            resize=resize,
            coordinates=coordinates,
            rounding=rounding,
            sizes=(-1, -1, 16, 16),
        )
    d.add(
        *(p.Resize, "shapes/scaled", (x,), double),
        resize=p.ResizeKind.linear,
        coordinates=p.Coordinates.half_pixel,
        scales=(1.0, 1.0, 2.0, 2.0),
        rounding=p.Rounding.ceil,
    )
    d.add(
        *(p.Resize, "shapes/cubic", (x, shape), (dtype, (batch, 4, 8, 8))),
        resize=p.ResizeKind.cubic,
        coordinates=p.Coordinates.half_pixel,
        cubic_coefficient=-0.5,
        exclude_outside=True,
    )
    truth = d.add(
        *(p.Constant, "shapes/truth", (), (DType.bool_, (1, 1, 1, 1))),
        dtype=DType.bool_,
        dims=(1, 1, 1, 1),
        values=(1.0,),
    )
    third = d.add(
        *(p.Constant, "shapes/third", (), (DType.float32, (1, 1, 1, 1))),
        dtype=DType.float32,
        dims=(1, 1, 1, 1),
        values=(0.3333333432674408,),
    )
    half = d.add(
        *(p.Constant, "shapes/half", (), (DType.float32, (1, 1, 1, 1))),
        dtype=DType.float32,
        dims=(1, 1, 1, 1),
        values=(-0.0,),
    )
    length = d.add(
        *(p.Slice, "shapes/length", (shape,), (DType.int64, (1,))), start=(3,), size=(1,), stride=(1,)
    )
    d.add(p.Iota, "shapes/counted", (length,), (DType.int64, (8,)))
    boxes = d.add(p.Shuffle, "shapes/boxes", (x,), (dtype, (batch, 64, 4)), reshape=(0, 64, 4))
    scores = d.add(
        *(p.Slice, "shapes/scores", (boxes,), (dtype, (batch, 64, 1))),
        start=(0, 0, 0),
        size=(-1, 64, 1),
        stride=(1, 1, 1),
    )
    for name, centred, limit in (("kept", False, p.BOX_LIMIT), ("few", True, 9)):
        d.add(
            *(p.NonMaxSuppression, f"shapes/{name}", (boxes, scores), (DType.int32, (-1, 3))),
            most=7,
            overlap=0.25,
            score=-1.5,
            centred=centred,
            limit=limit,
        )
    d.add(p.Select, "shapes/chosen", (truth, third, half), (DType.float32, (1, 1, 1, 1)))
