"""What runs keep and what they draw: found in the artifact's graph, given to each run, or refused."""

from __future__ import annotations

import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from places import SUPPORT

from gencpp.backends.libtorch.backend import LibTorch
from gencpp.backends.libtorch.facts import libtorch_info_header
from gencpp.backends.libtorch.script_state import ScriptState, Versions, script_state
from gencpp.backends.libtorch.spec import LibTorchSpec
from gencpp.backends.libtorch.torchscript import export_torchscript
from gencpp.core.errors import CheckFailed, GencppError
from gencpp.core.loaded import LoadedModel, LoadOptions
from gencpp.core.messages import quiet_compiler
from gencpp.core.spec import Artifact, ChangedAttribute, ModelSpec
from gencpp.model.inspection import inspect_model
from gencpp.model.sizes.dynamic import apply_dynamic
from gencpp.sources.load import load_source, parse_source
from gencpp.tensors.draws import (
    UNKNOWN,
    Draw,
    RandomDraw,
    overload_draws,
    program_draws,
    refuse_draws,
    schema_draws,
)

HERE = SUPPORT

CHANGED = {
    "Cached": {"cache": False},
    "Counted": {"runs": True},
    "Scratch": {"work": True},
    "KeyValues": {"keys": True, "values": True},
    "Lazy": {"table": False},
    "RunningStatistics": {"mean": True, "var": True},
    "Hidden": {"c": False, "h": False},
    "Lists": {"seen": True},
    "Nested": {f"blocks.{i}.{name}": False for i in (0, 1) for name in ("calls", "last")},
}
"""By model of models/stateful.py, as its scripted forward changes them: whether in place."""


def inspected(name: str, *dynamic: str) -> tuple[LoadedModel, ModelSpec]:
    options = LoadOptions(path=(str(HERE),), inputs=("x:1x5x8",))
    loaded = load_source(parse_source(f"models.stateful:{name}"), options, lambda _: None)
    spec, _ = apply_dynamic(loaded, inspect_model(loaded, options), dynamic)
    return loaded, spec


def scripted(name: str) -> Any:
    import torch

    loaded, _ = inspected(name)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return torch.jit.script(loaded.module)


def frozen(module: Any) -> Any:
    import torch

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return torch.jit.freeze(module.eval())


@pytest.mark.parametrize("name", CHANGED)
def test_what_forward_changes(name: str) -> None:
    module = scripted(name)
    found = script_state(module)
    assert {c.path: c.in_place for c in found.changed} == CHANGED[name]
    assert not found.draws
    assert not found.shared
    if name == "RunningStatistics":  # freezing makes constants of what is written all the same
        assert "writes a constant of its graph (aten::batch_norm" in script_state(frozen(module)).shared
    else:
        assert {c.path: c.in_place for c in script_state(frozen(module)).changed} == CHANGED[name]


def test_memory_of_two_names_cannot_be_one_runs_own() -> None:
    assert script_state(scripted("Tied")).shared == "front shares its memory with back"


@pytest.mark.parametrize("name", ["resnet18", "swin_t", "vit_b_16", "googlenet"])
def test_models_that_keep_nothing(name: str) -> None:
    """Their graphs append to lists, fill slices of new tensors and write their own results."""
    import torch
    import torchvision

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        module = torch.jit.script(getattr(torchvision.models, name)(weights=None, **_small(name)).eval())
    assert script_state(module) == ScriptState()
    assert script_state(frozen(module)) == ScriptState()


def _small(name: str) -> dict[str, Any]:
    return {"init_weights": False} if name == "googlenet" else {}


def test_writes_that_schemas_do_not_tell_are_counted() -> None:
    import torch

    class Hidden(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.register_buffer("kept", torch.zeros(3))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            y = torch.dropout(self.kept, 0.5, False)  # the buffer itself
            y += x
            return y * 1.0

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        module = torch.jit.script(Hidden().eval())
    before = Versions.of(module)
    told = script_state(module)
    with torch.inference_mode():
        module(torch.ones(3))
    assert [(c.path, c.in_place) for c in before.completed(told).changed] == [("kept", True)]


@pytest.mark.parametrize("name", ["RareDropout", "Dropout", "SometimesDropout"])
def test_what_draws_is_refused_with_its_place(tmp_path: Path, name: str) -> None:
    loaded, spec = inspected(name)
    with pytest.raises(
        RandomDraw, match=r"draws random numbers in every run: aten::\w+ \(stateful.py:\d+\)"
    ) as e:
        export_torchscript(loaded, spec, tmp_path, lambda _: None)
    assert e.value.exit_code == 1
    assert "eval()" in e.value.hint
    assert not list(tmp_path.iterdir())


def test_what_draws_in_training_only_is_taken(tmp_path: Path) -> None:
    loaded, spec = inspected("EvalDropout")
    artifact, _ = export_torchscript(loaded, spec, tmp_path, lambda _: None)
    assert not artifact.changed
    assert not artifact.serialised


def test_every_operator_that_torch_says_draws_is_known() -> None:
    """What is tagged draws, unless an argument that we know of switches it off."""
    import torch

    switches = ({"train": False}, {"training": False}, {"dropout_p": 0.0}, {"p": 0.0}, {"dropout": 0})
    seen = 0
    for name in torch._C._dispatch_get_all_op_names():
        space, _, rest = name.partition("::")
        operator, _, overload = rest.partition(".")
        try:
            found = getattr(getattr(getattr(torch.ops, space), operator), overload or "default")
        except (AttributeError, RuntimeError):
            continue
        if torch.Tag.nondeterministic_seeded not in found.tags:
            continue
        seen += 1
        assert overload_draws(found, {}), name
        names = {a.name for a in found._schema.arguments}
        off = [s for s in switches if set(s) <= names and not overload_draws(found, s)]
        assert bool(off) == bool(names & {"train", "training", "dropout_p", "dropout"}), name
    assert seen > 100


def test_a_probability_is_no_switch() -> None:
    assert schema_draws("aten::bernoulli", ("self", "p", "generator"), True, {"p": 0.0})
    assert not schema_draws("aten::dropout", ("input", "p", "train"), True, {"p": 0.0, "train": UNKNOWN})
    assert schema_draws("aten::dropout", ("input", "p", "train"), True, {"p": 0.5, "train": UNKNOWN})
    assert schema_draws("quantized::dropout", ("self", "output_scale", "p", "training"), False, {})
    assert not schema_draws("aten::add", ("self", "other"), False, {})


def test_programs_of_torch_export() -> None:
    import torch

    loaded, _ = inspected("RareDropout")
    program = torch.export.export(loaded.module, (torch.zeros(1, 5, 8),))
    (draw,) = program_draws(program)
    assert draw.operator == "aten::dropout"
    assert draw.place.startswith("stateful.py:")
    loaded, _ = inspected("EvalDropout")
    with quiet_compiler():
        program = torch.export.export(loaded.module, (torch.zeros(1, 5, 8),))
    assert not program_draws(program)


@pytest.mark.parametrize("name", ["Counted", "KeyValues", "RunningStatistics"])
def test_compiled_code_gets_no_state(name: str) -> None:
    """Its buffers are copied at the start of every run: no run writes what another one reads."""
    import torch

    from gencpp.backends.libtorch.stateless_program import stateless_program

    loaded, _ = inspected(name)
    x = torch.rand(2, 5, 8)
    program = stateless_program(loaded.module, (x,), None, name)
    assert not program.run_decompositions({}).graph_signature.buffers_to_mutate
    torch.testing.assert_close(program.module()(x), loaded.module(x))
    with pytest.raises(RandomDraw):
        stateless_program(inspected("RareDropout")[0].module, (x,), None, name)


@pytest.mark.parametrize("name", ["RareDropout", "Dropout"])
def test_dropout_is_refused_for_tensorrt_too(tmp_path: Path, name: str) -> None:
    from gencpp.backends.tensorrt.onnx_export import OnnxOptions, export_onnx

    loaded, spec = inspected(name)
    with pytest.raises(RandomDraw, match=r"stateful\.py"):
        export_onnx(loaded, spec, tmp_path, OnnxOptions(), lambda _: None)


def test_many_draws_are_told_once_each() -> None:
    refuse_draws("m", [])
    with pytest.raises(RandomDraw, match=r"aten::rand \(a.py:1\), 3 times; aten::randn\. No two"):
        refuse_draws("m", [Draw(operator="aten::rand", place="a.py:1")] * 3 + [Draw(operator="aten::randn")])


def test_answers_that_depend_on_what_came_before_are_refused(tmp_path: Path) -> None:
    loaded, spec = inspected("Remembering")
    with pytest.raises(CheckFailed, match=r"once it has run on others \(x 1x5x8 float32\)"):
        export_torchscript(loaded, spec, tmp_path, lambda _: None)


def test_the_artifact_tells_what_runs_change(tmp_path: Path) -> None:
    loaded, spec = inspected("Cached", "x:1=2:5:12")
    artifact, spec = export_torchscript(loaded, spec, tmp_path, lambda _: None)
    assert artifact.changed == (ChangedAttribute(path="cache", in_place=False),)
    assert "forward changes cache of the model: every run starts from a copy of its own." in spec.notes
    assert Artifact.from_json(artifact.to_json()) == artifact
    loaded, spec = inspected("Tied", "x:1=2:5:12")
    artifact, spec = export_torchscript(loaded, spec, tmp_path, lambda _: None)
    assert artifact.serialised == "front shares its memory with back"
    assert any("they take turns" in n for n in spec.notes)


def test_a_number_that_forward_counts_is_told(tmp_path: Path) -> None:
    """A model that answers otherwise after so many runs was taken without a word."""
    from gencpp.backends.tensorrt.onnx_export import OnnxOptions, export_onnx

    loaded, spec = inspected("Turning")
    artifact, found = export_torchscript(loaded, spec, tmp_path, lambda _: None)
    assert "any by runs, which forward changes in Python" in artifact.untaken
    assert any(n.startswith("forward changes runs in Python") for n in found.notes)
    made = export_onnx(loaded, spec, tmp_path / "onnx", OnnxOptions(), lambda _: None)
    assert "any by runs, which forward changes in Python" in made.artifact.untaken
    scripted, spec = inspected("Nested")
    artifact, _ = export_torchscript(scripted, spec, tmp_path, lambda _: None)
    assert artifact.untaken == ()  # a script counts, too


def test_one_that_is_not_frozen_is_taken_where_only_that_shares_nothing(tmp_path: Path) -> None:
    loaded, spec = inspected("RunningStatistics")
    artifact, _ = export_torchscript(loaded, spec, tmp_path, lambda _: None)
    assert {c.path for c in artifact.changed} == {"mean", "var"}
    assert not artifact.serialised
    assert "not frozen: it writes a constant" in artifact.reason


def test_the_readme_and_the_header_say_it(photo_project: Path) -> None:
    from gencpp.project import read_manifest

    made = read_manifest(photo_project).project
    assert "## State" not in LibTorch().template_names(made)["readme_runtime"]
    changed = (ChangedAttribute(path="cache", in_place=False), ChangedAttribute(path="a.kv", in_place=True))
    own = replace(made, artifact=replace(made.artifact, changed=changed))
    text = LibTorch().template_names(own)["readme_runtime"]
    assert "changes `cache`, `a.kv` of the model" in text
    assert "costs a copy" in text
    runtime = LibTorchSpec.of(own)
    header = libtorch_info_header("m", runtime, own.artifact)
    assert 'kChanged{{\n    {"cache", false},\n    {"a.kv", true},\n}};' in header
    turns = replace(made, artifact=replace(made.artifact, serialised="two names, one memory"))
    assert "**one run at a time**" in LibTorch().template_names(turns)["readme_runtime"]
    assert 'kSerialised = "two names, one memory";' in libtorch_info_header("m", runtime, turns.artifact)


def test_an_lstm_takes_other_batches() -> None:
    """Its first state is as large as the batch: a trace that kept one size wrote past the end of memory."""
    import torch

    from gencpp.backends.libtorch.exported_trace import export_and_trace

    loaded, spec = inspected("Hidden")
    assert spec.inputs[0].dims[0].dynamic
    with quiet_compiler():
        line = export_and_trace(loaded.module, spec.inputs, channels_last=False)
    zeros = [n for n in line.inlined_graph.nodes() if n.kind() == "aten::zeros"]
    sizes = [next(iter(n.inputs())).node() for n in zeros]
    assert zeros
    assert all(any(v.node().kind() != "prim::Constant" for v in s.inputs()) for s in sizes)
    x = torch.rand(4, 5, 8)
    torch.testing.assert_close(line(x), loaded.module(x))


def test_errors_are_gencpps() -> None:
    assert issubclass(RandomDraw, GencppError)
