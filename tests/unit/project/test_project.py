"""Rendering and the one writer."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path, PurePosixPath

import pytest
from samples import classifier, tensors_only
from writing import texts_of

from gencpp import project
from gencpp.backends import backend_named
from gencpp.backends.libtorch.spec import LibTorchSpec, RunsOn
from gencpp.core.errors import GencppError, UsageError
from gencpp.core.spec import ProjectSpec

NONSENSE = "zq_wobble9"


def write(out: Path, spec: ProjectSpec) -> None:
    """As the pipeline does it, with small assets."""
    with project.writing(out) as target:
        (target.tree / "assets" / "goldens").mkdir(parents=True)
        (target.tree / "assets" / "model.pt").write_bytes(b"model")
        target.commit(spec, texts_of(spec))


def test_rendering_is_deterministic_and_pure() -> None:
    backend = backend_named("libtorch")
    assert project.render(classifier(), backend) == project.render(classifier(), backend)


@pytest.mark.parametrize("spec", [classifier(NONSENSE), tensors_only(NONSENSE)])
def test_no_name_or_placeholder_leaks(spec: ProjectSpec) -> None:
    for path, data in texts_of(spec).items():
        text = data.decode()
        for leak in ("{=", "=}", "__name__", "sample/", "sample::", "sample_", "SAMPLE_"):
            assert leak not in f"{path}\n{text}", f"{leak} in {path}"
        assert not any(folder in text for folder in ("/work/", "/home/", "/tmp/")), path
        assert text == "" or text.endswith("\n"), path
        assert not re.search(r"[ \t]+$", text, re.MULTILINE), f"trailing blanks in {path}"


def test_every_name_that_the_host_can_see_is_prefixed() -> None:
    """Targets, options, macros, CMake variables that are cached: a second project must not collide."""
    tree = texts_of(classifier(NONSENSE))
    for path, data in tree.items():
        text = data.decode()
        if (path.name == "CMakeLists.txt" and "consumer" not in path.parts) or path.suffix == ".cmake":
            for kind in ("add_library", "add_executable", "add_custom_target", "option"):
                for name in re.findall(rf"{kind}\((\S+)", text):
                    shared = name in ("gencpp::libtorch", "gencpp::libtorch_all")
                    own = name.lower().startswith(NONSENSE) or name == "${target}"
                    assert shared or own, f"{path}: {kind}({name})"
        if path.suffix in (".hpp", ".cpp"):
            for name in re.findall(r"#define (\w+)", text):
                assert name.startswith(NONSENSE.upper()) or name == "NOMINMAX", f"{path}: {name}"


def test_public_headers_show_no_backend() -> None:
    for path, data in texts_of(classifier()).items():
        if path.parts[0] == "include":
            assert not re.search(
                r"[<\"](torch|ATen|c10|NvInfer|cuda)|\b(torch|at|c10|nvinfer1)::", data.decode()
            ), path


@pytest.mark.parametrize("spec", [classifier(), tensors_only()], ids=["any", "cpu"])
def test_three_files_compile_torch(spec: ProjectSpec) -> None:
    """Each takes up to half a minute; the optional files for GPUs include tensors and streams alone."""
    including = {
        path: set(re.findall(r"#include <((?:torch|ATen|c10)/[^>]+)>", data.decode()))
        for path, data in texts_of(spec).items()
    }
    sources = {p.as_posix() for p, found in including.items() if found and p.suffix == ".cpp"}
    gpu = {p for p in sources if p.startswith("src/cuda/")}
    assert sources - gpu == {f"src/libtorch/{name}.cpp" for name in ("backend", "process", "torch_script")}
    heavy = {i for p in gpu for i in including[PurePosixPath(p)] if i.startswith("torch/")}
    assert heavy <= {"torch/csrc/api/include/torch/cuda.h"}  # declares five functions
    # TorchScript's compiler takes three times as long to read as tensors do.
    compiler = [p.as_posix() for p, found in including.items() if any("/jit/" in i for i in found)]
    assert compiler == ["src/libtorch/torch_script.cpp"]


def test_a_project_for_the_cpu_has_no_file_for_gpus() -> None:
    spec = classifier()
    runtime = replace(LibTorchSpec.of(spec), device=RunsOn.cpu)
    everywhere, on_cpu = (set(texts_of(s)) for s in (spec, replace(spec, runtime=runtime)))
    assert {p.as_posix() for p in on_cpu - everywhere} == {"src/libtorch/gpu.cpp"}
    gone = {p.as_posix() for p in everywhere - on_cpu}
    assert "src/cuda/gpu.cpp" in gone and "src/nvtx.hpp" in gone
    for path, data in texts_of(replace(spec, runtime=runtime)).items():
        assert "cuda" not in path.as_posix() and "nvtx" not in path.as_posix()
        assert not re.search(r'#include [<"](cuda|nvtx|c10/cuda|ATen/cuda)', data.decode()), path


def test_warning_about_random_weights_is_in_every_place() -> None:
    tree = texts_of(classifier())
    assert "RANDOM WEIGHTS" in tree[PurePosixPath("README.md")].decode()
    assert "RANDOM WEIGHTS" in tree[PurePosixPath("include/sample/model_info.hpp")].decode()
    assert b"kWeightsWarning" in tree[PurePosixPath("app/main.cpp")]


def test_manifest_round_trip(tmp_path: Path) -> None:
    write(tmp_path / "out", classifier())
    manifest = project.read_manifest(tmp_path / "out")
    assert manifest.project == classifier()
    assert project.edited_files(tmp_path / "out", manifest) == ()
    files = {p.relative_to(tmp_path / "out").as_posix() for p in (tmp_path / "out").rglob("*") if p.is_file()}
    assert files == set(manifest.files) | {project.MANIFEST}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{", "damaged"),
        ("{}", "damaged"),
        ('{"schema": 99}', "schema 99"),
        ('{"schema": 2, "project": {}, "files": {}}', "missing fields"),
    ],
)
def test_a_damaged_manifest(tmp_path: Path, text: str, says: str) -> None:
    (tmp_path / "gencpp.json").write_text(text)
    with pytest.raises(GencppError, match=says):
        project.read_manifest(tmp_path)


OLD = {
    "schema": 1,
    "project": {
        "name": "eyes",
        "backend": "tensorrt",
        "options": {
            "model": "nets:make",
            "weights": "auto",
            "seed": "3",
            "state_dict": "best state.pt",
            "input": "x:1x3:float32 'y::int64=a b.npy'",
            "dynamic": "x:0=1:2:4",
            "tf32": "yes",
        },
    },
}
ANEW = (
    "gencpp new --model nets:make --backend tensorrt --name eyes --input x:1x3:float32"
    " --input 'y::int64=a b.npy' --dynamic x:0=1:2:4 --weights auto --seed 3 --state-dict 'best state.pt'"
    " --tf32"
)


def test_a_manifest_of_schema_1_has_the_command_that_makes_it_anew(tmp_path: Path) -> None:
    (tmp_path / "gencpp.json").write_text(json.dumps(OLD))
    with pytest.raises(UsageError, match="has schema 1, this gencpp reads schema 2") as caught:
        project.read_manifest(tmp_path)
    assert caught.value.hint == f"Generate it anew, with folders in front of files: {ANEW} {tmp_path}-new"
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    "old",
    [{}, {"project": 5}, {"project": {"options": {"model": ["\x1b[2J"]}}}, {"project": {"options": []}}],
)
def test_one_that_tells_nothing_is_refused_too(tmp_path: Path, old: dict[str, object]) -> None:
    (tmp_path / "gencpp.json").write_text(json.dumps({**old, "schema": 1}))
    with pytest.raises(UsageError, match="schema 1") as caught:
        project.read_manifest(tmp_path)
    assert "Generate the project anew" in caught.value.hint


def test_no_manifest(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="not a gencpp project"):
        project.read_manifest(tmp_path)
    with pytest.raises(UsageError, match="does not exist"):
        project.read_manifest(tmp_path / "none")


def test_the_manifest_is_json_that_people_can_read(tmp_path: Path) -> None:
    write(tmp_path / "out", classifier())
    text = (tmp_path / "out" / "gencpp.json").read_text()
    assert "café ☕" in text
    assert json.loads(text)["schema"] == 2
