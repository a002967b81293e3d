"""verify of TensorRT projects on a machine without TensorRT: what it proves, skips, and finds wrong."""

from __future__ import annotations

import importlib.util
import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from building import STRICT_ENV
from fakes.double import Double
from fakes.harness import verify_on
from once import Once

from gencpp.backends.tensorrt import answers, checks
from gencpp.project import read_manifest

pytestmark = [pytest.mark.torch]
Gencpp = Callable[..., subprocess.CompletedProcess[str]]

NEEDS_MODEL = ("parity", "bench", "profile", "consumer-subdirectory", "install", "consumer-package")
HAS_RTX = all(importlib.util.find_spec(p) for p in ("tensorrt_rtx_libs", "tensorrt_rtx_bindings"))
rtx = pytest.mark.skipif(not HAS_RTX, reason="the TensorRT-RTX builder is not installed (gencpp[rtx])")


def report_of(folder: Path) -> dict[str, Any]:
    return dict(json.loads((folder / "verify.json").read_text()))


@pytest.fixture(scope="module")
def verified(trt_project: Path, once: Once, gencpp: Gencpp) -> Path:
    """A copy that verify went through, as far as a machine without TensorRT goes."""

    def make(folder: Path) -> None:
        shutil.copytree(trt_project, folder / "photo")
        done = gencpp("verify", folder / "photo", env=STRICT_ENV)
        assert done.returncode == 0 or (done.returncode == 3 and "incomplete" in done.stdout), (
            done.stdout + done.stderr
        )

    folder = once.folder("verified_trt", make) / "photo"
    if report_of(folder)["status"] == "passed":
        pytest.skip("this machine has TensorRT and a GPU")
    return folder


def test_what_could_not_run_is_skipped_with_its_remedy(verified: Path) -> None:
    report = report_of(verified)
    assert report["status"] == "incomplete" and report["backend"] == "tensorrt"
    found = {step["name"]: step for step in report["steps"]}
    for name in ("doctor", "onnxruntime", "configure", "build", "test"):
        assert found[name]["status"] == "passed", found[name]
    for name in NEEDS_MODEL:
        assert found[name]["status"] == "skipped" and found[name]["needed"] and found[name]["reason"]
        assert "To enable it: " in found[name]["reason"]
    if "find TensorRT" in found:
        assert found["find TensorRT"]["status"] == "skipped"
        assert "pip install tensorrt" in found["find TensorRT"]["reason"]
        assert "--tensorrt-root" in found["find TensorRT"]["reason"]
    assert "bench" in report and report["bench"] == {} and report["parity"] == []


def test_the_onnx_file_was_compared_with_python(verified: Path) -> None:
    step = next(s for s in report_of(verified)["steps"] if s["name"] == "onnxruntime")
    assert "5 outputs" in step["reason"]
    project = read_manifest(verified).project
    assert {o.tolerance for c in project.goldens.cases for o in c.outputs} == {1e-3}
    found = answers.compare_onnx(verified, project)
    assert len(found.results) == 5 and not found.problem()
    assert all(r.max_rel_diff is not None and r.max_rel_diff < 1e-5 for r in found.results)


def test_allow_incomplete(verified: Path, gencpp: Gencpp) -> None:
    done = gencpp("verify", verified, "--allow-incomplete", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["status"] == "incomplete"


def test_a_root_that_somebody_names_must_be_right(verified: Path, tmp_path: Path, gencpp: Gencpp) -> None:
    folder = tmp_path / "photo"
    shutil.copytree(verified, folder, ignore=shutil.ignore_patterns("build", "verify"))
    done = gencpp("verify", folder, "--tensorrt-root", tmp_path / "nowhere", "--allow-incomplete")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "configure failed" in done.stderr and "nowhere" in done.stderr
    assert report_of(folder)["status"] == "failed"


def test_another_model_in_the_onnx_file_is_found(trt_project: Path, tmp_path: Path, gencpp: Gencpp) -> None:
    """One weight tensor perturbed by 1 %, the manifest left as it was."""
    import numpy as np
    import onnx
    from onnx import numpy_helper

    folder = tmp_path / "photo"
    shutil.copytree(trt_project, folder)
    file = folder / "assets" / "model.onnx"
    model = onnx.load(file)
    weight = next(i for i in model.graph.initializer if i.name == "second.weight")
    values = numpy_helper.to_array(weight)
    noise = np.random.default_rng(0).standard_normal(values.shape) * 0.01 * np.abs(values).mean()
    weight.CopyFrom(numpy_helper.from_array((values + noise).astype(values.dtype), weight.name))
    onnx.save(model, file)
    found = answers.compare_onnx(folder, read_manifest(folder).project)
    assert found.problem() and not any(r.passed for r in found.results)
    done = gencpp("verify", folder)
    assert done.returncode == 1
    step = next(s for s in report_of(folder)["steps"] if s["name"] == "onnxruntime")
    assert step["status"] == "failed" and "relative difference" in step["reason"]
    assert "edited since generation: assets/model.onnx" in done.stdout


@rtx
def test_rtx_builds_the_engine(trt_project: Path) -> None:
    checked = checks.rtx_builder(trt_project, read_manifest(trt_project).project)
    assert checked.status == "passed", checked.reason + checked.log
    assert "evidence for the graph, not for TensorRT" in checked.reason


@rtx
def test_rtx_names_what_it_does_not_take(trt_project: Path, tmp_path: Path) -> None:
    """The module path of the operator is in the message."""
    import onnx

    folder = tmp_path / "photo"
    shutil.copytree(trt_project, folder)
    file = folder / "assets" / "model.onnx"
    model = onnx.load(file)
    node = next(n for n in model.graph.node if n.op_type == "Conv" and "second" in n.name)
    node.op_type, node.domain = "Nonsense", "com.example"
    del node.attribute[:]
    onnx.save(model, file)
    checked = checks.rtx_builder(folder, read_manifest(folder).project)
    assert checked.status == "failed"
    assert "Nonsense" in checked.reason and "module second" in checked.reason, checked.reason


def test_without_rtx_the_step_names_the_command(trt_project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks.importlib.util, "find_spec", lambda _: None)
    checked = checks.rtx_builder(trt_project, read_manifest(trt_project).project)
    assert checked.status == "skipped" and "pip install 'gencpp[rtx]'" in checked.reason


def test_every_step_on_the_double(
    trt_project: Path, doubles: Callable[[str], Double], tmp_path: Path, gencpp: Gencpp
) -> None:
    """What verify does where there are TensorRT and a GPU, on the double of tests/support/fakes: evidence
    of verify's own steps, not of TensorRT. The double answers with the goldens."""
    folder = tmp_path / "photo"
    done = verify_on(doubles("10.13"), trt_project, folder, gencpp)
    assert done.returncode == 0, done.stdout + done.stderr
    report = report_of(folder)
    assert report["status"] == "passed"
    steps = {step["name"]: step["status"] for step in report["steps"]}
    assert {steps[name] for name in (*NEEDS_MODEL, "configure", "build", "test")} == {"passed"}
    assert {p["case"] for p in report["parity"]} == {"seeded-0", "seeded-1", "batch", "sizes-0", "picture"}
    assert report["bench"]["p50_ms"] > 0
    assert "layers, most time in" in next(s["reason"] for s in report["steps"] if s["name"] == "profile")
