"""Branches by values: goldens take them, or parity is weak and they are named. The fast path is off alike."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import pytest
from places import SUPPORT

from gencpp.core.errors import CheckFailed
from gencpp.core.request import Request
from gencpp.pipeline import Generated, generate

HERE = str(SUPPORT)


def scripted(factory: str, path: Path) -> Path:
    import torch
    from models import valued

    torch.manual_seed(0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.jit.save(torch.jit.script(getattr(valued, factory)().eval()), str(path))
    return path


def loaded(file: Path) -> Any:
    import torch

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return torch.jit.load(str(file))


def made(source: str | Path, out: Path, *inputs: str, backend: str = "libtorch", **more: Any) -> Generated:
    return generate(
        Request(source=str(source), backend=backend, out=out, inputs=inputs, path=(HERE,), **more)
    )


def if_on_value(path: Path) -> Path:
    """An If on a value; in its then branch another, on another."""
    import numpy as np
    import onnx
    from onnx import TensorProto as T
    from onnx import helper as h
    from onnx import numpy_helper as nh

    def info(name: str) -> Any:
        return h.make_tensor_value_info(name, T.FLOAT, [1, 4])

    def scaled(name: str, factor: float) -> Any:
        k = nh.from_array(np.array([factor], np.float32), name + "k")
        return h.make_graph([h.make_node("Mul", ["m", name + "k"], [name])], name, [], [info(name)], [k])

    inner = h.make_node("If", ["flag"], ["c"], then_branch=scaled("a", 2.0), else_branch=scaled("b", 3.0))
    nodes = [
        h.make_node("MatMul", ["x", "w"], ["m"]),
        h.make_node("Equal", ["rate", "wanted"], ["is"]),
        h.make_node(
            "If",
            ["is"],
            ["y"],
            then_branch=h.make_graph([inner], "i", [], [info("c")]),
            else_branch=scaled("d", -1.0),
        ),
    ]
    w = np.random.default_rng(5).normal(size=(8, 4)).astype(np.float32)
    graph = h.make_graph(
        nodes,
        "g",
        [
            h.make_tensor_value_info("x", T.FLOAT, [1, 8]),
            h.make_tensor_value_info("rate", T.INT64, []),
            h.make_tensor_value_info("flag", T.BOOL, []),
        ],
        [info("y")],
        [nh.from_array(w, "w"), nh.from_array(np.array(16000), "wanted")],
    )
    onnx.save(h.make_model(graph, opset_imports=[h.make_opsetid("", 13)], ir_version=8), path)
    return path


def test_both_branches_of_a_script(tmp_path: Path) -> None:
    source = scripted("rate", tmp_path / "rate.pt")
    found = made(source, tmp_path / "both", "x:1x8", "rate::int64=8000,16000")
    assert found.project.goldens.parity == "strong" and found.warnings == ()
    one = made(source, tmp_path / "one", "x:1x8", "rate::int64=8000")
    assert one.project.goldens.parity == "weak"
    assert "`rate == 16000` is never true" in one.project.goldens.parity_note
    assert "8000` is never" not in one.project.goldens.parity_note, "what raises is no branch to take"
    assert "--input rate::int64=LOW..HIGH" in one.warnings[0]
    readme = (tmp_path / "one" / "README.md").read_text()
    assert "`rate == 16000` is never true" in readme and "take `rate` from 8000" in readme


def test_a_number_in_python_is_a_tensor_in_cpp(tmp_path: Path) -> None:
    for factory, inputs in (("rate", ("x:1x8", "rate::int64=8000")), ("gain", ("x:1x8", "gain::float32=2"))):
        source = scripted(factory, tmp_path / f"{factory}.pt")
        made(source, tmp_path / factory, *inputs)
        module = loaded(tmp_path / factory / "assets" / "model.pt")
        kinds = [str(i.type()) for i in list(module.graph.inputs())[1:]]
        assert kinds[:2] == ["Tensor", "Tensor"], "LibTorch's forward takes no tensor for an int"


def test_branches_by_data_and_loops_are_named(tmp_path: Path) -> None:
    source = scripted("flag", tmp_path / "flag.pt")
    found = made(source, tmp_path / "a", "x:1x8", "flag::bool=false", "turns::int64=0")
    note = found.project.goldens.parity_note
    assert "`flag` is never true" in note and "is never entered" in note
    assert "`sum(...) > 1000000000.0` is never true" in note
    assert "100" not in note.replace("1000000000.0", ""), "a branch by a size is not one by a value"
    more = made(source, tmp_path / "b", "x:1x8", "flag::bool", "turns::int64=1,2").project.goldens
    assert "flag" not in more.parity_note.partition(". Give")[0] and "entered" not in more.parity_note


def test_a_model_without_branches_stays_strong(tmp_path: Path) -> None:
    for artifact in ("torchscript", "plain", "frozen"):
        found = made(
            "models.tiny:two_in_three_out", tmp_path / artifact, "left:1x6", "right:1x5", artifact=artifact
        )
        assert found.project.goldens.parity == "strong"


def test_branches_of_an_onnx_file(tmp_path: Path) -> None:
    source = if_on_value(tmp_path / "if.onnx")
    guessed = made(source, tmp_path / "a", backend="tensorrt")
    assert guessed.project.goldens.parity == "weak"
    assert "`rate == 16000` is never true" in guessed.project.goldens.parity_note
    assert "flag" not in guessed.project.goldens.parity_note.partition(". Give")[0]
    inputs = ("x:1x8", "rate::int64=8000,16000", "flag::bool=true")
    one = made(source, tmp_path / "b", *inputs, backend="tensorrt").project.goldens
    assert one.parity == "weak" and "`flag` is never false" in one.parity_note
    inputs = ("x:1x8", "rate::int64=8000,16000", "flag::bool")
    assert made(source, tmp_path / "c", *inputs, backend="tensorrt").project.goldens.parity == "strong"


def test_loops_of_an_onnx_file(tmp_path: Path) -> None:
    import onnx
    import torch
    from onnx import TensorProto as T
    from onnx import helper as h

    from gencpp.model.branches.onnx import onnx_branches

    one = h.make_tensor("one_value", T.FLOAT, [1], [1.0])
    body = h.make_graph(
        [
            h.make_node("Constant", [], ["one"], value=one),
            h.make_node("Add", ["carried", "one"], ["next"]),
            h.make_node("Identity", ["on"], ["still"]),
        ],
        "body",
        [
            h.make_tensor_value_info("i", T.INT64, []),
            h.make_tensor_value_info("on", T.BOOL, []),
            h.make_tensor_value_info("carried", T.FLOAT, [1]),
        ],
        [h.make_tensor_value_info("still", T.BOOL, []), h.make_tensor_value_info("next", T.FLOAT, [1])],
    )
    for opset in (11, 17):
        graph = h.make_graph(
            [h.make_node("Loop", ["turns", "", "x"], ["y"], body=body)],
            "g",
            [h.make_tensor_value_info("x", T.FLOAT, [1]), h.make_tensor_value_info("turns", T.INT64, [])],
            [h.make_tensor_value_info("y", T.FLOAT, [1])],
        )
        path = tmp_path / f"loop{opset}.onnx"
        onnx.save(h.make_model(graph, opset_imports=[h.make_opsetid("", opset)], ir_version=8), path)
        x = torch.zeros(1)
        (never,) = onnx_branches(path, [[x, torch.tensor(0)]])
        assert (never.text, never.taken) == ("the loop over `turns` is never entered", False)
        (entered,) = onnx_branches(path, [[x, torch.tensor(0)], [x, torch.tensor(3)]])
        assert entered.taken
        assert [f.name for f in tmp_path.iterdir() if f.name == "branches.onnx"] == []


PADDED = ("tokens:1x7:int64=0..49", "padding:1x7:bool")


def test_the_fast_path_is_off_in_reference_and_artifact(tmp_path: Path) -> None:
    import numpy as np
    import torch
    from models import valued

    for artifact in ("torchscript", "frozen"):
        out = tmp_path / artifact
        project = made("models.valued:padded", out, *PADDED, artifact=artifact).project
        assert torch.backends.mha.get_fastpath_enabled()
        note = next(n for n in project.model.notes if "fast path" in n)
        assert "output differs by up to" in note and "(it is 0 at padded places)" in note
        module = loaded(out / "assets" / "model.pt")
        masks = []
        for case in project.goldens.cases:
            inputs = [np.load(out / "assets" / "goldens" / f) for f in case.inputs]
            expected = np.load(out / "assets" / "goldens" / case.outputs[0].file)
            with torch.inference_mode():
                answer = module(*map(torch.from_numpy, inputs)).numpy()
            assert np.abs(answer - expected).max() <= 1e-5 * np.abs(expected).max()
            masks += list(inputs[1])
        assert any(np.array_equal(m, np.sort(m)) and m.any() and not m.all() for m in masks), "left-aligned"
        with torch.no_grad():
            scripted_graph = str(module.graph)
        assert "_transformer_encoder_layer_fwd" not in scripted_graph
    assert isinstance(valued.padded(), torch.nn.Module)


def test_the_fast_path_is_off_for_onnx_and_a_mask_of_everything_is_told(tmp_path: Path) -> None:
    found = made("models.valued:padded", tmp_path / "a", *PADDED, backend="tensorrt")
    values = found.project.model.inputs[1].values
    assert values is not None and "all" not in values.kinds and "left" in values.kinds
    assert any(
        "Where padding is all true, the artifact does not answer as the model" in w for w in found.warnings
    )


def test_a_model_with_one_answer_by_either_path_gets_no_note(tmp_path: Path) -> None:
    found = made("models.tiny:encoder", tmp_path / "a", "src:1x5x64")
    assert not [n for n in found.project.model.notes if "fast path" in n]


def test_an_argument_that_no_tensor_can_be(tmp_path: Path) -> None:
    import torch
    from torch import Tensor

    class Listed(torch.nn.Module):
        def forward(self, x: Tensor, sizes: list[int]) -> Tensor:
            return x * len(sizes)

    from gencpp.backends.libtorch.script_arguments import with_tensor_arguments

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        module = torch.jit.script(Listed())
    with pytest.raises(CheckFailed, match=r"sizes is List\[int\]"):
        with_tensor_arguments(module, 2)


def test_what_has_its_default_is_no_value_of_the_inputs(tmp_path: Path) -> None:
    import torch

    from gencpp.model.branches.script import script_branches

    found = script_branches(scripted("updates", tmp_path / "updates.pt"), ["x"], [[torch.ones(2)]])
    assert [(b.text, b.taken) for b in found] == [
        ("`sum(...) > 0` is never true", True),
        ("`sum(...) > 0` is never false", False),
    ]
