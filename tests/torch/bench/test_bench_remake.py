"""The Python model of a project, made again: from what the manifest says, and nothing that it does not."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

from places import MODELS

from gencpp.bench import subjects
from gencpp.bench.build import Built
from gencpp.bench.options import Options
from gencpp.bench.remake import remake
from gencpp.project import read_manifest

PATH = str(MODELS)
Gencpp = Callable[..., subprocess.CompletedProcess[str]]


def gathered(folder: Path, scratch: Path, *path: str) -> subjects.Field:
    """The peers of a project that is not built."""
    project = read_manifest(folder).project
    built = Built(key="it", folder=folder, project=project, program=folder, bench=folder)
    asked = Options(
        folders=(folder,),
        against=("eager", "torchscript", "onnxruntime"),
        path=path,
        models=("photo:model",),
    )
    return subjects.gather(built, asked, scratch, progress=lambda _: None)


def names(field: subjects.Field) -> list[str]:
    return [peer.name for peer in field.peers]


def test_a_factory(photo_project: Path, tmp_path: Path) -> None:
    found = gathered(photo_project, tmp_path, PATH)
    assert names(found) == ["eager", "torchscript", "onnxruntime"] and not found.skipped
    setting = subjects.Setting(batch=2, threads=1, seconds=0.01, warmup=1)
    for peer in found.peers:
        sample = peer.time(setting)
        assert sample.data["times_ms"] and sample.data["wall_s"] >= 0.01


def test_goldens_decide_whether_it_is_the_same_model(photo_project: Path, tmp_path: Path) -> None:
    project = shutil.copytree(photo_project, tmp_path / "photo")
    goldens = project / "assets" / "goldens"
    shutil.copyfile(goldens / "seeded-1-output-0.npy", goldens / "seeded-0-output-0.npy")
    (tmp_path / "scratch").mkdir()
    found = gathered(project, tmp_path / "scratch", PATH)
    assert not found.peers
    for why in found.skipped.values():
        assert why.startswith("it answers otherwise than the model: seeded-0/logits differs by ")


def test_a_torchscript_file(photo_project: Path, tmp_path: Path, gencpp: Gencpp) -> None:
    """Its folder is not in the manifest, so --path names it."""
    (tmp_path / "models").mkdir()
    (tmp_path / "scratch").mkdir()
    shutil.copyfile(photo_project / "assets" / "model.pt", tmp_path / "models" / "given.pt")
    arguments = ("--model", tmp_path / "models" / "given.pt", "--input", "image:1x3x32x32:float32")
    done = gencpp("new", *arguments, tmp_path / "out")
    assert done.returncode == 0, done.stderr
    found = gathered(tmp_path / "out", tmp_path / "scratch", str(tmp_path / "models"))
    assert names(found) == ["torchscript", "onnxruntime"]
    assert "there is no eager model: the source given.pt" in found.skipped["eager"]
    project = read_manifest(tmp_path / "out").project
    for file, why in remake(project, ("eager", "onnx"), tmp_path, ()).values():
        assert file is None and "the Python model cannot be made again" in why and "given.pt" in why


def test_a_tensorrt_project_s_onnx_file_is_taken_as_it_is(trt_project: Path, tmp_path: Path) -> None:
    found = gathered(trt_project, tmp_path, PATH)
    assert names(found) == ["eager", "onnxruntime"]
    assert found.peers[1].model == trt_project / "assets" / "model.onnx"
    assert found.skipped == {
        "torchscript": "the project's artifact is onnx, which TorchScript does not run",
    }


def test_a_network_that_is_code_is_exported_again(network_project: Path, tmp_path: Path) -> None:
    found = gathered(network_project, tmp_path, PATH)
    assert names(found) == ["eager", "onnxruntime"]
    assert found.peers[1].model.parent.parent == tmp_path
