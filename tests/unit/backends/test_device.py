"""Where a LibTorch project may run: `--device`, beside the options that leave no room for it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from samples import classifier

from gencpp import pipeline
from gencpp.backends import backend_named
from gencpp.backends.libtorch.spec import CompiledFor, LibTorchSpec, RunsOn
from gencpp.core.errors import UsageError
from gencpp.core.recipe import ProjectRecipe
from gencpp.core.spec import ProjectSpec

BASE = ProjectRecipe(backend="libtorch")


def runs(**fields: Any) -> ProjectSpec:
    spec = classifier()
    return replace(spec, runtime=replace(LibTorchSpec.of(spec), **fields))


@pytest.mark.parametrize(
    ("before", "changes", "after"),
    [
        ({"device": "cpu"}, {"artifact": "plain"}, ("cpu", "plain", False)),
        ({"device": "cpu"}, {"tune": True}, ("cpu", None, True)),
        ({"device": "cpu", "artifact": "aoti"}, {"tune": True}, ("cpu", None, True)),
        ({"device": "cuda"}, {"artifact": "plain"}, ("cuda", "plain", False)),
        ({"device": "cuda"}, {"artifact": "fused"}, (None, "fused", False)),
        ({"device": "cuda"}, {"tune": True}, (None, None, True)),
        ({"device": "any"}, {"artifact": "aoti"}, (None, "aoti", False)),
        ({"artifact": "aoti"}, {"device": "any"}, ("any", None, False)),
        ({"artifact": "aoti"}, {"device": "cuda"}, ("cuda", "aoti", False)),
        ({"artifact": "fused"}, {"device": "cuda"}, ("cuda", None, False)),
        ({"tune": True}, {"device": "cuda"}, ("cuda", None, False)),
        ({"tune": True}, {"device": "cpu"}, ("cpu", None, True)),
        ({"device": "cpu"}, {"backend": "tensorrt"}, (None, None, False)),
    ],
    ids=str,
)
def test_what_is_asked_for_last_decides(before: Any, changes: Any, after: Any) -> None:
    changed = pipeline._changed(replace(BASE, **before), changes)
    assert (changed.device, changed.artifact, changed.tune) == after


def test_a_project_for_a_gpu_alone() -> None:
    libtorch, project = backend_named("libtorch"), runs(device=RunsOn.cuda)
    assert not libtorch.on_cpu(project) and libtorch.on_cpu(runs())
    with pytest.raises(UsageError, match="is for a GPU alone"):
        libtorch.check_tunable(project)
    text = libtorch.template_names(project)["readme_runtime"]
    assert "runs on a GPU alone" in text and "gencpp tune" not in text and "-DSAMPLE_CUDA=OFF" not in text


def test_compiled_code_says_where_it_runs() -> None:
    """Also in manifests that have no device."""
    made = CompiledFor(architecture="x86_64", cpu_flags=(), torch="2.14.1", threads=2)
    compiled = runs(variant="aoti", compiled=made)
    assert LibTorchSpec.of(compiled).runs_on is RunsOn.cpu
    assert LibTorchSpec.of(runs(compiled=replace(made, gpu="NVIDIA X"))).runs_on is RunsOn.cuda
    text = backend_named("libtorch").template_names(compiled)["readme_runtime"]
    assert "runs on the CPU alone" in text and "--device any" not in text and "--device cuda" in text
