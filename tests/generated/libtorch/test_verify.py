"""Generated projects, really built: verify, moves, edits, hosts, options."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from building import cmake, cmake_arguments, ctest, must
from conftest import ON_CPU, photo_arguments
from places import ROOT

from gencpp.verification.hints import hint_for

Gencpp = Callable[..., subprocess.CompletedProcess[str]]


def steps(folder: Path) -> dict[str, str]:
    report = json.loads((folder / "verify.json").read_text())
    return {step["name"]: step["status"] for step in report["steps"]}


def test_verify_passes_every_step(verified_project: Path) -> None:
    report = json.loads((verified_project / "verify.json").read_text())
    assert report["schema"] == 1 and report["status"] == "passed"
    assert set(steps(verified_project).values()) == {"passed"}
    assert list(steps(verified_project)) == [
        *("doctor", "configure", "build", "test", "parity", "bench"),
        *("consumer-subdirectory", "install", "consumer-package"),
    ]
    assert {p["case"] for p in report["parity"]} == {"seeded-0", "seeded-1", "batch", "sizes-0", "picture"}
    assert all(p["passed"] and p["max_rel_diff"] <= 1e-4 for p in report["parity"])
    for key in ("p50_ms", "p90_ms", "p99_ms", "throughput_per_s", "batch", "threads"):
        assert report["bench"][key] > 0
    for step in report["steps"]:
        assert (verified_project / step["log"]).is_file(), step
    reason = next(s["reason"] for s in report["steps"] if s["name"] == "consumer-subdirectory")
    taken, of, whole = reason.split()[:3]
    # All but the host's own, and src/assets/source_folder.cpp, whose header is in a build's own folder.
    assert of == "of" and int(taken) == int(whole) - 2 >= 25, reason


def test_a_model_that_does_not_load_is_told_as_verify_reads_it(
    verified_project: Path, tmp_path: Path
) -> None:
    """What verify looks at when tests have failed, and the hint to the message."""
    shutil.copytree(verified_project / "assets", tmp_path / "assets")
    argv = [verified_project / "build" / "photo", "--info", "--check", "full"]
    environment = {**os.environ, "PHOTO_ASSETS": str(tmp_path / "assets")}
    codes, hints = [], []
    for _ in range(2):
        done = subprocess.run(argv, capture_output=True, text=True, env=environment, check=False)
        codes.append(done.returncode)
        hints.append(hint_for(done.stdout + done.stderr))
        model = tmp_path / "assets" / "model.pt"
        model.write_bytes(model.read_bytes()[:-1] + b"!")
    assert codes == [0, 1] and done.stderr.splitlines()[-1].startswith("photo: ")
    assert hints[0] == "" and hints[1].startswith("An asset is not the one that was generated")


def test_the_time_of_each_operator(verified_project: Path, tmp_path: Path) -> None:
    file = tmp_path / "profile.json"
    program = verified_project / "build" / "photo_bench"
    argv = [program, "--iterations", "20", "--json", "--profile", "--exportProfile", file]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    count, *operators = json.loads(file.read_text())
    assert count == {"count": 20} and [x["name"] for x in report["layers"][1:]] == [
        x["name"] for x in operators
    ]
    times = [x["averageMs"] for x in operators]
    assert times == sorted(times, reverse=True) and times[-1] >= 0 and times[0] > 0
    assert sum(x["percentage"] for x in operators) == pytest.approx(100)
    names = {x["name"] for x in operators}
    assert any(name.startswith(("aten::", "LlgaPartition", "mkldnn")) for name in names), names


def test_a_moved_project_verifies_again(
    verified_project: Path, tmp_path_factory: pytest.TempPathFactory, gencpp: Gencpp
) -> None:
    """With its build folder, whose CMake cache then belongs to another place; and with an edit.

    That place has every character that CMake, Ninja and shells treat specially and that works.
    """
    moved = tmp_path_factory.mktemp("moved") / "it's #1, $HOME (größe) & 100% {more} =@~!+"
    shutil.copytree(verified_project, moved)
    main = moved / "app" / "main.cpp"
    main.write_text(main.read_text().replace("// Runs the model", "// Edited. Runs the model"))
    done = gencpp("verify", moved)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "edited since generation: app/main.cpp" in done.stdout
    assert json.loads((moved / "verify.json").read_text())["edited"] == ["app/main.cpp"]
    cache = (moved / "build" / "CMakeCache.txt").read_text()
    assert str(verified_project) not in cache
    again = must(cmake("--build", moved / "build"))
    assert "no work to do" in again.stdout  # Ninja finds what the compiler read

    arguments = (*photo_arguments(moved.parent / "labels.txt"), *ON_CPU)
    done = gencpp(*arguments, moved)
    assert done.returncode == 2 and "app/main.cpp" in done.stderr and "--force" in done.stderr
    assert "// Edited." in main.read_text()
    done = gencpp(*arguments, moved, "--force")
    assert done.returncode == 0, done.stderr
    assert "// Edited." not in main.read_text()
    assert (moved / "build").is_dir()


def test_code_that_does_not_compile_is_a_report(photo_copy: Path, gencpp: Gencpp) -> None:
    """In a file that is compiled early, so that the test need not wait for the one with torch."""
    (photo_copy / "src" / "tensor" / "tensor.cpp").write_text("#error edited away\n")
    done = gencpp("verify", photo_copy)
    assert done.returncode == 1
    assert "build failed" in done.stderr and "edited away" in done.stderr and "Traceback" not in done.stderr
    found = steps(photo_copy)
    assert found["build"] == "failed" and found["parity"] == "skipped" and found["bench"] == "skipped"
    assert "edited away" in (photo_copy / "verify" / "build.log").read_text()


def test_core_builds_and_passes_without_a_backend(photo_copy: Path) -> None:
    build = photo_copy / "build-core"
    arguments = [
        "-G",
        "Ninja",
        "-DCMAKE_BUILD_TYPE=Release",
        "-DPHOTO_CORE_ONLY=ON",
        "-DTorch_ROOT=/nowhere",
        *cmake_arguments(backend=False),
    ]
    must(cmake("-S", photo_copy, "-B", build, *arguments))
    must(cmake("--build", build))
    results = ctest(build)
    assert set(results.values()) == {"Passed"}
    assert len([name for name in results if name.startswith("pixels.")]) >= 6


def test_no_image_libraries_is_said_and_skips(photo_copy: Path) -> None:
    build = photo_copy / "build-core"
    off = ["-DCMAKE_DISABLE_FIND_PACKAGE_JPEG=ON", "-DCMAKE_DISABLE_FIND_PACKAGE_PNG=ON"]
    done = must(
        cmake(
            "-S",
            photo_copy,
            "-B",
            build,
            "-G",
            "Ninja",
            "-DCMAKE_BUILD_TYPE=Release",
            "-DPHOTO_CORE_ONLY=ON",
            *off,
            *cmake_arguments(backend=False),
        )
    )
    assert "JPEG files cannot be read" in done.stdout and "PNG files cannot be read" in done.stdout
    must(cmake("--build", build))
    results = ctest(build)
    assert results["pixels.jpg"] == results["pixels.png"] == "Skipped"
    assert results["pixels.ppm"] == results["core"] == "Passed"


def test_missing_libtorch_is_one_clear_error(photo_copy: Path, tmp_path: Path) -> None:
    arguments = ["-G", "Ninja", "-DTorch_ROOT=/nowhere", *cmake_arguments(backend=False)]
    done = cmake("-S", photo_copy, "-B", tmp_path / "build", *arguments)
    assert done.returncode != 0
    assert "/nowhere" in done.stderr and "pip install torch" in " ".join(done.stderr.split())


def test_warnings_are_errors_and_assets_embed(photo_copy: Path, tmp_path: Path) -> None:
    """The dev preset, with shared libraries and embedded assets; then the assets are taken away.

    Optimised, which finds more to warn of, and most of whose objects are those of verified_project.
    """
    done = must(
        cmake(
            *(
                "--preset",
                "dev",
                "-DCMAKE_BUILD_TYPE=Release",
                "-DPHOTO_EMBED_ASSETS=ON",
                "-DBUILD_SHARED_LIBS=ON",
                *cmake_arguments(),
            ),
            cwd=photo_copy,
        )
    )
    assert "Found LibTorch" in done.stdout
    must(cmake("--build", photo_copy / "build-dev"))
    picture = shutil.copy(photo_copy / "assets" / "goldens" / "golden.ppm", tmp_path / "golden.ppm")
    (photo_copy / "assets").rename(tmp_path / "taken-away")
    ran = subprocess.run(
        [str(photo_copy / "build-dev" / "photo"), str(picture)],
        capture_output=True,
        text=True,
        cwd="/",
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    assert "class " in ran.stdout


HOST = """
cmake_minimum_required(VERSION 3.22)
project(host LANGUAGES CXX)
add_subdirectory({first} first)
set(CMAKE_CXX_STANDARD 17)
set(CMAKE_CXX_EXTENSIONS OFF)  # as examples/host_app has it, whose objects these are then
add_subdirectory({second} second)
add_executable(host main.cpp)
find_package(Threads REQUIRED)
target_link_libraries(host PRIVATE {names} Threads::Threads)
"""

MAIN = """
#include <atomic>
#include <cstdio>
#include <string>
#include <thread>
#include <vector>
#include <photo/model.hpp>
#include <classifier/model.hpp>
std::atomic<int> wrong{0};
// Loads again and again, and looks whether what was compiled has been fused.
template <typename Model> void load(bool fused) {
  for (int i = 0; i < 10; ++i) {
    const auto model = Model::load();
    if (!model.ok()) {
      ++wrong;
      std::fprintf(stderr, "%s\\n", model.error().message.c_str());
    } else if ((model->describe().find("graph fusion") != std::string::npos) != fused) {
      ++wrong;
      std::fprintf(stderr, "with or without fusion, the other was made for: %s", model->describe().c_str());
    }
  }
}
int main() {
  if (!photo::configure_process({}).ok()) return 1;
  std::vector<std::thread> threads;
  for (int i = 0; i < 3; ++i) {
    threads.emplace_back(load<photo::Model>, true);
    threads.emplace_back(load<classifier::Model>, false);
  }
  for (std::thread& one : threads) one.join();
  return wrong == 0 ? 0 : 1;
}
"""


TRICKY = """
#include <cstdio>
#include <vector>
#include <photo/model.hpp>
int fail(const char* what) { return std::fprintf(stderr, "%s\\n", what), 1; }
int main() {
  photo::LoadOptions throwing;
  throwing.log = [](photo::LogLevel, const std::string&) { throw 1.5; };
  if (photo::Model::load(throwing).ok()) return fail("a callback that throws was not reported");
  throwing.progress = [](double, const std::string&) { throw std::runtime_error("from the callback"); };
  if (photo::Model::load(throwing).ok()) return fail("a callback that throws was not reported");
  const auto model = photo::Model::load();
  if (!model) return fail(model.error().message.c_str());
  const std::vector<float> input{-1, 2, -3, 4, -5, 6};
  const photo::TensorView view = photo::view_of(input.data(), photo::Dims{1, 6});
  auto first = model->run({view});
  if (!first) return fail(first.error().message.c_str());
  if (input != std::vector<float>{-1, 2, -3, 4, -5, 6}) return fail("the input was written to");
  const float before = (*first)[0].data_as<float>()[0];
  (*first)[1].data_as<float>()[0] = 777;
  if ((*first)[0].data_as<float>()[0] != before) return fail("two outputs share memory");
  (*first)[2].data_as<float>()[0] = 777;
  const auto second = model->run(view);
  if ((*second)[2].data_as<float>()[0] != 0) return fail("a constant of the model was written to");
  photo::Tensor a(photo::DType::float32, photo::Dims{1, 4});
  photo::Tensor b(photo::DType::float32, photo::Dims{4});
  photo::Tensor c(photo::DType::float32, photo::Dims{4});
  photo::Future future = model->run_async(view, {a.view(), b.view(), c.view()});
  if (!future.get().ok() || a.data_as<float>()[0] != before) return fail("run_async");
  if (future.get().ok()) return fail("a result was taken twice");
  return 0;
}
"""


def test_memory_belongs_to_whom_the_api_says(tmp_path: Path, gencpp: Gencpp) -> None:
    """In a host with its own rules: unity builds, hidden symbols, shared libraries, fast floating point.

    The project has the name of others, with which it shares objects; of fast floating point what changes the
    process is what the linker is told, and test_host_flags looks at the sources.
    """
    project = tmp_path / "tricky"
    arguments = [
        "--model",
        "tiny:tricky",
        "--path",
        ROOT / "tests" / "support" / "models",
        "--input",
        "x:1x6:float32",
    ]
    done = gencpp("new", *arguments, *ON_CPU, "--name", "photo", project)
    assert done.returncode == 0, done.stderr
    host = tmp_path / "host"
    host.mkdir()
    (host / "main.cpp").write_text(TRICKY)
    (host / "CMakeLists.txt").write_text(
        f"""
cmake_minimum_required(VERSION 3.22)
project(host LANGUAGES CXX)
set(BUILD_SHARED_LIBS ON)
set(CMAKE_UNITY_BUILD ON)
set(CMAKE_CXX_VISIBILITY_PRESET hidden)
set(CMAKE_SHARED_LINKER_FLAGS -ffast-math)
set(CMAKE_EXE_LINKER_FLAGS -ffast-math)
set(path "the host's own" CACHE STRING "")
add_subdirectory({project} photo)
if(NOT path STREQUAL "the host's own")
  message(FATAL_ERROR "a cache entry of the host was changed")
endif()
add_executable(host main.cpp)
target_compile_options(host PRIVATE -ffast-math)
target_link_libraries(host PRIVATE photo::photo)
"""
    )
    release = "-DCMAKE_BUILD_TYPE=Release"
    must(cmake("-S", host, "-B", host / "build", "-G", "Ninja", release, *cmake_arguments()))
    must(cmake("--build", host / "build"))
    ran = subprocess.run([str(host / "build" / "host")], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr


def test_two_projects_in_one_binary_and_two_of_one_name(
    photo_project: Path, tmp_path: Path, gencpp: Gencpp
) -> None:
    other = tmp_path / "classifier"
    named = ("--name", "classifier", "--path", ROOT / "tests" / "support" / "models")
    done = gencpp(
        *("new", "--model", "tiny:two_in_three_out", *named),
        *(
            "--input",
            "left:1x6:float32",
            "--input",
            "right:1x5:float32",
            "--artifact",
            "frozen",
            *ON_CPU,
            other,
        ),
    )
    assert done.returncode == 0, done.stderr
    host = tmp_path / "host"
    host.mkdir()
    (host / "main.cpp").write_text(MAIN)  # one project is fused and one is not: LibTorch has one switch
    text = HOST.format(first=photo_project, second=other, names="photo::photo classifier::classifier")
    (host / "CMakeLists.txt").write_text(text)
    release = "-DCMAKE_BUILD_TYPE=Release"
    must(cmake("-S", host, "-B", host / "build", "-G", "Ninja", release, *cmake_arguments()))
    must(cmake("--build", host / "build"))
    ran = subprocess.run([str(host / "build" / "host")], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr

    same = shutil.copytree(photo_project, tmp_path / "same", ignore=shutil.ignore_patterns("build", "verify"))
    text = HOST.format(first=photo_project, second=same, names="photo::photo")
    (host / "CMakeLists.txt").write_text(text)
    done = cmake("-S", host, "-B", host / "again", "-G", "Ninja", *cmake_arguments())
    assert done.returncode != 0
    assert "--name OTHER_NAME" in " ".join(done.stderr.split())


def test_the_programs_speak_as_documented(verified_project: Path, tmp_path: Path) -> None:
    import numpy as np

    program = str(verified_project / "build" / "photo")
    goldens = verified_project / "assets" / "goldens"

    def run(*arguments: str | Path, bench: bool = False) -> subprocess.CompletedProcess[str]:
        argv = [program + ("_bench" if bench else ""), *map(str, arguments)]
        return subprocess.run(argv, capture_output=True, text=True, cwd=tmp_path, check=False)

    assert "--save-input" in run("--help").stdout
    assert "image: float32 ?x3x32x32, dimension 0 from 1 to 8" in run("--info").stdout

    done = run("--topk", "3", goldens / "golden.ppm", goldens / "golden.png")
    lines = done.stdout.splitlines()
    assert len(lines) == 8 and lines[0].endswith("golden.ppm") and lines[4].endswith("golden.png")
    assert lines[1:4] == lines[5:8] and "%" in lines[1] and "class " in lines[1]

    results = json.loads(run("--json", goldens / "golden.ppm").stdout)["results"]
    assert len(results[0]["top"]) == 5

    raw = tmp_path / "x.dat"
    raw.write_bytes(np.load(goldens / "seeded-0-input-0.npy").tobytes())
    assert run("--input", raw, "--output", "y.npy").returncode == 0
    expected = np.load(goldens / "seeded-0-output-0.npy")
    assert np.abs(np.load(tmp_path / "y.npy") - expected).max() <= 1e-4 * np.abs(expected).max()
    raw.write_bytes(raw.read_bytes()[:-4])
    short = run("--input", raw)
    assert short.returncode == 1 and "x.dat" in short.stderr

    (tmp_path / "note.jpg").write_text("no picture")
    for arguments, code, part in (
        ((), 2, "--help"),
        (("--no-such",), 2, "--no-such"),
        (("--topk", "0", "x.png"), 2, "--topk"),
        (("missing.png",), 1, "missing.png"),
        (("note.jpg",), 1, "note.jpg"),
        (("--input", "a.npy", "--input", "b.npy"), 2, "1 input"),
        (("--device", "tpu", "x.png"), 2, "--device"),
        (("--threads", "-1", "x.png"), 2, "--threads"),
    ):
        done = run(*arguments)
        assert done.returncode == code and part in done.stderr, (arguments, done.stderr)

    bench = json.loads(
        run(
            "--json",
            "--iterations",
            "20",
            "--workers",
            "2",
            "--batch",
            "3",
            goldens / "golden.ppm",
            bench=True,
        ).stdout
    )
    assert bench["iterations"] == 40 and bench["workers"] == 2 and bench["batch"] == 3
    assert bench["min_ms"] <= bench["p50_ms"] <= bench["p90_ms"] <= bench["p99_ms"]
    assert bench["decode_ms"] > 0 and bench["preprocess_ms"] > 0 and bench["infer_ms"] > 0
    assert run("--batch", "9", bench=True).returncode != 0


def test_a_project_that_was_broken_at_run_time(verified_project: Path, tmp_path: Path) -> None:
    """Swapped and missing artifacts are named with both hashes, in the program as in the API."""
    assets = tmp_path / "assets"
    shutil.copytree(verified_project / "assets", assets)
    program = verified_project / "build" / "photo"
    environment = {"PHOTO_ASSETS": str(assets)}

    def run() -> subprocess.CompletedProcess[str]:
        argv = [str(program), str(assets / "goldens" / "golden.ppm")]
        return subprocess.run(argv, capture_output=True, text=True, env=environment, check=False)

    assert run().returncode == 0
    (assets / "model.pt").write_bytes(b"another model")
    manifest = json.loads((verified_project / "gencpp.json").read_text())
    done = run()
    assert done.returncode == 1 and manifest["project"]["artifact"]["sha256"] in done.stderr
    (assets / "model.pt").unlink()
    done = run()
    assert done.returncode == 1 and "PHOTO_ASSETS" in done.stderr and "Traceback" not in done.stderr


def test_host_app_takes_a_project_in_both_ways(
    verified_project: Path, tmp_path: Path, gencpp: Gencpp
) -> None:
    host = ROOT / "examples" / "host_app"
    classifier = tmp_path / "classifier"
    done = gencpp(*photo_arguments(tmp_path / "labels.txt", name="classifier"), *ON_CPU, classifier)
    assert done.returncode == 0, done.stderr
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    shutil.copy(classifier / "assets" / "goldens" / "golden.ppm", pictures / "a.ppm")
    release = "-DCMAKE_BUILD_TYPE=Release"
    common = ["-G", "Ninja", release, f"-DPHOTOSORT_TEST_PICTURES={pictures}", *cmake_arguments()]

    inside = tmp_path / "inside"
    must(cmake("-S", host, "-B", inside, f"-DPHOTOSORT_CLASSIFIER_DIR={classifier}", *common))
    must(cmake("--build", inside))
    assert set(ctest(inside).values()) == {"Passed"}

    # The library that the host has just built, installed on its own, then found as a package.
    must(
        cmake(
            "-S",
            classifier,
            "-B",
            tmp_path / "own",
            "-DCLASSIFIER_BUILD_TESTS=OFF",
            release,
            *("-DCMAKE_CXX_STANDARD=17", "-DCMAKE_CXX_EXTENSIONS=OFF"),  # the host's: the objects are equal
            "-G",
            "Ninja",
            *cmake_arguments(),
        )
    )
    must(cmake("--build", tmp_path / "own"))
    must(cmake("--install", tmp_path / "own", "--prefix", tmp_path / "prefix"))
    found = tmp_path / "found"
    must(
        cmake(
            "-S",
            host,
            "-B",
            found,
            "-DPHOTOSORT_CLASSIFIER_DIR=",
            f"-DCMAKE_PREFIX_PATH={tmp_path / 'prefix'}",
            *common,
        )
    )
    must(cmake("--build", found))
    assert set(ctest(found).values()) == {"Passed"}
    ran = subprocess.run(
        [str(found / "photosort"), str(pictures)], capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0 and ran.stdout.startswith("a.ppm\tclass "), ran.stderr
    installed = subprocess.run(
        [str(tmp_path / "prefix" / "bin" / "classifier"), str(pictures / "a.ppm")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert installed.returncode == 0 and "class " in installed.stdout, installed.stderr
