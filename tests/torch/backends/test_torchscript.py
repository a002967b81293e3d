"""The artifact is the model: compared in structure and value before it is written."""

from __future__ import annotations

import hashlib
import os
import warnings
from pathlib import Path
from typing import Any

import pytest
from inspecting import inspected
from places import SUPPORT

from gencpp.backends.libtorch.torchscript import export_torchscript
from gencpp.backends.tensorrt.onnx_export import OnnxOptions, export_onnx
from gencpp.core.errors import CheckFailed, EnvironmentLacks, UsageError
from gencpp.core.files import hashes
from gencpp.core.spec import Artifact, ModelSpec, Task
from gencpp.model.inspection import count_work
from gencpp.model.onnx_work import onnx_work
from gencpp.sources.load import read_labels

HERE = str(SUPPORT)


def exported(tmp_path: Path, text: str, *inputs: str, **more: Any) -> tuple[Artifact, ModelSpec, Any]:
    import torch

    loaded, spec = inspected(text, *inputs, **more)
    artifact, spec = export_torchscript(loaded, spec, tmp_path, lambda _: None)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return artifact, spec, torch.jit.load(str(tmp_path / artifact.file))


def test_scripted(tmp_path: Path) -> None:
    import torch

    artifact, spec, module = exported(tmp_path, "models.tiny:cnn", "image:1x3x32x32")
    assert artifact.method == "script, frozen"
    assert artifact.sha256 == hashlib.sha256((tmp_path / "model.pt").read_bytes()).hexdigest()
    assert artifact.size == (tmp_path / "model.pt").stat().st_size
    assert spec.inputs[0].dims[0].dynamic
    assert spec.outputs[0].shape(4) == (4, 10)
    with torch.inference_mode():
        assert module(torch.zeros(5, 3, 32, 32)).shape == (5, 10)
    assert [p.name for p in tmp_path.iterdir()] == ["model.pt"]


def test_two_inputs_three_outputs(tmp_path: Path) -> None:
    _, spec, _ = exported(tmp_path, "models.tiny:two_in_three_out", "left:1x6", "right:1x5")
    assert [t.name for t in spec.inputs] == ["left", "right"]
    assert [t.name for t in spec.outputs] == ["output_0", "output_1", "output_2"]
    assert [t.shape(2) for t in spec.outputs] == [(2, 4), (2, 2, 4), (2,)]


def test_traced_with_the_reason(tmp_path: Path) -> None:
    artifact, _, _ = exported(tmp_path, "models.tiny:not_scriptable", "x:1x6")
    assert artifact.method == "trace, frozen"
    assert artifact.reason.startswith("traced: scripting failed at tiny.py:")
    assert "/" not in artifact.reason
    assert artifact.warnings == ()


def test_a_branch_on_data_is_reported(tmp_path: Path) -> None:
    artifact, spec, _ = exported(tmp_path, "models.tiny:data_branch", "x:1x6")
    assert artifact.warnings[0].startswith("tiny.py:")
    assert len(artifact.untaken) == 1  # it is not only a warning: the side that nothing took is named
    assert "`float(x.flatten()[0]) > 100.0` was never true" in artifact.untaken[0]
    assert any(n.startswith("Never run") and "tiny.py:" in n for n in spec.notes)


def test_a_trace_that_is_wrong_is_refused_and_nothing_is_written(tmp_path: Path) -> None:
    with pytest.raises(CheckFailed, match=r"(?s)script: scripting failed.*trace: the trace is not the model"):
        exported(tmp_path, "models.tiny:bad_branch", "x:1x6")
    assert not list(tmp_path.iterdir())


def test_googlenet_returns_a_tensor(tmp_path: Path) -> None:
    import torch

    _, spec, module = exported(tmp_path, "googlenet", weights="none")
    assert [t.name for t in spec.outputs] == ["logits"]
    with torch.inference_mode():
        found = module(torch.zeros(1, 3, 224, 224))
    from gencpp.tensors.module import flatten_outputs

    assert [t.shape for _, t in flatten_outputs(found)] == [(1, 1000)]


def test_dict_outputs(tmp_path: Path) -> None:
    _, spec, _ = exported(tmp_path, "models.tiny:named", "x:1x6")
    assert [(t.name, t.dtype.value) for t in spec.outputs] == [("scores", "float32"), ("best", "int64")]


@pytest.mark.parametrize(("factory", "why"), [("fixed_batch", "raises"), ("mixing", "influence")])
def test_batch_stays_fixed(factory: str, why: str) -> None:
    _, spec = inspected(f"models.tiny:{factory}", "x:1x6")
    assert not spec.inputs[0].dims[0].dynamic
    assert any(why in note for note in spec.notes)


def test_a_torchscript_file(tmp_path: Path) -> None:
    exported(tmp_path, "models.tiny:two_in_three_out", "left:1x6", "right:1x5")
    source = str(tmp_path / "model.pt")
    artifact, spec, _ = exported(tmp_path / "again", source, "left:1x6", "right:1x5")
    assert artifact.method.startswith("given")
    assert spec.source == "model.pt"
    assert spec.outputs[0].dims[0].dynamic
    with pytest.raises(UsageError, match="--input left:"):
        inspected(source)


def test_inspection_of_torchvision() -> None:
    loaded, spec = inspected("resnet18", weights="none")
    assert spec.task is Task.classification
    assert spec.parameters == 11_689_512
    assert spec.preprocess is not None
    assert spec.preprocess.output_size == (224, 224)
    assert ModelSpec.from_json(spec.to_json()) == spec
    work = count_work(loaded, spec)
    assert work.multiply_adds == 1_814_073_344  # torchvision's table: 1.814 GFLOPS
    assert work.parameter_bytes == 4 * spec.parameters
    assert dict(work.operators)["convolution"] == 20


def test_labels_and_preprocessing_must_fit(tmp_path: Path) -> None:
    (tmp_path / "labels.txt").write_text("\n".join(f"class {i}" for i in range(10)))
    labels = str(tmp_path / "labels.txt")
    preprocess = "models.tiny:preprocess"
    _, spec = inspected("models.tiny:cnn", "image:1x3x32x32", labels=labels, preprocess=preprocess)
    assert spec.task is Task.classification
    assert spec.outputs[0].name == "logits"
    assert spec.preprocess is not None
    with pytest.raises(UsageError, match="it makes 32x32; the model takes 30x32"):
        inspected("models.tiny:cnn", "image:1x3x30x32", preprocess=preprocess)
    (tmp_path / "labels.txt").write_text("one\ntwo\n")
    with pytest.raises(UsageError, match="2 labels for 10 classes"):
        inspected("models.tiny:cnn", "image:1x3x32x32", labels=labels)
    with pytest.raises(UsageError, match="cannot be generated"):
        inspected("models.tiny:cnn", "image:1x3x32x32", preprocess="models.tiny:bad_preprocess")


@pytest.mark.parametrize("kind", ["pipe", "device", "folder", "nothing"])
def test_labels_are_a_regular_file(tmp_path: Path, kind: str) -> None:
    """A pipe was waited for, a device read until the memory was full."""
    path = Path("/dev/zero") if kind == "device" else tmp_path / "labels.txt"
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    with pytest.raises(UsageError, match=rf"--labels: {path} (is not a regular file|cannot be read)"):
        read_labels(path)


@pytest.mark.parametrize(
    ("inputs", "said"),
    [
        ((), "--input image:"),
        (("picture:1x3x32x32",), "forward takes image"),
        (("image:1x4x32x32",), "fails on image 1x4x32x32"),
    ],
)
def test_inputs_that_do_not_fit(inputs: tuple[str, ...], said: str) -> None:
    with pytest.raises(UsageError) as caught:
        inspected("models.tiny:cnn", *inputs)
    assert said in str(caught.value)


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    loaded, spec = inspected("models.tiny:cnn", "image:1x3x32x32")
    with pytest.raises(EnvironmentLacks, match="cannot write"):
        export_torchscript(loaded, spec, tmp_path / "file", lambda _: None)


def test_head_and_tail(tmp_path: Path) -> None:
    file = tmp_path / "f"
    for size in (10, 131_071, 131_072, 200_000):
        data = bytes(i * 31 % 251 for i in range(size))
        file.write_bytes(data)
        ends = data if size < 131_072 else data[:65_536] + data[-65_536:]
        expected = hashlib.sha256(data).hexdigest(), hashlib.sha256(ends).hexdigest(), size
        assert hashes(file) == expected


def test_bfloat16_at_the_border_is_refused() -> None:
    with pytest.raises(UsageError, match="output output: bfloat16 is not supported at the border"):
        inspected("models.tiny:half", "x:1x6")
    with pytest.raises(UsageError, match="input x: bfloat16 is not supported at the border"):
        inspected("models.tiny:not_scriptable", "x:1x6:bfloat16")


def test_attention_is_counted() -> None:
    import torch

    loaded, spec = inspected("models.tiny:encoder", "src:1x10x64")
    before = torch.backends.mha.get_fastpath_enabled()
    work = count_work(loaded, spec)
    assert torch.backends.mha.get_fastpath_enabled() == before
    # A layer: four projections of 64x64, two of 64x128, and 2 * 10 * 10 * 64 of attention.
    assert work.multiply_adds == 6 * (10 * (4 * 64 * 64 + 2 * 64 * 128) + 2 * 10 * 10 * 64)
    operators = dict(work.operators)
    assert not {"randn", "rand", "stack", "normal_"} & set(operators)


@pytest.mark.full("a large model counted as torchvision does: its layers are counted one by one")
def test_vit_is_counted_as_torchvision_does() -> None:
    loaded, spec = inspected("vit_b_16", weights="none")
    assert count_work(loaded, spec).multiply_adds / 1e9 == pytest.approx(17.564, abs=0.001)


@pytest.mark.parametrize(
    ("factory", "inputs", "expected"),
    [
        # By layer and direction: a gate has a matrix for the input and one for the hidden state.
        ("lstm", ("x:2x5x8",), 2 * 5 * 4 * 2 * ((8 + 16) * 16 + (32 + 16) * 16)),
        ("gru", ("x:2x5x8",), 2 * 5 * 3 * (8 + 16) * 16),
        ("attention", ("x:2x3x5x4",), 2 * 2 * 3 * 5 * 5 * 4),
        ("bilinear", ("x:3x4", "y:3x5"), 3 * 4 * 5 * 6),
        ("products", ("x:3x4",), 3 * 4 + 3 + 2 * 3 * 4 * 5),
    ],
)
def test_what_torch_does_not_count_is_counted(
    tmp_path: Path, factory: str, inputs: tuple[str, ...], expected: int
) -> None:
    loaded, spec = inspected(f"models.work:{factory}", *inputs)
    assert count_work(loaded, spec).multiply_adds == expected
    if factory in ("lstm", "gru"):  # the exporter writes one operator, too
        onnx = export_onnx(loaded, spec, tmp_path, OnnxOptions(), lambda _: None)
        work = onnx_work(tmp_path / onnx.artifact.file, onnx.model.inputs, onnx.model.outputs)
        assert {"LSTM", "GRU"} & {name for name, _ in work.operators}
        assert work.multiply_adds == expected


@pytest.mark.parametrize(
    "factory, told",
    [
        ("random", "draws random numbers in every run: aten::rand"),
        ("counting", "gives different outputs for equal inputs (random numbers or state in forward)"),
    ],
)
def test_outputs_that_cannot_be_repeated(tmp_path: Path, factory: str, told: str) -> None:
    with pytest.raises(CheckFailed) as caught:
        exported(tmp_path, f"models.tiny:{factory}", "x:1x6")
    assert told in caught.value.message


def test_an_input_that_forward_changes_is_noted(tmp_path: Path) -> None:
    _, spec, _ = exported(tmp_path, "models.tiny:doubling", "x:1x6")
    assert "forward changes its input x in place." in spec.notes
