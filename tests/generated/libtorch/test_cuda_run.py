"""LibTorch projects on a GPU: on a double of LibTorch's CUDA part, and on a real one where there is one."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from building import cmake, cmake_arguments, ctest, must
from conftest import photo_arguments
from once import Once
from places import SUPPORT

Gencpp = Callable[..., subprocess.CompletedProcess[str]]
HOST = SUPPORT / "fakes" / "torch_cuda"


@dataclass(frozen=True, slots=True, kw_only=True)
class Double:
    build: Path

    def run(
        self, *command: str | Path, fault: str = ""
    ) -> tuple[subprocess.CompletedProcess[str], dict[str, int]]:
        """What the program says, and what the double counted."""
        log = self.build / f"counts-{os.getpid()}"  # the folder is shared between the tests' processes
        log.unlink(missing_ok=True)
        environment = {**os.environ, "GENCPP_TORCH_DOUBLE_LOG": str(log), "GENCPP_TORCH_DOUBLE_FAULT": fault}
        done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
        lines = log.read_text().splitlines() if log.is_file() else []
        return done, {line.split()[0]: int(line.split()[1]) for line in lines}

    def drive(self, *command: str, fault: str = "") -> tuple[str, dict[str, int]]:
        done, counts = self.run(self.build / "driver", *command, fault=fault)
        assert done.returncode == 0 and done.stdout.endswith("ok\n"), done.stdout + done.stderr
        assert "not_pinned" not in counts  # a copy that nobody waits for needs pinned memory
        return done.stdout, counts


@pytest.fixture(scope="module")
def double(photo_any_project: Path, once: Once) -> Double:
    folder = once.folder("torch_double", lambda folder: on_the_double(photo_any_project, folder))
    return Double(build=folder / "build")


def on_the_double(project: Path, folder: Path, *build: str) -> Double:
    """A copy of the project and the driver, in `folder`; `build`: arguments, for less than all of it."""
    torch = pytest.importorskip("torch")
    copy = shutil.copytree(project, folder / "photo")
    graph = (HOST / "cuda_graph.cpp.in").read_text().replace("@NAME@", "photo")
    (copy / "src" / "cuda" / "cuda_graph.cpp").write_text(graph)
    arguments = [f"-DPROJECT={copy}", "-DNAME=photo", f"-DTorch_ROOT={Path(torch.__file__).parent}"]
    arguments.append("-DCMAKE_BUILD_TYPE=Release")  # most objects are those of photo's other builds
    tools = cmake_arguments(backend=False)
    must(cmake("-G", "Ninja", "-S", HOST, "-B", folder / "build", *tools, *arguments))
    must(cmake("--build", folder / "build", *build))
    return Double(build=folder / "build")


def test_a_graph_is_captured_once_and_replayed_with_new_inputs(double: Double) -> None:
    """Three runs warm up: the first is plain, the second captures."""
    said, counts = double.drive("one", "5")
    assert "CUDA graph: on" in said and "contexts: 1 of at most 1" in said
    assert counts["capture"] == 1 and counts["replay"] == 2 + 5
    more = double.drive("one", "25")[1]
    assert more["capture"] == 1 and more["replay"] == 2 + 25
    for what in ("to_device", "to_host", "synchronize"):
        assert more[what] - counts[what] == 20  # one each for a run
    assert more["allocate"] == counts["allocate"]


@pytest.mark.parametrize(
    ("fault", "why", "warned"),
    [
        ("capture", "operation not permitted when stream is capturing", True),
        ("lane", "no more streams", True),
        ("graphs", "built without", False),
    ],
)
def test_without_graphs_it_runs_and_says_why_once(double: Double, fault: str, why: str, warned: bool) -> None:
    said, counts = double.drive("one", "5", fault=fault)
    assert f"CUDA graph: off ({why})" in said
    assert said.count("warning: runs are not replayed as CUDA graphs") == warned
    assert "and more of it" not in said
    assert "replay" not in counts and counts.get("capture", 0) == (fault == "capture")
    assert double.drive("threads", "3", fault=fault)[1].get("replay") is None


def test_many_sizes_many_threads_and_the_callers_buffers_give_equal_bits(double: Double) -> None:
    """The driver compares with runs without graphs."""
    counts = double.drive("sizes")[1]
    assert counts["capture"] >= 4 and counts["replay"] >= 12
    said, counts = double.drive("threads", "1")
    assert "contexts: 1 of at most 1" in said
    assert counts["capture"] <= 32 < counts["replay"]  # sizes come and go, and it stops capturing
    said, counts = double.drive("threads", "4")
    assert re.search(r"contexts: [234] of at most 4", said) and counts["replay"] > 32
    assert double.drive("buffers", "1")[1]["replay"] > 50


@pytest.mark.parametrize("variant", ["frozen", "fused-channels-last"])
def test_a_model_that_writes_its_input_leaves_it_as_it_was(
    variant: str, gencpp: Gencpp, tmp_path: Path
) -> None:
    """A graph is captured after a plain run on the same memory, and reads it again in every replay."""
    arguments = photo_arguments(tmp_path / "labels.txt")
    arguments[arguments.index("photo:model")] = "photo:writing_model"
    done = gencpp(*arguments, "--artifact", variant, tmp_path / "made" / "photo")
    assert done.returncode == 0, done.stdout + done.stderr
    double = on_the_double(tmp_path / "made" / "photo", tmp_path / "double", "--target", "driver")
    assert double.drive("sizes")[1]["replay"] > 0
    assert double.drive("buffers", "1")[1]["replay"] > 0


def test_the_projects_own_tests_pass_and_its_programs_tell_stages(
    double: Double, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PHOTO_TEST_DEVICE", "cuda")
    results = ctest(double.build)
    assert set(results.values()) <= {"Passed", "Skipped"}, results
    assert results["golden.batch"] == results["threads"] == "Passed"
    program = double.build / "project" / "photo"
    goldens = double.build.parent / "photo" / "assets" / "goldens"
    argv = ("--device", "cuda", "--input", next(goldens.glob("seeded-0-input-0.npy")))
    graph, plain = double.build / "graph.npy", double.build / "plain.npy"
    done, counts = double.run(program, *argv, "--output", graph)
    assert done.returncode == 0 and counts["replay"] == 3, done.stderr
    done, counts = double.run(program, *argv, "--output", plain, "--noCudaGraph")
    assert done.returncode == 0 and "replay" not in counts, done.stderr
    assert plain.read_bytes() == graph.read_bytes()
    timed, _ = double.run(double.build / "project" / "photo_bench", "--device", "cuda", "--iterations", "20")
    assert timed.returncode == 0 and "device ms    h2d" in timed.stdout, timed.stdout + timed.stderr
    told, _ = double.run(program, "--device", "cuda", "--info", "--noCudaGraph")
    assert "CUDA graph: off (EngineOptions::cuda_graph)" in told.stdout
    away, _ = double.run(program, "--device", "cuda:1", "--info")
    assert away.returncode == 3 and "there is no CUDA device 1" in away.stderr


# --- on a GPU ------------------------------------------------------------------------------------------


def need_gpu() -> None:
    torch = pytest.importorskip("torch")
    if not torch.cuda.is_available():
        pytest.skip(f"torch {torch.__version__} sees no NVIDIA GPU")


def build_real(project: Path, build: Path) -> Path:
    """The project and the driver on the LibTorch that is there; CUDA graphs are a must."""
    import torch

    arguments = [f"-DPROJECT={project}", "-DNAME=photo", f"-DTorch_ROOT={Path(torch.__file__).parent}"]
    arguments += ["-DDOUBLE=OFF", "-DPHOTO_CUDA=ON", "-DCMAKE_BUILD_TYPE=Release"]
    must(cmake("-G", "Ninja", "-S", HOST, "-B", build, *cmake_arguments(backend=False), *arguments))
    must(cmake("--build", build))
    return build


@pytest.fixture(scope="module")
def real(photo_any_project: Path, once: Once) -> Path:
    need_gpu()
    return once.folder("real_gpu", lambda folder: build_real(photo_any_project, folder / "build")) / "build"


def drive(build: Path, *command: str) -> str:
    done = subprocess.run([build / "driver", *command], capture_output=True, text=True, check=False)
    assert done.returncode == 0 and done.stdout.endswith("ok\n"), done.stdout + done.stderr
    return done.stdout


@pytest.mark.gpu
def test_gpu_graphs_give_the_bits_of_plain_runs(real: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said = drive(real, "one", "20")
    assert "CUDA graph: on" in said and "warning" not in said
    for command in (("sizes",), ("threads", "1"), ("threads", "8"), ("buffers", "0")):
        drive(real, *command)
    monkeypatch.setenv("PHOTO_TEST_DEVICE", "cuda")
    results = ctest(real)
    assert set(results.values()) == {"Passed"}, results


@pytest.mark.gpu
@pytest.mark.parametrize(
    "options", [("--precision", "fp16"), ("--precision", "bf16"), ("--artifact", "plain")]
)
def test_gpu_precisions_and_plain_torchscript_answer_as_the_model_does(
    options: tuple[str, ...], gencpp: Gencpp, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    need_gpu()
    done = gencpp(*photo_arguments(tmp_path / "labels.txt"), *options, tmp_path / "photo")
    assert done.returncode == 0, done.stdout + done.stderr
    build = build_real(tmp_path / "photo", tmp_path / "build")
    monkeypatch.setenv("PHOTO_TEST_DEVICE", "cuda")
    results = ctest(build)
    assert set(results.values()) == {"Passed"}, results
    assert "CUDA graph: on" in drive(build, "one", "5")


@pytest.mark.gpu
def test_gpu_compiled_code_answers_as_the_model_does(gencpp: Gencpp, tmp_path: Path) -> None:
    need_gpu()
    arguments = (*photo_arguments(tmp_path / "labels.txt"), "--artifact", "aoti", "--device", "cuda")
    done = gencpp(*arguments, tmp_path / "photo")
    assert done.returncode == 0, done.stdout + done.stderr
    build = build_real(tmp_path / "photo", tmp_path / "build")
    results = ctest(build)  # the GPU is the default device of what was compiled for it
    assert set(results.values()) == {"Passed"}, results
    drive(build, "threads", "4")


@pytest.mark.gpu
def test_gpu_a_model_that_waits_for_a_value_runs_without_graphs(gencpp: Gencpp, tmp_path: Path) -> None:
    need_gpu()
    arguments = photo_arguments(tmp_path / "labels.txt")
    arguments[arguments.index("photo:model")] = "photo:waiting_model"
    done = gencpp(*arguments, "--artifact", "frozen", tmp_path / "photo")
    assert done.returncode == 0, done.stdout + done.stderr
    build = build_real(tmp_path / "photo", tmp_path / "build")
    said = drive(build, "one", "5")
    assert "CUDA graph: off (" in said and said.count("warning: runs are not replayed") == 1
    drive(build, "threads", "4")
