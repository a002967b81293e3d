"""What a TensorRT version takes: the table, and the gate that names everything at once."""

from __future__ import annotations

from typing import Any

import pytest

from gencpp.backends.tensorrt.operators import (
    OPSETS,
    SINCE,
    VERSIONS,
    border_problems,
    check_version,
    inner_problems,
    oldest_for,
    opset_problem,
    unsupported,
)
from gencpp.core.errors import UsageError
from gencpp.core.spec import Dim, DType, TensorSpec


def graph(*nodes: Any, opset: int = 17) -> Any:
    """A model of these nodes: (operator, inputs, outputs, name, attributes)."""
    import onnx

    made = [
        onnx.helper.make_node(op, inputs, outputs, name=name, **attributes)
        for op, inputs, outputs, name, attributes in nodes
    ]
    return onnx.helper.make_model(
        onnx.helper.make_graph(made, "test", [], []), opset_imports=[onnx.helper.make_opsetid("", opset)]
    )


def test_the_table() -> None:
    import onnx

    standard = {s.name for s in onnx.defs.get_all_schemas_with_history() if s.domain == ""}
    assert set(SINCE) <= standard
    assert set(SINCE.values()) <= set(VERSIONS)
    assert list(OPSETS.values()) == sorted(OPSETS.values())
    assert (OPSETS["8.5"], OPSETS["8.6"], OPSETS["10.0"]) == (17, 17, 20)
    assert SINCE["Conv"] == "8.5"
    assert SINCE["LayerNormalization"] == "8.6"
    assert SINCE["Gelu"] == "10.0"
    assert SINCE["Attention"] == "10.14"
    assert "BitwiseAnd" not in SINCE
    assert VERSIONS.index("10.2") < VERSIONS.index("10.10")  # numbers, not text


def test_everything_is_named_with_its_module() -> None:
    model = graph(
        ("Conv", ["x", "w"], ["a"], "stem/Conv", {}),
        ("LayerNormalization", ["a", "s"], ["b"], "body.norm1/LayerNormalization", {}),
        ("LayerNormalization", ["b", "s"], ["c"], "body.norm2/LayerNormalization", {}),
        ("BitwiseNot", ["c"], ["d"], "/body/body.0/act/BitwiseNot", {}),
        ("Det", ["d"], ["y"], "Det", {}),
    )
    found = unsupported(model, "8.5")
    assert [(u.operator, u.since, len(u.nodes)) for u in found] == [
        ("LayerNormalization", "8.6", 2),
        ("BitwiseNot", "", 1),
        ("Det", "", 1),
    ]
    assert found[0].modules == ("body.norm1", "body.norm2")
    assert found[1].modules == ("body.0.act",)
    assert "(2x) is not imported, TensorRT 8.6 and later do; from body.norm1, body.norm2" in str(found[0])
    assert str(found[2]) == "Det is not imported, no TensorRT does; from the model's own forward"
    assert [u.operator for u in unsupported(model, "8.6")] == ["BitwiseNot", "Det"]
    assert oldest_for(model) == ""


@pytest.mark.parametrize(
    ("operator", "inputs", "outputs", "attributes", "version", "since"),
    [
        ("Resize", ["x", "", "s"], ["y"], {"antialias": 1}, "11.1", ""),
        ("Resize", ["x", "", "s"], ["y"], {"mode": "linear"}, "8.5", None),
        ("MaxPool", ["x"], ["y", "indices"], {"kernel_shape": [2, 2]}, "11.1", ""),
        ("MaxPool", ["x"], ["y"], {"kernel_shape": [2, 2], "dilations": [1, 1]}, "8.5", None),
        ("MaxPool", ["x"], ["y"], {"kernel_shape": [2, 2], "dilations": [2, 1]}, "11.1", ""),
        ("ScatterElements", ["x", "i", "u"], ["y"], {"reduction": "add"}, "8.6", "10.0"),
        ("ScatterElements", ["x", "i", "u"], ["y"], {"reduction": "add"}, "10.0", None),
        ("ScatterND", ["x", "i", "u"], ["y"], {"reduction": "add"}, "11.1", ""),
        ("Pad", ["x", "p", "", "axes"], ["y"], {}, "10.0", "10.4"),
        ("Einsum", ["x"], ["y"], {"equation": "...ij->...ji"}, "10.0", "10.12"),
        ("TopK", ["x", "k"], ["v", "i"], {"sorted": 0}, "11.1", ""),
    ],
)
def test_forms_of_an_operator(
    operator: str, inputs: list[str], outputs: list[str], attributes: Any, version: str, since: str | None
) -> None:
    found = unsupported(graph((operator, inputs, outputs, "n", attributes), opset=18), version)
    assert [u.since for u in found] == ([] if since is None else [since])


def test_operators_in_branches_and_of_other_domains() -> None:
    import onnx

    branch = onnx.helper.make_graph(
        [onnx.helper.make_node("Det", ["x"], ["z"], name="inner/Det")], "b", [], []
    )
    model = graph(
        ("If", ["c"], ["y"], "If", {"then_branch": branch, "else_branch": branch}),
        ("FusedMatMul", ["x", "y"], ["z"], "FusedMatMul", {"domain": "com.microsoft"}),
    )
    assert [u.operator for u in unsupported(model, "11.1")] == ["Det", "com.microsoft::FusedMatMul"]


def test_opsets() -> None:
    assert opset_problem(17, "8.6") == ""
    assert opset_problem(18, "8.6") == "TensorRT 8.6 takes opsets up to 17, this is 18"
    assert oldest_for(graph(("Relu", ["x"], ["y"], "Relu", {}), opset=18)) == "10.0"
    assert oldest_for(graph(("Relu", ["x"], ["y"], "Relu", {}), opset=17)) == "8.5"


def test_versions() -> None:
    check_version("10.13")
    with pytest.raises(UsageError, match=r"--tensorrt-min 9\.0 is not known"):
        check_version("9.0")


@pytest.mark.parametrize(
    ("dtype", "taken"),
    [
        (DType.float32, ("8.5", "10.0", "11.1")),
        (DType.float16, ("8.5", "10.0", "11.1")),
        (DType.int32, ("8.5", "10.0", "11.1")),
        (DType.bool_, ("8.5", "10.0", "11.1")),
        (DType.uint8, ("8.5", "10.0", "11.1")),
        (DType.int64, ("10.0", "11.1")),
        (DType.float64, ()),
        (DType.int16, ()),
        (DType.int8, ()),
    ],
)
def test_element_types_of_the_border(dtype: DType, taken: tuple[str, ...]) -> None:
    tensor = TensorSpec(name="x", dtype=dtype, dims=(Dim.fixed(1),))
    assert tuple(v for v in ("8.5", "10.0", "11.1") if not border_problems("input", (tensor,), v)) == taken


def test_element_types_inside() -> None:
    import onnx

    model = graph(("Relu", ["x"], ["y"], "Relu", {}))
    model.graph.value_info.append(onnx.helper.make_tensor_value_info("a", onnx.TensorProto.INT16, [1]))
    model.graph.value_info.append(onnx.helper.make_tensor_value_info("b", onnx.TensorProto.FLOAT, [1]))
    assert inner_problems(model) == ["1 value of type int16, which no TensorRT has, such as a"]
