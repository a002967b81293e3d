"""The interpreter: the answers of PyTorch, NumPy and ONNX Runtime, and what it refuses."""

from __future__ import annotations

import tracemalloc
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
from network_samples import SAMPLES, Sample, described, noise, sample
from torch.nn import functional as F

from gencpp.core.errors import CheckFailed, GencppError, UsageError
from gencpp.core.spec import DType
from gencpp.network import plan as p
from gencpp.network.calls.calls import calls
from gencpp.network.interpret.interpreter import run
from gencpp.network.interpret.layers import TABLE
from gencpp.network.weights_file import layout

APIS = (805, 806, 1013, 1101)


@pytest.mark.parametrize("api", APIS)
@pytest.mark.parametrize("given", SAMPLES, ids=lambda s: s.name)
def test_a_layer_computes_what_it_says(given: Sample, api: int) -> None:
    found = run(given.plan, given.weights, given.inputs, api)
    assert set(found) == set(given.expected)
    for name, expected in given.expected.items():
        dtype = np.dtype(np.int32) if api < 1000 and expected.dtype == np.int64 else expected.dtype
        assert found[name].dtype == dtype
        assert found[name].shape == expected.shape
        if expected.dtype.kind == "f":
            # sums in another order
            np.testing.assert_allclose(found[name], expected, rtol=2e-5, atol=2e-6)
        else:
            np.testing.assert_array_equal(found[name], expected)


def test_every_kind_of_layer_and_every_call_has_a_sample() -> None:
    kinds = {type(layer) for s in SAMPLES for layer in s.plan.layers}
    assert kinds == set(p.KINDS.values())
    methods = {call.method for s in SAMPLES for api in APIS for call in calls(s.plan, api)}
    assert methods == set(TABLE)


@pytest.mark.parametrize("exclude", [False, True])
def test_cubic_resizing_as_onnx_runtime_has_it(exclude: bool) -> None:
    x = noise(1, 2, 5, 6).numpy()
    asked = {"mode": "cubic", "coordinate_transformation_mode": "asymmetric", "cubic_coeff_a": -0.5}
    expected = of_onnx("Resize", x, sizes=[1, 2, 8, 11], exclude_outside=int(exclude), **asked)
    given = sample(
        "cubic",
        p.Resize,
        [x],
        expected,
        resize=p.ResizeKind.cubic,
        coordinates=p.Coordinates.asymmetric,
        sizes=(1, 2, 8, 11),
        cubic_coefficient=-0.5,
        exclude_outside=exclude,
    )
    np.testing.assert_allclose(output(given), expected, rtol=1e-4, atol=1e-5)


def of_onnx(operator: str, x: Any, sizes: list[int], **attributes: Any) -> Any:
    import onnx
    import onnxruntime

    helper = onnx.helper
    node = helper.make_node(operator, ["x", "", "", "sizes"], ["y"], **attributes)
    graph = helper.make_graph(
        [node],
        "one",
        [helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, x.shape)],
        [helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, sizes)],
        [onnx.numpy_helper.from_array(np.array(sizes), "sizes")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, {"x": x})[0]


def output(given: Sample, **more: Any) -> Any:
    return run(given.plan, given.weights, given.inputs, **more)["out0"]


def test_float16_is_rounded_once_a_call() -> None:
    x, weight, bias = noise(1, 64, 6, 6), noise(8, 64, 3, 3, seed=1), noise(8, seed=2)
    halves = [t.half() for t in (x, weight, bias)]
    expected = F.conv2d(*(t.float() for t in halves)).half()
    given = sample(
        "half",
        p.Convolution,
        halves[:1],
        expected,
        weights={"weight": halves[1], "bias": halves[2]},
        stride=(1, 1),
        pre_padding=(0, 0),
        post_padding=(0, 0),
        dilation=(1, 1),
    )
    found = output(given)
    assert found.dtype == np.float16
    # Summed in another order, a float32 falls on the other side of a rounding at times: one unit.
    np.testing.assert_allclose(found, expected.numpy(), rtol=1e-3)
    assert (found == expected.numpy()).mean() > 0.95
    gelu = sample("gelu", p.Gelu, [halves[0] * 0 + 0.3337], halves[0], tanh=False)
    written: Any = halves[0] * 0 + 0.3337
    for other, operation in ((0.5**0.5, "mul"), (None, "erf"), (1.0, "add")):
        written = getattr(written, operation)(*([] if other is None else [torch.tensor(other).half()]))
    written = (halves[0] * 0 + 0.3337).mul(written).mul(torch.tensor(0.5).half())
    np.testing.assert_array_equal(output(gelu), written.numpy())  # every inner tensor is a half


def test_tensors_on_the_way_can_be_kept() -> None:
    x = noise(2, 3)
    given = sample("silu", p.Silu, [x], F.silu(x))
    found = run(given.plan, {}, given.inputs, keep=("layer/sigmoid", "x"))
    assert set(found) == {"out0", "layer/sigmoid", "x"}
    np.testing.assert_allclose(found["layer/sigmoid"], torch.sigmoid(x).numpy(), rtol=1e-6)
    found["x"][:] = 0
    assert x.abs().min() > 0  # a copy
    with pytest.raises(UsageError, match="no tensor lost"):
        run(given.plan, {}, given.inputs, keep=("lost",))


def test_another_batch_than_in_the_sample() -> None:
    conv = SAMPLES[0]
    twice = {"x": np.concatenate([conv.inputs["x"], conv.inputs["x"][:1]])}
    assert run(conv.plan, conv.weights, twice)["out0"].shape[0] == 3


def test_weights_of_a_mapped_file_are_read() -> None:
    conv = SAMPLES[0]
    frozen = {name: array.copy() for name, array in conv.weights.items()}
    for array in frozen.values():
        array.flags.writeable = False
    np.testing.assert_array_equal(run(conv.plan, frozen, conv.inputs)["out0"], output(conv))


def described_otherwise(given: Sample, **changes: Any) -> p.NetworkPlan:
    tensors = [replace(t, **changes) if t.name == "out0" else t for t in given.plan.tensors]
    return replace(given.plan, tensors=tuple(tensors))


def test_a_shape_or_type_that_is_not_the_plans_is_refused() -> None:
    x = noise(2, 3, 4)
    given = sample("relu", p.Activation, [x], x, activation=p.ActivationKind.relu)
    for changes in ({"dims": (2, 3, 5)}, {"dims": (2, 3)}, {"dtype": DType.float16}):
        with pytest.raises(CheckFailed, match=r"layer layer \(addActivation\): its output out0 is float32"):
            run(described_otherwise(given, **changes), {}, given.inputs)
    run(described_otherwise(given, dims=(-1, 3, -1)), {}, given.inputs)


def refusals() -> list[Any]:
    x, whole = noise(2, 4, 6, 6), np.zeros((2, 3), np.int32)
    flat = noise(2, 3)
    window = {"stride": (1, 1), "pre_padding": (0, 0), "post_padding": (0, 0)}
    add = {"operation": p.ElementWiseKind.add}
    kernel = {"weight": noise(4, 4, 3, 3).numpy()}
    plain: dict[str, Any] = {**window, "dilation": (1, 1)}
    nearest = {"resize": p.ResizeKind.nearest, "coordinates": p.Coordinates.asymmetric}
    linear = {"resize": p.ResizeKind.linear, "coordinates": p.Coordinates.half_pixel}
    byte = np.zeros((2, 3), np.uint8)
    gone: Any = np.zeros(1, np.float32)
    return [
        ("not of one rank", p.ElementWise, [x, x[0]], {}, add),
        ("not of one type", p.ElementWise, [flat, whole], {}, add),
        ("not of one type", p.ElementWise, [flat, flat.half()], {}, add),
        ("must match", p.ElementWise, [x, x[:, :3]], {}, add),
        ("AND takes no float32", p.ElementWise, [x, x], {}, {"operation": p.ElementWiseKind.logical_and}),
        ("PROD takes no bool", p.ElementWise, [x > 0] * 2, {}, {"operation": p.ElementWiseKind.multiply}),
        ("SUM takes no uint8", p.ElementWise, [byte, byte], {}, add),
        ("NEG takes no uint8", p.Unary, [byte], {}, {"operation": p.UnaryKind.negative}),
        ("takes no uint8", p.Shuffle, [byte], {}, {"reshape": (-1,)}),
        ("takes no uint8", p.Slice, [byte], {}, {"start": (0, 0), "size": (2, 2), "stride": (1, 1)}),
        (
            "takes no bool",
            p.Reduce,
            [x > 0],
            {},
            {"operation": p.ReduceKind.maximum, "axes": (1,), "keep": True},
        ),
        ("takes no int32", p.Resize, [whole], {}, {**nearest, "sizes": (2, 6)}),
        ("EXP takes no int32", p.Unary, [whole], {}, {"operation": p.UnaryKind.exp}),
        ("NOT takes no float32", p.Unary, [x], {}, {"operation": p.UnaryKind.logical_not}),
        ("takes no int32", p.Activation, [whole], {}, {"activation": p.ActivationKind.relu}),
        ("144 weights, where", p.Convolution, [x[:, :3]], kernel, plain),
        ("kernel is float32", p.Convolution, [x.half()], kernel, plain),
        ("a window of 2 dim", p.Convolution, [flat], kernel, plain),
        ("channels, 3 groups", p.Convolution, [x], kernel, {**plain, "groups": 3}),
        ("is negative", p.Deconvolution, [x], kernel, {**plain, "post_padding": (-1, 0)}),
        ("four dimensions or more", p.Scale, [x[0]], {"scale": np.ones(6, np.float32)}, {}),
        ("3 values of scale for 4", p.Scale, [x], {"scale": np.ones(3, np.float32)}, {}),
        (
            "not broadcast",
            p.Normalization,
            [x],
            {"weight": np.ones(3, np.float32), "bias": np.ones(3, np.float32)},
            {"dims": (1, 3, 1, 1), "axes": (2, 3), "epsilon": 0.0},
        ),
        (
            "wholly in the padding",
            p.Pooling,
            [x],
            {},
            {
                "pooling": p.PoolingKind.maximum,
                "window": (2, 2),
                "stride": (4, 4),
                "pre_padding": (1, 1),
                "post_padding": (1, 1),
                "ceil": True,
            },
        ),
        ("names dimension 4", p.Reduce, [x], {}, {"operation": p.ReduceKind.sum, "axes": (4,), "keep": True}),
        ("names no dimension", p.Reduce, [x], {}, {"operation": p.ReduceKind.sum, "axes": (), "keep": True}),
        ("not of one rank", p.MatrixMultiply, [x, flat], {}, {}),
        ("matrices", p.MatrixMultiply, [x[0, 0, 0], x[0, 0, 0]], {}, {}),
        ("do not fit", p.Concatenation, [x, x[:, :, :3]], {}, {"axis": 1}),
        ("takes elements 1 to 3", p.Slice, [flat], {}, {"start": (0, 1), "size": (2, 3), "stride": (1, 1)}),
        ("not for float32", p.Slice, [flat], {}, {"start": (0,), "size": (2, 3), "stride": (1, 1)}),
        ("indices 0 to 3 into", p.Gather, [flat, np.array([0, 3])], {}, {"axis": 1}),
        ("its indices are float32", p.Gather, [flat, flat], {}, {"axis": 1}),
        ("cannot be reshaped", p.Shuffle, [flat], {}, {"reshape": (4, -1)}),
        ("copies a dimension", p.Shuffle, [flat], {}, {"reshape": (2, 3, 0)}),
        ("cannot be reshaped", p.Shuffle, [x], {}, {"reshape": (-1, -1, 36)}),
        ("are not for float32", p.Resize, [x], {}, {**nearest, "scales": (2.0, 2.0)}),
        ("the last 3 dimensions", p.Resize, [x], {}, {**linear, "sizes": (4, 4, 6, 6)}),
        ("k is 4 of 3", p.TopK, [flat], {}, {"operation": p.TopKKind.maximum, "k": 4, "axis": 1}),
        ("condition is float32", p.Select, [flat, flat, flat], {}, {}),
        ("diagonal", p.Einsum, [x[0, 0]], {}, {"equation": "ii->i"}),
        ("ellipsis", p.Einsum, [x], {}, {"equation": "...i->..."}),
        ("takes no float32", p.Dequantize, [x], {"scale": np.float32(1)}, {}),
        ("not positive", p.Quantize, [x], {"scale": np.float32(0)}, {}),
        (
            "5 values for the dimensions",
            p.Constant,
            [x],
            {"weight": np.ones(5, np.float32)},
            {"dtype": DType.float32, "dims": (2, 3)},
        ),
        ("its axis is 1", p.Quantize, [gone], {"scale": np.ones(1, np.float32)}, {"axis": 1}),
    ]


@pytest.mark.parametrize(("message", "kind", "inputs", "weights", "fields"), refusals(), ids=str)
def test_what_tensorrt_refuses_is_refused(
    message: str, kind: type[p.Layer], inputs: list[Any], weights: dict[str, Any], fields: dict[str, Any]
) -> None:
    outputs = (np.zeros(1), np.zeros(1)) if kind is p.TopK else np.zeros(1, np.float32)
    names = [] if kind is p.Constant else None
    given = sample("refused", kind, inputs, outputs, weights=weights, names=names, **fields)
    with pytest.raises(CheckFailed, match=rf"layer layer.* \(add\w+\): .*{message}") as raised:
        run(given.plan, given.weights, given.inputs)
    assert "gencpp" in raised.value.hint


def test_a_negative_index_where_the_size_varies_is_undefined() -> None:
    x = noise(2, 3)
    given = sample("gather", p.Gather, [x, np.array([-1])], x[-1:], axis=0)
    run(given.plan, {}, given.inputs)
    plan = replace(given.plan, inputs=(replace(given.plan.inputs[0], dims=(-1, 3)), given.plan.inputs[1]))
    with pytest.raises(CheckFailed, match="index -1 into dimension 0, whose size varies"):
        run(plan, {}, given.inputs)


def test_inputs_and_weights_that_are_not_the_plans_are_refused() -> None:
    conv = SAMPLES[0]
    x = conv.inputs["x"]
    wrong: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
        ("input x is not given", {}, conv.weights),
        ("no input y", {"x": x, "y": x}, conv.weights),
        ("input x is float64", {"x": x.astype(np.float64)}, conv.weights),
        (r"input x is float32 \[2, 3", {"x": x[:, :3]}, conv.weights),
        ("no weights layer.bias", {"x": x}, {"layer.weight": conv.weights["layer.weight"]}),
        ("layer.bias is torch.float64", {"x": x}, {**conv.weights, "layer.bias": np.ones(6)}),
    ]
    for message, inputs, weights in wrong:
        with pytest.raises(UsageError, match=message):
            run(conv.plan, weights, inputs)


def test_int64_that_int32_does_not_hold_is_refused_before_10() -> None:
    table = np.array([2**40], np.int64)
    shown = sample("big", p.Constant, [], table, weights={"weight": table}, dtype=DType.int64, dims=(1,))
    assert output(shown) == table
    with pytest.raises(GencppError, match=r"layer\.weight has values that int32 does not hold"):
        output(shown, api=805)
    given = sample("shape", p.Identity, [table], table)
    with pytest.raises(GencppError, match="input x has values that int32 does not hold"):
        output(given, api=806)


def test_tensors_are_freed_after_their_last_use() -> None:
    """Sixty tensors of 8 MB, one after the other."""
    x = noise(1, 2_000_000)
    names = ["x", *(f"t{i}" for i in range(60))]
    layers = tuple(
        p.Unary(name=b, module="", inputs=(a,), outputs=(b,), operation=p.UnaryKind.negative)
        for a, b in pairwise(names)
    )
    array = x.numpy()
    plan = p.NetworkPlan(
        inputs=(described("x", array),),
        outputs=("t59",),
        layers=layers,
        tensors=tuple(described(n, array) for n in names[1:]),
        weights=layout({}),
        modules={},
    )
    tracemalloc.start()  # the peak of the process would be that of the tests before this one
    try:
        np.testing.assert_array_equal(run(plan, {}, {"x": array})["t59"], array)
        assert tracemalloc.get_traced_memory()[1] < 100_000_000
    finally:
        tracemalloc.stop()
