"""An .onnx file as the source: what is read from it, what is refused, what is written from it."""

from __future__ import annotations

import os
import warnings
from pathlib import Path
from typing import Any

import pytest

from gencpp.backends.tensorrt.onnx_export import OnnxExport, OnnxOptions, export_onnx
from gencpp.core.errors import CheckFailed, UsageError
from gencpp.core.loaded import LoadedModel, LoadOptions
from gencpp.core.spec import ModelSpec, Precision, Task
from gencpp.model.inspection import count_work, inspect_model
from gencpp.onnx.graph import dims_of
from gencpp.sources.load import load_source, parse_source

FLOAT = 1


def small(*nodes: Any, inputs: Any, outputs: Any, opset: int = 17, weights: Any = ()) -> Any:
    """A checked model; inputs and outputs are (name, type, dims)."""
    import onnx

    made = [onnx.helper.make_tensor_value_info(*i) for i in inputs]
    given = [onnx.helper.make_tensor_value_info(*o) for o in outputs]
    graph = onnx.helper.make_graph(list(nodes), "small", made, given, initializer=list(weights))
    return onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", opset)], ir_version=8)


def relu(dims: Any, out: Any = None, name: str = "x") -> Any:
    import onnx

    node = onnx.helper.make_node("Relu", [name], ["y"], name="act/Relu")
    return small(node, inputs=[(name, FLOAT, dims)], outputs=[("y", FLOAT, out or dims)])


def linear(batch: Any = "N", opset: int = 17) -> Any:
    import numpy as np
    import onnx
    from onnx import numpy_helper

    rng = np.random.default_rng(1)
    weights = [
        numpy_helper.from_array(rng.normal(size=(3, 6)).astype(np.float32), "fc.weight"),
        numpy_helper.from_array(rng.normal(size=3).astype(np.float32), "fc.bias"),
    ]
    nodes = [
        onnx.helper.make_node("Gemm", ["x", "fc.weight", "fc.bias"], ["scores"], name="fc/Gemm", transB=1),
        onnx.helper.make_node("ArgMax", ["scores"], ["best"], axis=1, keepdims=0),
    ]
    return small(
        *nodes,
        inputs=[("x", FLOAT, [batch, 6])],
        outputs=[("scores", FLOAT, [batch, 3]), ("best", 7, [batch])],
        opset=opset,
        weights=weights,
    )


def saved(folder: Path, model: Any, name: str = "net.onnx") -> str:
    import onnx

    onnx.save(model, str(folder / name))
    return str(folder / name)


def inspected(text: str, *inputs: str, **more: Any) -> tuple[LoadedModel, ModelSpec]:
    options = LoadOptions(inputs=inputs, **more)
    loaded = load_source(parse_source(text), options, lambda _: None)
    return loaded, inspect_model(loaded, options)


def exported(text: str, folder: Path, *inputs: str, **more: Any) -> tuple[OnnxExport, Any]:
    import onnx

    loaded, spec = inspected(text, *inputs)
    made = export_onnx(loaded, spec, folder, OnnxOptions(**more), lambda _: None)
    return made, onnx.load(str(folder / "model.onnx"), load_external_data=False)


def refusal(text: str, *inputs: str) -> str:
    with pytest.raises(UsageError) as e:
        inspected(text, *inputs)
    return str(e.value)


def test_what_is_read_from_the_file(tmp_path: Path) -> None:
    import torch

    loaded, spec = inspected(saved(tmp_path, linear()))
    assert (loaded.default_name, loaded.source_text, loaded.weights.kind) == ("net", "net.onnx", "user")
    assert loaded.onnx == tmp_path / "net.onnx"
    assert [(t.name, t.dtype.value) for t in spec.outputs] == [("scores", "float32"), ("best", "int64")]
    assert spec.inputs[0].dims[0].dynamic
    assert spec.outputs[0].dims[0].dynamic
    assert spec.parameters == 21
    work = count_work(loaded, spec)
    assert (work.multiply_adds, work.parameter_bytes) == (18, 84)
    assert dict(work.operators) == {"Gemm": 1, "ArgMax": 1}
    found = loaded.module(torch.zeros(4, 6))
    assert found["scores"].shape == (4, 3)


def test_a_fixed_batch_stays_and_labels_fit(tmp_path: Path) -> None:
    import onnx

    model = linear(batch=1)
    del model.graph.node[1], model.graph.output[1]
    (tmp_path / "labels.txt").write_text("a\nb\nc\n")
    onnx.save(model, str(tmp_path / "net.onnx"))
    _, spec = inspected(str(tmp_path / "net.onnx"), labels=str(tmp_path / "labels.txt"))
    assert spec.task is Task.classification
    assert not spec.inputs[0].dims[0].dynamic
    assert "The batch is fixed at 1" in spec.notes[0]


def test_written_as_it_was(tmp_path: Path) -> None:
    made, model = exported(saved(tmp_path, linear()), tmp_path / "out")
    assert made.artifact.method == "given, opset 17"
    assert made.artifact.file == "model.onnx"
    assert made.opset == 17
    assert [n.name for n in model.graph.node] == ["fc/Gemm", "ArgMax"]
    assert {t.name for t in model.graph.initializer} == {"fc.weight", "fc.bias"}
    assert dims_of(model.graph.input[0]) == ["N", 6]
    assert made.model.outputs[0].name == "scores"


def test_in_half_and_with_weights_outside(tmp_path: Path) -> None:
    import onnx

    made, model = exported(
        saved(tmp_path, linear()), tmp_path / "out", precision=Precision.fp16, external_above=1
    )
    assert {t.data_type for t in model.graph.initializer} == {onnx.TensorProto.FLOAT16}
    assert model.graph.input[0].type.tensor_type.elem_type == FLOAT
    assert made.artifact.external is None  # nothing is large enough to leave the file


def test_torchs_own_file_and_back(tmp_path: Path) -> None:
    import torch
    from models.layers import Picture

    from gencpp.onnx.names import module_path

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            Picture().eval(),
            (torch.zeros(1, 3, 32, 32),),
            str(tmp_path / "net.onnx"),
            dynamo=False,
            opset_version=17,
            input_names=["image"],
            output_names=["map", "mean"],
            dynamic_axes={"image": {0: "n", 2: "h", 3: "w"}},
        )
    message = refusal(str(tmp_path / "net.onnx"))
    assert "sizes are not known of image (nx3xhxw float32)" in message
    assert "--input image:1x3x224x224:float32" in message
    made, model = exported(str(tmp_path / "net.onnx"), tmp_path / "out", "image:1x3x40x30")
    assert dims_of(model.graph.input[0]) == ["n", 3, 40, 30]
    assert [o.name for o in model.graph.output] == ["map", "mean"]
    assert "conv" in {module_path(n) for n in model.graph.node}
    assert made.model.outputs[0].shape(2) == (2, 2, 20, 15)


def test_external_data_of_the_source(tmp_path: Path) -> None:
    import onnx

    (tmp_path / "in").mkdir()
    onnx.save(
        linear(),
        str(tmp_path / "in" / "net.onnx"),
        save_as_external_data=True,
        location="w.bin",
        size_threshold=0,
    )
    made, _ = exported(str(tmp_path / "in" / "net.onnx"), tmp_path / "out")
    assert [p.name for p in (tmp_path / "out").iterdir()] == ["model.onnx"]
    assert made.artifact.external is None
    (tmp_path / "in" / "w.bin").unlink()
    message = refusal(str(tmp_path / "in" / "net.onnx"))
    assert "its weights are in w.bin, which is not beside it" in message


def test_a_newer_opset_is_gated(tmp_path: Path) -> None:
    import onnx

    node = onnx.helper.make_node("Gelu", ["x"], ["y"], name="act/Gelu")
    model = small(node, inputs=[("x", FLOAT, ["N", 4])], outputs=[("y", FLOAT, ["N", 4])], opset=20)
    source = saved(tmp_path, model)
    made, _ = exported(source, tmp_path / "new")
    assert made.opset == 20
    with pytest.raises(CheckFailed, match=r"TensorRT 8\.6") as e:
        exported(source, tmp_path / "old", tensorrt_min="8.6")
    assert "--tensorrt-min" in str(e.value)
    assert not list((tmp_path / "old").iterdir())


def test_local_functions_are_written_out(tmp_path: Path) -> None:
    import onnx

    make, opsets = onnx.helper.make_node, [onnx.helper.make_opsetid("", 17)]
    body = [make("Relu", ["a"], ["r"], name="r"), make("Neg", ["r"], ["b"], name="n")]
    model = small(
        make("Twice", ["x"], ["y"], domain="own", name="block/Twice"),
        inputs=[("x", FLOAT, ["N", 4])],
        outputs=[("y", FLOAT, ["N", 4])],
    )
    model.functions.append(onnx.helper.make_function("own", "Twice", ["a"], ["b"], body, opsets))
    model.opset_import.append(onnx.helper.make_opsetid("own", 1))
    _, written = exported(saved(tmp_path, model), tmp_path / "out")
    assert [n.op_type for n in written.graph.node] == ["Relu", "Neg"]
    assert not written.functions
    assert [o.domain for o in written.opset_import] == [""]


def test_opset_18_is_rewritten_for_8_x(tmp_path: Path) -> None:
    import numpy as np
    import onnx
    from onnx import numpy_helper

    axes = numpy_helper.from_array(np.array([2, 3]), "axes")
    node = onnx.helper.make_node("ReduceMean", ["x", "axes"], ["y"], keepdims=0)
    model = small(
        node,
        inputs=[("x", FLOAT, ["N", 2, 3, 3])],
        outputs=[("y", FLOAT, ["N", 2])],
        opset=18,
        weights=[axes],
    )
    made, written = exported(saved(tmp_path, model), tmp_path / "out", tensorrt_min="8.6")
    assert made.opset == 17 == written.opset_import[0].version
    assert list(written.graph.node[0].input) == ["x"]


class TestRefused:
    def test_what_is_no_onnx_file(self, tmp_path: Path) -> None:
        (tmp_path / "text.onnx").write_text("no model")
        (tmp_path / "empty.onnx").write_bytes(b"")
        whole = Path(saved(tmp_path, linear())).read_bytes()
        (tmp_path / "cut.onnx").write_bytes(whole[: len(whole) // 2])
        (tmp_path / "folder.onnx").mkdir()
        assert "no such file" in refusal(str(tmp_path / "none.onnx"))
        assert "is a folder" in refusal(str(tmp_path / "folder.onnx"))
        os.mkfifo(tmp_path / "pipe.onnx")
        assert "is not a regular file" in refusal(str(tmp_path / "pipe.onnx"))
        for name in ("text.onnx", "empty.onnx"):
            assert "not an ONNX file" in refusal(str(tmp_path / name))
        message = refusal(str(tmp_path / "cut.onnx"))
        assert "not an ONNX file, or is damaged" in message or "not valid ONNX" in message

    def test_an_invalid_graph(self, tmp_path: Path) -> None:
        model = relu(["N", 4])
        model.graph.node[0].input[0] = "nobody"
        assert "not valid ONNX" in refusal(saved(tmp_path, model))

    def test_operators_of_others(self, tmp_path: Path) -> None:
        import onnx

        node = onnx.helper.make_node("FusedThing", ["x"], ["y"], domain="com.example")
        model = small(node, inputs=[("x", FLOAT, [1, 4])], outputs=[("y", FLOAT, [1, 4])])
        model.opset_import.append(onnx.helper.make_opsetid("com.example", 1))
        assert "outside the ONNX standard: com.example::FusedThing (1)" in refusal(saved(tmp_path, model))

    def test_inputs_that_do_not_fit(self, tmp_path: Path) -> None:
        source = saved(tmp_path, relu(["N", 3, "h", 8]))
        assert "sizes are not known of x (Nx3xhx8 float32)" in refusal(source)
        assert "there is no input image" in refusal(source, "image:1x3x8x8")
        assert "x is Nx3xhx8 float32, not 1x4x8x8 float32" in refusal(source, "x:1x4x8x8")
        assert "not 1x3x8x8 int32" in refusal(source, "x:1x3x8x8:int32")
        _, spec = inspected(source, "x:1x3x5x8")
        assert spec.inputs[0].shape() == (1, 3, 5, 8)

    def test_types_that_are_not_carried(self, tmp_path: Path) -> None:
        import onnx

        node = onnx.helper.make_node("Identity", ["x"], ["y"])
        text = onnx.TensorProto.STRING
        model = small(node, inputs=[("x", text, [1])], outputs=[("y", text, [1])])
        assert "element type string" in refusal(saved(tmp_path, model))
        model = relu(["N", 4])
        model.graph.input[0].type.tensor_type.ClearField("shape")
        assert "not valid ONNX: Field 'shape'" in refusal(saved(tmp_path, model))

    def test_no_inputs(self, tmp_path: Path) -> None:
        import numpy as np
        import onnx
        from onnx import numpy_helper

        node = onnx.helper.make_node("Relu", ["w"], ["y"])
        weight = numpy_helper.from_array(np.ones(3, np.float32), "w")
        model = small(node, inputs=[], outputs=[("y", FLOAT, [3])], weights=[weight])
        assert "has no inputs" in refusal(saved(tmp_path, model))

    def test_what_onnx_runtime_cannot_run(self, tmp_path: Path) -> None:
        import onnx

        double = onnx.TensorProto.DOUBLE
        node = onnx.helper.make_node("Conv", ["x", "w"], ["y"])
        model = small(
            node,
            inputs=[("x", double, [1, 1, 3, 3]), ("w", double, [1, 1, 3, 3])],
            outputs=[("y", double, [1, 1, 1, 1])],
        )
        with pytest.raises(UsageError) as e:
            load_source(parse_source(saved(tmp_path, model)), LoadOptions(), lambda _: None)
        assert "ONNX Runtime cannot run it" in str(e.value)

    def test_options_of_other_sources(self, tmp_path: Path) -> None:
        source = saved(tmp_path, linear())
        with pytest.raises(UsageError, match="--state-dict belongs to"):
            inspected(source, state_dict="weights.pt")


def test_figures_that_cannot_be_counted_end_nothing(tmp_path: Path) -> None:
    """A product of a tensor whose rank no inference tells: its axes are computed of values."""
    import numpy as np
    import onnx
    from onnx import numpy_helper

    make = onnx.helper.make_node
    zero = numpy_helper.from_array(np.zeros((1, 1, 8), np.float32), "zero")
    nodes = [
        make("Mul", ["x", "zero"], ["nothing"]),
        make("ReduceMax", ["nothing"], ["most"], keepdims=0),
        make("Cast", ["most"], ["axis"], to=7),
        make("Unsqueeze", ["axis", "first"], ["axes"]),
        make("Squeeze", ["x", "axes"], ["flat"]),
        make("Gemm", ["flat", "weight"], ["y"]),
    ]
    weights = [
        zero,
        numpy_helper.from_array(np.zeros(1, np.int64), "first"),
        numpy_helper.from_array(np.eye(8, 4, dtype=np.float32), "weight"),
    ]
    model = small(*nodes, inputs=[("x", FLOAT, [1, 3, 8])], outputs=[("y", FLOAT, [3, 4])], weights=weights)
    loaded, spec = inspected(saved(tmp_path, model))
    work = count_work(loaded, spec)
    assert work.multiply_adds is None and dict(work.operators)["Gemm"] == 1
    assert work.parameter_bytes == 4 * (8 + 32) and spec.parameters == 8 + 32


def test_hints_for_a_file_speak_of_the_file(tmp_path: Path) -> None:
    import onnx

    node = onnx.helper.make_node("MaxPool", ["x"], ["y"], kernel_shape=[2, 2], dilations=[2, 2])
    dims = [1, 2, 8, 8]
    pooled = saved(tmp_path, small(node, inputs=[("x", FLOAT, dims)], outputs=[("y", FLOAT, [1, 2, 6, 6])]))
    with pytest.raises(CheckFailed, match="MaxPool with dilations, no TensorRT does; from MaxPool") as e:
        exported(pooled, tmp_path / "out")
    relu = onnx.helper.make_node("Relu", ["x"], ["y"])
    wide = small(relu, inputs=[("x", 11, [1, 4])], outputs=[("y", 11, [1, 4])])
    double = saved(tmp_path, wide, "double.onnx")
    with pytest.raises(UsageError, match="input x is float64, which no TensorRT takes at the border") as f:
        exported(double, tmp_path / "out")
    for hint in (e.value.hint, f.value.hint):
        assert "export the file anew" in hint and "forward" not in hint and "modules" not in hint
