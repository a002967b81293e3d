"""What calls of TensorRT's API each kind of layer becomes, by version."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from gencpp.core.errors import UsageError
from gencpp.core.spec import DType
from gencpp.network.calls.call import Call, CallWeights, index_type
from gencpp.network.calls.calls import calls
from gencpp.network.calls.layers import CALLERS
from gencpp.network.plan import (
    KINDS,
    Activation,
    ActivationKind,
    Cast,
    Concatenation,
    Constant,
    Convolution,
    Coordinates,
    Deconvolution,
    Dequantize,
    Einsum,
    ElementWise,
    ElementWiseKind,
    Gather,
    GatherKind,
    Gelu,
    HardSwish,
    Identity,
    Layer,
    Linear,
    MatrixMultiply,
    NetworkPlan,
    Normalization,
    ParametricRelu,
    PlanTensor,
    PlanWeight,
    Pooling,
    PoolingKind,
    Quantize,
    Reduce,
    ReduceKind,
    Resize,
    ResizeKind,
    Rounding,
    Scale,
    Select,
    Shape,
    Shuffle,
    Silu,
    Slice,
    SliceFill,
    SoftMax,
    TopK,
    TopKKind,
    Unary,
    UnaryKind,
)

Dims = tuple[int, ...]
X = (-1, 4, 8, 8)
ALL = (805, 806, 1000, 1013, 1016, 1101)
THIRD = 0.16666667163372040
"""1 / 6 as a float of C++"""


def made(
    *layers: Layer,
    api: int = 1013,
    inputs: Mapping[str, Dims] | None = None,
    dtype: DType = DType.float32,
    weights: Mapping[str, Dims | tuple[DType, Dims]] | None = None,
    results: Mapping[str, tuple[DType, Dims]] | None = None,
) -> tuple[Call, ...]:
    """The calls for a plan of these layers; tensors that are not described are like X."""
    table = []
    for name, what in (weights or {}).items():
        kind, dims = what if what and isinstance(what[0], DType) else (dtype, what)
        table.append(PlanWeight(name=name, dtype=kind, dims=dims, offset=0, size=0, sha256=""))  # type: ignore[arg-type]
    described = dict(results or {})
    plan = NetworkPlan(
        inputs=tuple(
            PlanTensor(name=n, dtype=dtype, dims=dims) for n, dims in (inputs or {"x": X, "y": X}).items()
        ),
        outputs=(),
        layers=layers,
        tensors=tuple(
            PlanTensor(name=o, dtype=described.get(o, (dtype, X))[0], dims=described.get(o, (dtype, X))[1])
            for layer in layers
            for o in layer.outputs
        ),
        weights=tuple(table),
        modules={},
    )
    return calls(plan, api)


def layer(
    kind: type[Layer], *inputs: str, name: str = "a", outputs: Sequence[str] = (), **fields: Any
) -> Any:
    """A layer on `x`, unless inputs are named, that makes `<name>_out`."""
    return kind(
        name=name, module="", inputs=inputs or ("x",), outputs=tuple(outputs or (f"{name}_out",)), **fields
    )


def only(*layers: Layer, **more: Any) -> Call:
    found = made(*layers, **more)
    assert len(found) == 1, [c.name for c in found]
    return found[0]


def methods(found: Sequence[Call]) -> list[tuple[str, str]]:
    return [(c.method, c.name) for c in found]


def number(found: Sequence[Call], name: str) -> CallWeights:
    """The weights of the constant of this name."""
    (call,) = (c for c in found if c.name == name)
    return dict(call.weights)["weights"]


def check_flow(found: Sequence[Call], api_inputs: Sequence[str] = ("x", "y")) -> None:
    """Tensors are made once and before they are used, names are unique."""
    tensors = list(api_inputs)
    for call in found:
        assert all(i in tensors for i in call.inputs if i), call
        tensors += call.outputs
    assert len(set(tensors)) == len(tensors)
    names = [c.name for c in found]
    assert len(set(names)) == len(names)


def test_every_kind_of_layer_has_its_calls() -> None:
    assert set(CALLERS) == set(KINDS.values())


def test_index_type() -> None:
    assert [index_type(api) for api in (805, 806, 1000, 1101)] == [DType.int32] * 2 + [DType.int64] * 2


@pytest.mark.parametrize(
    ("make", "method", "attributes"),
    [
        (
            layer(Activation, activation=ActivationKind.clip, alpha=0.1, beta=6.0),
            "addActivation",
            {"activationType": "CLIP", "alpha": 0.10000000149011612, "beta": 6.0},
        ),
        (layer(ParametricRelu, "x", "y"), "addParametricReLU", {}),
        (
            layer(
                Pooling,
                pooling=PoolingKind.average,
                window=(3, 2),
                stride=(2, 1),
                pre_padding=(1, 0),
                post_padding=(0, 1),
                ceil=True,
                exclude_padding=True,
            ),
            "addPoolingNd",
            {
                "poolingType": "AVERAGE",
                "windowSizeNd": (3, 2),
                "strideNd": (2, 1),
                "prePadding": (1, 0),
                "postPadding": (0, 1),
                "paddingMode": "EXPLICIT_ROUND_UP",
                "averageCountExcludesPadding": True,
            },
        ),
        (
            layer(
                Pooling,
                pooling=PoolingKind.maximum,
                window=(2, 2),
                stride=(2, 2),
                pre_padding=(0, 0),
                post_padding=(0, 0),
            ),
            "addPoolingNd",
            {
                "poolingType": "MAX",
                "windowSizeNd": (2, 2),
                "strideNd": (2, 2),
                "prePadding": (0, 0),
                "postPadding": (0, 0),
                "paddingMode": "EXPLICIT_ROUND_DOWN",
                "averageCountExcludesPadding": False,
            },
        ),
        (
            layer(ElementWise, "x", "y", operation=ElementWiseKind.floor_divide),
            "addElementWise",
            {"operation": "FLOOR_DIV"},
        ),
        (layer(Unary, operation=UnaryKind.reciprocal), "addUnary", {"operation": "RECIP"}),
        (
            layer(Reduce, operation=ReduceKind.mean, axes=(2, 3), keep=True),
            "addReduce",
            {"operation": "AVG", "reduceAxes": 12, "keepDimensions": True},
        ),
        (layer(SoftMax, axis=3), "addSoftMax", {"axes": 8}),
        (
            layer(MatrixMultiply, "x", "y", transpose_b=True),
            "addMatrixMultiply",
            {"operation0": "NONE", "operation1": "TRANSPOSE"},
        ),
        (layer(Concatenation, "x", "y", "x", axis=1), "addConcatenation", {"axis": 1}),
        (
            layer(Gather, "x", "y", gather=GatherKind.nd, axis=0, batch_dims=1),
            "addGatherV2",
            {"mode": "ND", "gatherAxis": 0, "nbElementWiseDims": 1},
        ),
        (
            layer(Shuffle, first_transpose=(0, 2, 3, 1), reshape=(0, -1), second_transpose=(1, 0)),
            "addShuffle",
            {
                "zeroIsPlaceholder": True,
                "firstTranspose": (0, 2, 3, 1),
                "reshapeDimensions": (0, -1),
                "secondTranspose": (1, 0),
            },
        ),
        (layer(Shuffle, "x", "y"), "addShuffle", {"zeroIsPlaceholder": True}),
        (layer(Shuffle, to_scalar=True), "addShuffle", {"zeroIsPlaceholder": True, "reshapeDimensions": ()}),
        (layer(Shape), "addShape", {}),
        (layer(Select, "x", "y", "x"), "addSelect", {}),
        (layer(Identity), "addIdentity", {}),
        (layer(Einsum, "x", "y", equation="abcd,abcd->ab"), "addEinsum", {"equation": "abcd,abcd->ab"}),
    ],
    ids=lambda value: value.name + type(value).__name__ if isinstance(value, Layer) else None,
)
@pytest.mark.parametrize("api", [805, 1013])
def test_one_call(make: Layer, method: str, attributes: dict[str, Any], api: int) -> None:
    assert only(make, api=api) == Call(
        method=method, name="a", inputs=make.inputs, outputs=make.outputs, attributes=attributes
    )


@pytest.mark.parametrize("kind", [Convolution, Deconvolution])
def test_convolutions_take_their_sizes_from_the_weights(kind: type[Layer]) -> None:
    call = only(
        layer(
            kind,
            weight="w",
            bias="b",
            stride=(2, 1),
            pre_padding=(1, 0),
            post_padding=(0, 1),
            dilation=(1, 2),
            groups=2,
        ),
        weights={"w": (6, 2, 3, 5), "b": (6,)},
    )
    assert call.method == ("addConvolutionNd" if kind is Convolution else "addDeconvolutionNd")
    assert call.attributes == {
        "nbOutputMaps": 6 if kind is Convolution else 4,
        "kernelSizeNd": (3, 5),
        "strideNd": (2, 1),
        "prePadding": (1, 0),
        "postPadding": (0, 1),
        "dilationNd": (1, 2),
        "nbGroups": 2,
    }
    assert call.weights == (("kernel", CallWeights(name="w")), ("bias", CallWeights(name="b")))


def test_no_bias_has_the_type_of_the_kernel() -> None:
    plain = {"stride": (1,), "pre_padding": (0,), "post_padding": (0,), "dilation": (1,)}
    call = only(layer(Convolution, weight="w", **plain), weights={"w": (DType.float16, (4, 4, 3, 3))})
    assert dict(call.weights)["bias"] == CallWeights(dtype=DType.float16)


def test_scale() -> None:
    call = only(layer(Scale, scale="s", shift="t"), weights={"s": (4,), "t": (4,)})
    assert call.attributes == {"mode": "CHANNEL", "channelAxis": 1}
    assert call.weights == (
        ("shift", CallWeights(name="t")),
        ("scale", CallWeights(name="s")),
        ("power", CallWeights()),
    )
    assert dict(only(layer(Scale, scale="s"), weights={"s": (4,)}).weights)["shift"] == CallWeights()


@pytest.mark.parametrize("api", ALL)
def test_linear_is_a_product_and_a_sum(api: int) -> None:
    found = made(
        layer(Linear, weight="a.weight", bias="a.bias", transposed=True),
        weights={"a.weight": (3, 8), "a.bias": (3,)},
        api=api,
    )
    check_flow(found)
    assert methods(found) == [
        ("addConstant", "a.weight"),
        ("addMatrixMultiply", "a/matmul"),
        ("addConstant", "a.bias"),
        ("addElementWise", "a"),
    ]
    assert [c.attributes for c in found] == [
        {"dimensions": (1, 1, 3, 8)},
        {"operation0": "NONE", "operation1": "TRANSPOSE"},
        {"dimensions": (1, 1, 1, 3)},
        {"operation": "SUM"},
    ]
    assert found[1].inputs == ("x", "a.weight") and found[-1].outputs == ("a_out",)


def test_linear_without_bias_is_one_product() -> None:
    found = made(layer(Linear, weight="w", transposed=False), weights={"w": (8, 3)}, inputs={"x": (-1, 8)})
    assert methods(found) == [("addConstant", "w"), ("addMatrixMultiply", "a")]
    assert found[0].attributes == {"dimensions": (8, 3)}
    assert found[1].attributes["operation1"] == "NONE" and found[1].outputs == ("a_out",)


def test_names_are_unique() -> None:
    """A shared array, a layer that is called as another one's inner layer, an array called as a layer."""
    found = made(
        layer(Linear, weight="w", transposed=False, name="a"),
        layer(Linear, weight="w", transposed=False, name="b"),
        layer(Silu, name="c"),
        layer(Silu, name="c/sigmoid"),
        layer(Linear, weight="c", transposed=False, name="d"),
        weights={"w": (8, 8), "c": (8, 8)},
    )
    check_flow(found)
    assert [c.name for c in found] == [
        *("w", "a", "b/w", "b"),
        *("c/sigmoid", "c", "c/sigmoid/sigmoid", "c/sigmoid_2"),
        *("d/c", "d"),
    ]
    assert made() == ()


def test_inner_tensors_are_not_called_as_tensors_of_the_plan() -> None:
    found = made(layer(Silu, "a/sigmoid"), inputs={"a/sigmoid": X})
    check_flow(found, ["a/sigmoid"])
    assert found[0].name == "a/sigmoid"


@pytest.mark.parametrize("api", [806, 1000, 1013, 1016, 1101])
def test_normalization_is_native(api: int) -> None:
    found = made(_normalization(), weights={"w": (8,), "b": (8,)}, api=api)
    check_flow(found)
    assert methods(found) == [("addConstant", "w"), ("addConstant", "b"), ("addNormalization", "a")]
    assert found[0].attributes == {"dimensions": (1, 1, 1, 8)}
    assert found[2].inputs == ("x", "w", "b")
    assert found[2].attributes == {"epsilon": 9.999999747378752e-06, "axes": 8, "nbGroups": 1}


def test_normalization_is_written_out_for_8_5() -> None:
    found = made(_normalization(), weights={"w": (8,), "b": (8,)}, api=805)
    check_flow(found)
    assert [(c.method.removeprefix("add"), c.name, c.attributes.get("operation")) for c in found] == [
        ("Reduce", "a/mean", "AVG"),
        ("ElementWise", "a/centred", "SUB"),
        ("ElementWise", "a/squared", "PROD"),
        ("Reduce", "a/variance", "AVG"),
        ("Constant", "a/epsilon", None),
        ("ElementWise", "a/stable", "SUM"),
        ("Unary", "a/deviation", "SQRT"),
        ("ElementWise", "a/normalized", "DIV"),
        ("Constant", "w", None),
        ("ElementWise", "a/scaled", "PROD"),
        ("Constant", "b", None),
        ("ElementWise", "a", "SUM"),
    ]
    by_name = {c.name: c for c in found}
    assert by_name["a/mean"].attributes["reduceAxes"] == by_name["a/variance"].attributes["reduceAxes"] == 8
    assert by_name["a/normalized"].inputs == ("a/centred", "a/deviation")
    assert by_name["a/epsilon"].attributes == {"dimensions": (1, 1, 1, 1)}


def _normalization() -> Layer:
    made_layer: Layer = layer(Normalization, weight="w", bias="b", dims=(1, 1, 1, 8), axes=(3,), epsilon=1e-5)
    return made_layer


@pytest.mark.parametrize(
    ("tanh", "what"),
    [
        (False, ["sqrt_half", "inside", "erf", "one", "raised", "twice", "half"]),
        (
            True,
            [
                *("squared", "cubed", "a", "bent", "sum", "b", "inside", "tanh"),
                *("one", "raised", "twice", "half"),
            ],
        ),
    ],
)
@pytest.mark.parametrize("dtype", [DType.float32, DType.float16])
def test_gelu_is_written_out_in_the_type_of_x(tanh: bool, what: list[str], dtype: DType) -> None:
    found = made(layer(Gelu, tanh=tanh), dtype=dtype)
    check_flow(found)
    assert [c.name for c in found] == [*(f"a/{w}" for w in what), "a"]
    assert all(made(layer(Gelu, tanh=tanh), dtype=dtype, api=api) == found for api in ALL)
    constants = [dict(c.weights)["weights"] for c in found if c.method == "addConstant"]
    assert {c.dtype for c in constants} == {dtype}
    assert {c.attributes["dimensions"] for c in found if c.method == "addConstant"} == {(1, 1, 1, 1)}
    import numpy as np

    x = np.linspace(-4, 4, 33)
    values = {c.outputs[0]: dict(c.weights)["weights"].values[0] for c in found if c.method == "addConstant"}
    found_y = _computed(found, {"x": x, **values})["a_out"]
    assert np.abs(found_y - _gelu(x)).max() < (1e-3 if tanh else 1e-6)  # tanh is an approximation


def _computed(found: Sequence[Call], tensors: dict[str, Any]) -> dict[str, Any]:
    """What calls of arithmetic give."""
    import math

    import numpy as np

    operations: dict[str, Any] = {"SUM": np.add, "PROD": np.multiply, "ERF": np.vectorize(math.erf)}
    operations |= {"SUB": np.subtract, "DIV": np.divide, "SQRT": np.sqrt, "TANH": np.tanh}
    operations |= {"SIGMOID": lambda x: 1 / (1 + np.exp(-x))}
    for call in found:
        if call.method == "addConstant":
            continue
        a = call.attributes
        name = str(a.get("operation") or a["activationType"])
        values = [tensors[i] for i in call.inputs]
        if name == "HARD_SIGMOID":
            tensors[call.outputs[0]] = np.clip(a["alpha"] * values[0] + a["beta"], 0, 1)
        else:
            tensors[call.outputs[0]] = operations[name](*values)
    return tensors


def _gelu(x: Any) -> Any:
    import math

    import numpy as np

    return 0.5 * x * (1 + np.vectorize(math.erf)(x / math.sqrt(2)))


def test_silu_and_hard_swish() -> None:
    import numpy as np

    x = np.linspace(-8, 8, 33)
    silu = made(layer(Silu))
    check_flow(silu)
    assert [c.name for c in silu] == ["a/sigmoid", "a"]
    assert np.allclose(_computed(silu, {"x": x})["a_out"], x / (1 + np.exp(-x)))
    swish = made(layer(HardSwish))
    check_flow(swish)
    assert [c.name for c in swish] == ["a/hard_sigmoid", "a"]
    assert swish[0].attributes == {
        "activationType": "HARD_SIGMOID",
        "alpha": pytest.approx(THIRD, rel=1e-15),
        "beta": 0.5,
    }
    assert np.allclose(_computed(swish, {"x": x})["a_out"], x * np.clip(x / 6 + 0.5, 0, 1))


def test_constants_of_the_code() -> None:
    floats = only(layer(Constant, dtype=DType.float32, dims=(2,), values=(0.1, 2.0)))
    assert floats.attributes == {"dimensions": (2,)}
    assert number([floats], "a") == CallWeights(values=(0.10000000149011612, 2.0))
    flags = only(layer(Constant, dtype=DType.bool_, dims=(2,), values=(1, 0)))
    assert number([flags], "a") == CallWeights(values=(1, 0), dtype=DType.bool_)


@pytest.mark.parametrize(("api", "index"), [(805, DType.int32), (806, DType.int32), (1000, DType.int64)])
def test_indices_are_int32_on_8(api: int, index: DType) -> None:
    written = only(layer(Constant, dtype=DType.int64, dims=(2,), values=(3, 4)), api=api)
    assert number([written], "a") == CallWeights(values=(3, 4), dtype=index)
    stored = only(
        layer(Constant, dtype=DType.int64, dims=(2, 2), weight="i"),
        weights={"i": (DType.int64, (4,))},
        api=api,
    )
    assert number([stored], "a") == CallWeights(name="i", dtype=index)
    assert stored.attributes == {"dimensions": (2, 2)}


@pytest.mark.parametrize(
    ("api", "to", "method", "attributes"),
    [
        (805, DType.float16, "addIdentity", {"outputType": "HALF"}),
        (805, DType.int64, "addIdentity", {"outputType": "INT32"}),
        (806, DType.int64, "addCast", {"toType": "INT32"}),
        (1013, DType.int64, "addCast", {"toType": "INT64"}),
        (1013, DType.bool_, "addCast", {"toType": "BOOL"}),
    ],
)
def test_cast(api: int, to: DType, method: str, attributes: dict[str, Any]) -> None:
    call = only(layer(Cast, to=to), api=api)
    assert (call.method, call.attributes) == (method, attributes)


def test_types_that_tensorrt_has_not() -> None:
    with pytest.raises(UsageError, match="layer a: TensorRT has no tensors of float64"):
        made(layer(Cast, to=DType.float64))


def test_top_k() -> None:
    call = only(layer(TopK, operation=TopKKind.minimum, k=3, axis=1, outputs=("values", "indices")))
    assert call.outputs == ("values", "indices")
    assert call.attributes == {"operation": "MIN", "k": 3, "reduceAxes": 2}


@pytest.mark.parametrize(("dims", "axis"), [((), -1), ((4,), 1)])
def test_quantization(dims: Dims, axis: int) -> None:
    weights = {"s": dims}
    found = made(layer(Quantize, scale="s", axis=1), weights=weights)
    check_flow(found)
    assert methods(found) == [("addConstant", "s"), ("addQuantize", "a")]
    assert found[0].attributes == {"dimensions": dims}
    assert found[1].attributes == {"axis": axis, "toType": "INT8"}
    back = made(layer(Dequantize, scale="s", axis=1), weights=weights)
    assert back[1].method == "addDequantize" and back[1].attributes == {"axis": axis, "toType": "FLOAT"}
    assert made(layer(Quantize, scale="s", axis=1), weights=weights, api=806)[1].attributes == {"axis": axis}


def _slice(**more: Any) -> Any:
    fields = {"start": (0, 0, 0, 0), "size": (-1, 4, 4, -1), "stride": (1, 1, 2, 1), **more}
    return layer(Slice, *fields.pop("inputs", ("x",)), **fields)


def test_slice_of_known_sizes() -> None:
    call = only(_slice(), inputs={"x": (2, 4, 8, 8)})
    assert call.attributes == {
        "mode": "STRICT_BOUNDS",
        "start": (0, 0, 0, 0),
        "size": (2, 4, 4, 8),
        "stride": (1, 1, 2, 1),
    }
    assert call.inputs == ("x",)


@pytest.mark.parametrize(("api", "index"), [(805, DType.int32), (1013, DType.int64)])
def test_slice_of_a_size_that_varies(api: int, index: DType) -> None:
    found = made(_slice(), api=api)
    check_flow(found)
    assert methods(found) == [
        ("addShape", "a/shape"),
        ("addConstant", "a/mask"),
        ("addElementWise", "a/kept"),
        ("addConstant", "a/known"),
        ("addElementWise", "a/size"),
        ("addSlice", "a"),
    ]
    assert number(found, "a/mask") == CallWeights(values=(1, 0, 0, 0), dtype=index)
    assert number(found, "a/known") == CallWeights(values=(0, 4, 4, 8), dtype=index)
    assert [c.attributes.get("operation") for c in found[2:5:2]] == ["PROD", "SUM"]
    assert found[-1].inputs == ("x", "", "a/size")
    assert found[-1].attributes == {
        "mode": "STRICT_BOUNDS",
        "start": (0, 0, 0, 0),
        "stride": (1, 1, 2, 1),
    }


def test_slice_with_computed_sizes_and_fill() -> None:
    found = made(
        _slice(inputs=("x", "", "y", ""), outside=SliceFill.fill, fill_value=0.1), dtype=DType.float16
    )
    check_flow(found)
    assert methods(found) == [("addConstant", "a/fill"), ("addSlice", "a")]
    assert number(found, "a/fill") == CallWeights(values=(0.10000000149011612,), dtype=DType.float16)
    assert found[0].attributes == {"dimensions": ()}
    assert found[1].inputs == ("x", "", "y", "", "a/fill")
    assert found[1].attributes == {"mode": "FILL", "start": (0, 0, 0, 0), "stride": (1, 1, 2, 1)}
    everything = only(_slice(inputs=("x", "y", "y", "y")))
    assert everything.attributes == {"mode": "STRICT_BOUNDS"} and everything.inputs == ("x", "y", "y", "y")


def _resize(*inputs: str, **more: Any) -> Any:
    fields = {
        "resize": ResizeKind.linear,
        "coordinates": Coordinates.half_pixel,
        "rounding": Rounding.half_down,
        **more,
    }
    return layer(Resize, *inputs, **fields)


RESIZE = {
    "interpolationMode": "LINEAR",
    "coordinateTransformation": "HALF_PIXEL",
    "selectorForSinglePixel": "FORMULA",
    "nearestRounding": "HALF_DOWN",
    "cubicCoeff": -0.75,
    "excludeOutside": False,
}


def test_resize() -> None:
    fixed = only(_resize(sizes=(-1, -1, 16, 16)), inputs={"x": (2, 4, 8, 8)})
    assert fixed.attributes == {**RESIZE, "outputDimensions": (2, 4, 16, 16)} and fixed.inputs == ("x",)
    scaled = only(_resize(scales=(1.0, 1.0, 2.0, 0.1)))
    assert scaled.attributes == {**RESIZE, "scales": (1.0, 1.0, 2.0, 0.10000000149011612)}
    computed = only(_resize("x", "y"))
    assert computed.attributes == RESIZE and computed.inputs == ("x", "y")


def test_resize_of_a_size_that_varies() -> None:
    found = made(_resize(sizes=(-1, -1, 16, 16)))
    check_flow(found)
    assert number(found, "a/mask").values == (1, 0, 0, 0)
    assert number(found, "a/known").values == (0, 4, 16, 16)
    assert found[-1].inputs == ("x", "a/size") and found[-1].attributes == RESIZE
