"""The ONNX file is the model: named, lowered, in float16, weights outside, compared before it is written."""

from __future__ import annotations

import hashlib
import warnings
from pathlib import Path
from typing import Any

import pytest
from places import SUPPORT

from gencpp.backends.libtorch.torchscript import hashes
from gencpp.backends.tensorrt.onnx_export import OnnxExport, OnnxOptions, export_onnx
from gencpp.core.errors import CheckFailed, UsageError
from gencpp.core.loaded import LoadedModel, LoadOptions
from gencpp.core.precision import PRECISIONS
from gencpp.core.spec import Dim, ModelSpec, Precision
from gencpp.model.inspection import inspect_model
from gencpp.onnx.graph import dims_of
from gencpp.onnx.names import module_path
from gencpp.sources.load import load_source, parse_source

HERE = str(SUPPORT)


def inspected(text: str, *inputs: str, **more: Any) -> tuple[LoadedModel, ModelSpec]:
    options = LoadOptions(path=(HERE,), inputs=inputs, **more)
    loaded = load_source(parse_source(text), options, lambda _: None)
    return loaded, inspect_model(loaded, options)


def exported(
    folder: Path, text: str, *inputs: str, options: OnnxOptions | None = None, **more: Any
) -> tuple[OnnxExport, Any]:
    """The export and the written model, read without its external weights."""
    import onnx

    loaded, spec = inspected(text, *inputs, **more)
    made = export_onnx(loaded, spec, folder, options or OnnxOptions(), lambda _: None)
    return made, onnx.load(str(folder / made.artifact.file), load_external_data=False)


def answers(path: Path, *tensors: Any) -> dict[str, Any]:
    from gencpp.onnx.runtime import OnnxRunner

    return OnnxRunner(path)(*tensors)


def refused(folder: Path, text: str, *inputs: str, options: OnnxOptions | None = None) -> str:
    with pytest.raises((CheckFailed, UsageError)) as e:
        exported(folder, text, *inputs, options=options)
    assert not list(folder.iterdir())
    return str(e.value)


def test_a_convolutional_network(tmp_path: Path) -> None:
    import torch

    made, model = exported(tmp_path, "models.tiny:cnn", "image:1x3x32x32")
    artifact = made.artifact
    assert artifact.format == "onnx"
    assert artifact.method == "torch.onnx.export (dynamo), opset 18"
    assert (artifact.reason, artifact.warnings, artifact.external) == ("", (), None)
    assert artifact.sha256 == hashlib.sha256((tmp_path / "model.onnx").read_bytes()).hexdigest()
    assert (artifact.sha256, artifact.head_tail_sha256, artifact.size) == hashes(tmp_path / "model.onnx")
    assert [p.name for p in tmp_path.iterdir()] == ["model.onnx"]
    assert made.opset == 18 == model.opset_import[0].version
    assert [(i.name, dims_of(i)) for i in model.graph.input] == [("image", ["batch", 3, 32, 32])]
    assert [(o.name, dims_of(o)) for o in model.graph.output] == [("output", ["batch", 10])]
    assert dict(made.operators)["Conv"] == 1
    assert answers(tmp_path / "model.onnx", torch.zeros(5, 3, 32, 32))["output"].shape == (5, 10)


def test_names_are_the_models_own(tmp_path: Path) -> None:
    made, model = exported(tmp_path, "resnet18", weights="none")
    names = {n.name: n for n in model.graph.node}
    first = names["layer1.0.conv1/Conv"]
    assert list(first.input)[1:] == ["layer1.0.conv1.weight", "layer1.0.conv1.bias"]
    assert list(first.output) == ["layer1.0.conv1/Conv_output_0"]
    assert module_path(first) == "layer1.0.conv1"
    assert module_path(names["layer4.1/Add"]) == "layer4.1"
    assert module_path(names["fc/Gemm"]) == "fc"
    assert len(names) == len(model.graph.node) == sum(n for _, n in made.operators)
    described = {v.name: dims_of(v) for v in model.graph.value_info}
    assert described["layer1.0.conv1/Conv_output_0"] == ["batch", 64, 56, 56]
    assert made.artifact.reason == ""


def test_the_same_bytes_twice_and_nothing_of_this_machine(tmp_path: Path) -> None:
    for folder in ("one", "two"):
        exported(tmp_path / folder, "models.layers:masked", "tokens:1x5:int64", "mask:1x5:float32")
    one = (tmp_path / "one" / "model.onnx").read_bytes()
    assert one == (tmp_path / "two" / "model.onnx").read_bytes()
    for part in (b"/", HERE.encode(), b"site-packages", b"stack_trace", b"File "):
        if part != b"/":
            assert part not in one
    import onnx

    model = onnx.load_from_string(one)
    assert not any(n.doc_string or n.metadata_props for n in model.graph.node)
    assert not model.metadata_props


def test_outputs_that_are_no_node_of_their_own(tmp_path: Path) -> None:
    import torch

    made, model = exported(tmp_path, "models.layers:awkward", "x:1x6", "y:1x4")
    names = ["x_out", "again_0", "again_1", "mark", "sum"]
    assert [t.name for t in made.model.outputs] == names == [o.name for o in model.graph.output]
    x = torch.randn(2, 6)
    found = answers(tmp_path / "model.onnx", x, torch.ones(2, 4))
    assert torch.equal(found["x_out"], x)
    assert torch.equal(found["again_0"], found["again_1"])
    assert found["mark"].tolist() == [1.0, 2.0, 3.0, 4.0]


def test_the_older_exporter_with_the_reason(tmp_path: Path) -> None:
    made, model = exported(tmp_path, "models.tiny:data_branch", "x:1x6")
    assert made.artifact.method == "torch.onnx.export (older exporter), opset 18"
    assert made.artifact.reason.startswith("dynamo: ")
    assert "data-dependent" in made.artifact.reason
    assert made.artifact.warnings[0].startswith("tiny.py:")
    assert "`float(x.flatten()[0]) > 100.0` was never true" in made.artifact.untaken[0]
    assert any(n.startswith("Never run") and "tiny.py:" in n for n in made.model.notes)
    assert "head/Gemm" in [n.name for n in model.graph.node]
    assert "head.weight" in [t.name for t in model.graph.initializer]


def test_when_both_fail_both_are_told_and_nothing_is_written(tmp_path: Path) -> None:
    message = refused(tmp_path, "models.tiny:bad_branch", "x:1x6")
    assert "dynamo: GuardOnDataDependent" in message
    assert "the older exporter: it is not the model: output differs" in message
    loaded, spec = inspected("models.tiny:bad_branch", "x:1x6")
    with pytest.raises(CheckFailed) as e:
        export_onnx(loaded, spec, tmp_path / "again", OnnxOptions(), lambda _: None)
    assert max(map(len, e.value.message.splitlines())) < 400
    assert e.value.details.startswith("=== dynamo\n") and "Traceback" in e.value.details
    assert "make forward free of branches" in e.value.hint


def test_a_scripted_module(tmp_path: Path) -> None:
    import torch
    from models.tiny import Cnn

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # TorchScript is deprecated
        torch.jit.script(Cnn().eval()).save(str(tmp_path / "cnn.pt"))
    made, _ = exported(tmp_path / "out", str(tmp_path / "cnn.pt"), "image:1x3x32x32")
    assert made.model.outputs[0].dims[0].dynamic


def test_what_cannot_be_repeated(tmp_path: Path) -> None:
    assert "gives different outputs for equal inputs" in refused(tmp_path, "models.tiny:Counting", "x:1x6")


class TestDynamicDimensions:
    def sized(self, dims: dict[str, dict[int, Dim]], *source: str) -> tuple[LoadedModel, ModelSpec]:
        from gencpp.model.sizes.dynamic import apply_dynamic

        loaded, spec = inspected(*source)
        texts = tuple(
            f"{name}:{i}={d.min}:{d.opt}:{d.max}" for name, found in dims.items() for i, d in found.items()
        )
        spec, _ = apply_dynamic(loaded, spec, texts)
        return loaded, spec

    def test_height_and_width(self, tmp_path: Path) -> None:
        import onnx
        import torch

        side = Dim(min=16, opt=32, max=64)
        loaded, spec = self.sized({"image": {2: side, 3: side}}, "models.layers:picture", "image:1x3x32x32")
        made = export_onnx(loaded, spec, tmp_path, OnnxOptions(), lambda _: None)
        assert made.artifact.method.startswith("torch.onnx.export (dynamo)")
        model = onnx.load(str(tmp_path / "model.onnx"))
        assert dims_of(model.graph.input[0]) == ["batch", 3, "dim_image_2", "dim_image_3"]
        found = answers(tmp_path / "model.onnx", torch.zeros(3, 3, 20, 50))
        assert found["output_0"].shape == (3, 2, 10, 25)
        conv = next(n for n in model.graph.node if n.op_type == "Conv")
        assert conv.input[1] == "conv.weight"  # with the batch norm folded in
        assert not any(n.op_type == "BatchNormalization" for n in model.graph.node)

    def test_two_inputs_of_one_length(self, tmp_path: Path) -> None:
        import torch

        length = Dim(min=2, opt=5, max=9)
        loaded, spec = self.sized(
            {"tokens": {1: length}, "mask": {1: length}},
            *("models.layers:masked", "tokens:1x5:int64", "mask:1x5:float32"),
        )
        export_onnx(loaded, spec, tmp_path, OnnxOptions(), lambda _: None)
        found = answers(tmp_path / "model.onnx", torch.zeros(2, 7, dtype=torch.int64), torch.ones(2, 7))
        assert found["output"].shape == (2, 7, 8)


class TestOlderTensorRt:
    def test_opset_17_is_17(self, tmp_path: Path) -> None:
        made, model = exported(
            tmp_path, "models.layers:new", "x:1x8x6x6", options=OnnxOptions(tensorrt_min="8.6")
        )
        assert made.opset == 17
        assert [o.version for o in model.opset_import] == [17]
        assert model.ir_version == 8
        assert made.artifact.method == "torch.onnx.export (dynamo), opset 17"
        for node in model.graph.node:
            if node.op_type.startswith("Reduce") and node.op_type != "ReduceSum":
                assert len(node.input) == 1, node.name  # 8.x reads axes from the attribute only

    def test_layer_norm_is_written_out_for_8_5_only(self, tmp_path: Path) -> None:
        for version, count in (("8.5", 0), ("8.6", 2), ("10.0", 2)):
            made, model = exported(
                tmp_path / version,
                *("models.layers:normed", "x:1x4x6"),
                options=OnnxOptions(tensorrt_min=version),
            )
            assert dict(made.operators).get("LayerNormalization", 0) == count
            paths = {module_path(n) for n in model.graph.node}
            assert {"first", "second", "head"} <= paths

    def test_what_8_x_cannot_return(self, tmp_path: Path) -> None:
        message = refused(tmp_path, "models.layers:longs", "x:1x6", options=OnnxOptions(tensorrt_min="8.6"))
        assert "output output is int64, which TensorRT 10.0 and later take at the border" in message
        made, _ = exported(tmp_path, "models.layers:longs", "x:1x6")
        assert made.model.outputs[0].dtype == "int64"

    def test_float64_is_refused(self, tmp_path: Path) -> None:
        assert "output output is float64, which no TensorRT takes at the border" in refused(
            tmp_path, "models.layers:double", "x:1x6"
        )

    def test_an_unknown_version(self) -> None:
        with pytest.raises(UsageError, match=r"(?s)--tensorrt-min 7\.0 is not known.*8\.5, 8\.6, 10\.0"):
            OnnxOptions(tensorrt_min="7.0")


def test_operators_that_tensorrt_lacks_are_all_named(tmp_path: Path) -> None:
    message = refused(tmp_path, "models.layers:bits", "x:1x6:int32")
    assert "BitwiseAnd is not imported, no TensorRT does; from mix" in message
    assert "BitwiseOr is not imported, no TensorRT does; from mix" in message
    assert "change those modules" in message


NARROW = [p for p in Precision if p is not Precision.fp32]


class TestNarrow:
    options = OnnxOptions(precision=Precision.fp16)

    @pytest.mark.parametrize("precision", NARROW)
    def test_the_border_stays(self, tmp_path: Path, precision: Precision) -> None:
        import onnx

        options = OnnxOptions(precision=precision)
        made, model = exported(tmp_path, "models.layers:wide", "x:1x128", options=options)
        kinds = {t.name: onnx.TensorProto.DataType.Name(t.data_type) for t in model.graph.initializer}
        assert kinds == dict.fromkeys(
            ("first.weight", "first.bias", "second.weight", "second.bias"), PRECISIONS[precision].onnx
        )
        for value in (*model.graph.input, *model.graph.output):
            assert value.type.tensor_type.elem_type == onnx.TensorProto.FLOAT
        casts = [n.name for n in model.graph.node if n.op_type == "Cast"]
        assert casts == [f"x_to_{precision}", "output_to_fp32"]
        assert made.artifact.size < 2 * made.model.parameters + 3000

    def test_onnx_runtime_rounds_as_bfloat16_does(self, tmp_path: Path) -> None:
        """Each operator's result, the weights and the input: as torch's own bfloat16 does it."""
        import torch

        exported(
            tmp_path, "models.tiny:cnn", "image:1x3x32x32", options=OnnxOptions(precision=Precision.bf16)
        )
        loaded, _ = inspected("models.tiny:cnn", "image:1x3x32x32")
        x = torch.randn(2, 3, 32, 32)
        found = answers(tmp_path / "model.onnx", x)["output"]
        exact = loaded.module(x)
        narrow = loaded.module.bfloat16()(x.bfloat16()).float()
        assert torch.equal(found, found.bfloat16().float()) and not torch.equal(found, exact)
        largest = exact.abs().max()
        assert (found - narrow).abs().max() <= 2**-7 * largest
        assert (found - exact).abs().max() <= 2 * (narrow - exact).abs().max() + 2**-8 * largest

    def test_bfloat16_is_of_tensorrt_10(self, tmp_path: Path) -> None:
        with pytest.raises(UsageError, match=r"--precision bf16 needs TensorRT 10\.0") as caught:
            OnnxOptions(precision=Precision.bf16, tensorrt_min="8.6")
        assert "--tensorrt-min 10.0" in caught.value.hint

    def test_constants_beyond_float16_are_named(self, tmp_path: Path) -> None:
        made, _ = exported(tmp_path, "models.layers:mask", "x:1x6", options=self.options)
        assert len(made.artifact.warnings) == 1
        assert made.artifact.warnings[0].endswith("(up to 1e+09) is beyond 65504 and was set to it")

    def test_an_output_that_is_read_again(self, tmp_path: Path) -> None:
        _, model = exported(tmp_path, "models.tiny:named", "x:1x6", options=self.options)
        assert [n.op_type for n in model.graph.node].count("Cast") == 2
        best = next(n for n in model.graph.node if n.op_type == "ArgMax")
        assert best.input[0] == "head/Gemm_output_0_fp16"

    def test_overflow_is_named(self, tmp_path: Path) -> None:
        message = refused(tmp_path, "models.layers:too_large", "x:1x6", options=self.options)
        assert "in fp16 it is not the model" in message
        assert "; beyond float16 is the result of Mul" in message
        assert "--precision fp32" in message and "too large for float16 (65504)" in message

    def test_bfloat16_reaches_as_far_as_float32(self, tmp_path: Path) -> None:
        options = OnnxOptions(precision=Precision.bf16)
        made, _ = exported(tmp_path, "models.layers:too_large", "x:1x6", options=options)
        assert made.artifact.warnings == ()

    def test_normalisation_written_out_stays_in_float32(self, tmp_path: Path) -> None:
        import onnx

        options = OnnxOptions(precision=Precision.fp16, tensorrt_min="8.5")
        _, model = exported(tmp_path, "models.layers:normed", "x:1x4x6", options=options)
        kinds = {v.name: v.type.tensor_type.elem_type for v in model.graph.value_info}
        assert kinds["first/LayerNormalization_variance_output_0"] == onnx.TensorProto.FLOAT
        weights = {t.name: t.data_type for t in model.graph.initializer}
        assert weights["first.weight"] == onnx.TensorProto.FLOAT
        assert weights["head.bias"] == onnx.TensorProto.FLOAT16


@pytest.mark.parametrize("precision", Precision)
def test_weights_in_a_file_of_their_own(tmp_path: Path, precision: Precision) -> None:
    import torch

    options = OnnxOptions(external_above=10_000, precision=precision)
    made, model = exported(tmp_path / "one", "models.layers:wide", "x:1x128", options=options)
    facts = made.artifact.external
    assert facts is not None
    assert sorted(p.name for p in (tmp_path / "one").iterdir()) == ["model.onnx", "model.onnx.data"]
    assert facts.file == "model.onnx.data"
    assert (facts.sha256, facts.head_tail_sha256, facts.size) == hashes(tmp_path / "one" / "model.onnx.data")
    places = {e.value for t in model.graph.initializer for e in t.external_data if e.key == "location"}
    assert places == {"model.onnx.data"}
    (tmp_path / "one").rename(tmp_path / "moved")
    assert answers(tmp_path / "moved" / "model.onnx", torch.zeros(2, 128))["output"].shape == (2, 3)
    # 68 KB in float32, 34 KB in the others: outside on the way, inside at the end, over an older export.
    options = OnnxOptions(external_above=50_000, precision=precision)
    again, _ = exported(tmp_path / "moved", "models.layers:wide", "x:1x128", options=options)
    assert (again.artifact.external is None) == (precision is not Precision.fp32)
    left = {p.name for p in (tmp_path / "moved").iterdir()}
    assert left == {"model.onnx"} | ({"model.onnx.data"} if again.artifact.external else set())


def test_the_batch_is_fixed_where_the_model_fixes_it(tmp_path: Path) -> None:
    made, model = exported(tmp_path, "models.tiny:fixed_batch", "x:1x6")
    assert dims_of(model.graph.input[0]) == [1, 6]
    assert not made.model.inputs[0].dims[0].dynamic


def test_an_operator_that_no_exporter_has_prints_no_graph(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """torch's older exporter switches its log on by itself."""
    options = LoadOptions(path=(HERE,), inputs=("x:1x6",))
    loaded = load_source(parse_source("models.operators:custom"), options, lambda _: None)
    with pytest.raises(CheckFailed, match="gencpptest") as e:
        export_onnx(loaded, inspect_model(loaded, options), tmp_path, OnnxOptions(), lambda _: None)
    said = capfd.readouterr()
    assert said.out + said.err == ""
    assert "write it with PyTorch's own ones" in e.value.hint
