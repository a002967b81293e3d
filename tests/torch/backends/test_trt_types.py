"""What TensorRT takes by element types, zero points and ranks; and uint8 that is cast before it is moved."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from inspecting import inspected

from gencpp.backends.tensorrt.onnx_export import OnnxOptions, export_onnx
from gencpp.backends.tensorrt.operators import oldest_for, unsupported
from gencpp.core.errors import CheckFailed, EnvironmentLacks
from gencpp.network.replay import rtx

FRAME = "frame:1x16x24x3:uint8"


def model(nodes: Any, inputs: Any, outputs: Any, weights: Any = (), opset: int = 18) -> Any:
    """An ONNX model; inputs and outputs are (name, type, dims), weights (name, array)."""
    import onnx
    from onnx import helper, numpy_helper

    graph = helper.make_graph(
        nodes,
        "graph",
        [helper.make_tensor_value_info(*v) for v in inputs],
        [helper.make_tensor_value_info(*v) for v in outputs],
        [numpy_helper.from_array(a, n) for n, a in weights],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=9)
    return onnx.shape_inference.infer_shapes(made)


def quantised(zero: int, dtype: str, *, named: bool = True) -> Any:
    """Q and DQ around an input; `named`: whether the zero point is given."""
    import numpy as np
    from onnx import TensorProto, helper

    constants = ["s", "z"] if named else ["s"]
    return model(
        [
            helper.make_node("QuantizeLinear", ["x", *constants], ["q"], name="block/QuantizeLinear"),
            helper.make_node("DequantizeLinear", ["q", *constants], ["y"], name="block/DequantizeLinear"),
        ],
        [("x", TensorProto.FLOAT, [1, 8])],
        [("y", TensorProto.FLOAT, [1, 8])],
        [("s", np.float32(0.05)), ("z", np.array(zero, dtype))],
    )


def branches(then: str, otherwise: str, inner: bool = False) -> Any:
    """An If whose branches are these operators on x (1x8); `inner`: each has an If of its own."""
    import numpy as np
    from onnx import TensorProto, helper

    dims = {"Squeeze": [8], "Concat": [1, 16]}
    inputs = {"Squeeze": ["x", "axis"], "Concat": ["x", "x"]}
    attributes = {"Concat": {"axis": 1}}

    def branch(operator: str, name: str) -> Any:
        node = helper.make_node(
            operator,
            inputs.get(operator, ["x"]),
            [name],
            **attributes.get(operator, {}),
            name=f"{name}/{operator}",
        )
        value = helper.make_tensor_value_info(name, TensorProto.FLOAT, dims.get(operator, [1, 8]))
        return helper.make_graph([node], name, [], [value])

    def decided(name: str, condition: str) -> Any:
        return helper.make_node(
            "If",
            [condition],
            [name],
            name=f"{name}/If",
            then_branch=branch(then, f"{name}_then"),
            else_branch=branch(otherwise, f"{name}_else"),
        )

    node = decided("y", "c1")
    if inner:
        outputs = [helper.make_tensor_value_info(n, TensorProto.FLOAT, None) for n in ("p", "q")]
        graphs = [helper.make_graph([decided(o.name, "c2")], o.name, [], [o]) for o in outputs]
        node = helper.make_node("If", ["c1"], ["y"], name="If", then_branch=graphs[0], else_branch=graphs[1])
    return model(
        [node],
        [("x", TensorProto.FLOAT, [1, 8]), ("c1", TensorProto.BOOL, []), ("c2", TensorProto.BOOL, [])],
        [("y", TensorProto.FLOAT, None)],
        [("axis", np.array([0]))],
    )


def told(made: Any, version: str = "11.1") -> list[tuple[str, str]]:
    return [(u.operator, u.reason) for u in unsupported(made, version)]


def test_zero_points() -> None:
    both = ("QuantizeLinear", "DequantizeLinear")
    assert told(quantised(0, "int8")) == []
    assert told(quantised(3, "int8")) == [(o, "with a zero point that is not 0") for o in both]
    assert told(quantised(0, "uint8")) == [(o, "with uint8") for o in both]
    assert {o for o, _ in told(quantised(128, "uint8"))} == set(both)
    assert told(quantised(0, "uint8", named=False)) == [
        (o, "with uint8 (the type without a zero point)") for o in both
    ]


def test_branches() -> None:
    assert told(branches("Relu", "Neg")) == []
    assert told(branches("Relu", "Squeeze")) == [("If", "whose branches give tensors of different ranks")]
    assert told(branches("Relu", "Concat")) == [] and oldest_for(branches("Relu", "Concat")) == "10.1"
    assert told(branches("Relu", "Concat"), "8.6") == [
        ("If", "whose branches give tensors of different sizes"),
    ]


def test_branches_inside_branches_are_walked() -> None:
    assert told(branches("Relu", "Neg", inner=True)) == []
    wrong = [("If", "whose branches give tensors of different ranks")]
    assert told(branches("Relu", "Squeeze", inner=True)) == wrong
    assert told(branches("Relu", "Det", inner=True)) == [("Det", "is not imported")]


def test_integers_where_only_floats_are_taken() -> None:
    import numpy as np
    from onnx import TensorProto, helper

    made = model(
        [helper.make_node("MatMul", ["x", "w"], ["y"], name="head/MatMul")],
        [("x", TensorProto.INT64, [2, 3])],
        [("y", TensorProto.INT64, [2, 4])],
        [("w", np.ones((3, 4), np.int64))],
    )
    assert told(made) == [("MatMul", "on int64")]


def test_a_short_time_fourier_transform(tmp_path: Path) -> None:
    loaded, spec = inspected("models.operators:spectrum", "x:1x256")
    with pytest.raises(CheckFailed, match=r"STFT is not imported, TensorRT 10\.5 and later do") as e:
        export_onnx(loaded, spec, tmp_path, OnnxOptions(), lambda _: None)
    assert e.value.hint == "use --tensorrt-min 10.5, which takes all of it."
    made = export_onnx(loaded, spec, tmp_path, OnnxOptions(tensorrt_min="10.5"), lambda _: None)
    assert dict(made.operators)["STFT"] == 1
    assert accepted(tmp_path / "model.onnx") in ("", None)


@pytest.mark.parametrize(
    "name", ["frame", "frame_out", "frame_ids", "frame_mask", "frame_twice", "frame_curve", "frame_halves"]
)
def test_uint8_is_cast_before_it_is_moved(name: str, tmp_path: Path) -> None:
    """At commit ce7dfb6 these were written, and the RTX builder refused them."""
    import onnx

    loaded, spec = inspected(f"models.operators:{name}", FRAME)
    exported = export_onnx(loaded, spec, tmp_path, OnnxOptions(), lambda _: None)  # compares the answers
    graph = onnx.load(tmp_path / "model.onnx").graph
    assert graph.input[0].type.tensor_type.elem_type == onnx.TensorProto.UINT8
    users = [n.op_type for n in graph.node if "frame" in n.input]
    assert users == ["Cast"], users
    assert exported.model.inputs == spec.inputs
    assert accepted(tmp_path / "model.onnx") in ("", None)


def test_arithmetic_in_uint8_is_refused_with_what_to_do(tmp_path: Path) -> None:
    loaded, spec = inspected("models.operators:frame_sum", FRAME)
    with pytest.raises(CheckFailed, match="Add on uint8, which is for inputs that are cast") as e:
        export_onnx(loaded, spec, tmp_path, OnnxOptions(), lambda _: None)
    assert e.value.hint is not None and "cast uint8 inputs to float first" in e.value.hint
    assert "plugin" not in e.value.hint


def accepted(file: Path) -> str | None:
    """What the RTX builder says of the file, empty when it builds; None without the builder."""
    import onnx

    inputs = onnx.load(file).graph.input
    sizes = {i.name: [d.dim_value or 1 for d in i.type.tensor_type.shape.dim] for i in inputs}
    try:
        found = rtx.build(file, [{n: [s, s, s] for n, s in sizes.items()}], tf32=False)
    except EnvironmentLacks:
        return None
    return "; ".join(found["problems"])


@pytest.mark.parametrize(
    ("made", "taken"),
    [
        (lambda: quantised(0, "int8"), True),
        (lambda: quantised(3, "int8"), False),
        (lambda: quantised(128, "uint8"), False),
        (lambda: branches("Relu", "Neg", inner=True), True),
        (lambda: branches("Relu", "Squeeze"), False),
    ],
)
def test_the_rules_are_those_of_the_builder(made: Any, taken: bool, tmp_path: Path) -> None:
    import onnx

    onnx.save(made(), tmp_path / "model.onnx")
    said = accepted(tmp_path / "model.onnx")
    if said is None:
        pytest.skip("no TensorRT-RTX builder: pip install 'gencpp[rtx]'")
    assert (said == "") is taken, said
    assert (told(made()) == []) is taken
