"""The generated program on several pictures, on JPEGs decoded at a part of their size, and without CUDA."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from building import STRICT_ENV, cmake, cmake_arguments, image_libraries, must
from conftest import Gencpp
from PIL import Image
from places import GENERATED, SUPPORT

from gencpp.core.toolchain import find_toolchain
from gencpp.model.transforms import reference_tensor
from gencpp.project import read_manifest

ROOMS = ("libtorch", "cuda")
OTHERS = ("assets", "classify", "embedded", "integrity", "labels", "model")
"""Rooms of sources, and sources, that the pictures do not need."""


def run(program: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    argv = [str(program), *map(str, arguments)]
    return subprocess.run(argv, capture_output=True, text=True, check=False, timeout=300)


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Of many sizes, so that some take much longer than others."""
    folder = tmp_path_factory.mktemp("pictures")
    rng = np.random.default_rng(0)
    files = []
    for i, side in enumerate((900, 40, 33, 500, 64, 71, 48, 300)):
        files.append(folder / f"{i}.ppm")
        pixels = rng.integers(0, 256, (side, side + 7 * i, 3), dtype=np.uint8) // (i + 1)
        Image.fromarray(pixels).save(files[-1])
    return files


@pytest.fixture(scope="module")
def alone(verified_project: Path, pictures: list[Path]) -> list[str]:
    """What the program says of each picture by itself, in a run on one thread: the same bits, and text."""
    program = verified_project / "build" / "photo"
    return [must(run(program, "--threads", "1", picture)).stdout for picture in pictures]


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_each_picture_has_its_own_answer_in_its_place(
    verified_project: Path, pictures: list[Path], alone: list[str], threads: int
) -> None:
    program = verified_project / "build" / "photo"
    together = run(program, "--threads", str(threads), *pictures)
    assert together.returncode == 0, together.stderr
    assert together.stdout == "".join(alone)
    assert len({text.split("\n", 1)[1] for text in alone}) == len(pictures)  # no two have one answer


def test_an_answer_that_is_no_number_is_an_error(verified_project: Path, tmp_path: Path) -> None:
    """In the program, with its row; not a class that happens to come first, and not a wrong argument."""
    program = verified_project / "build" / "photo"
    batch = np.random.default_rng(0).normal(size=(3, 3, 32, 32)).astype(np.float32)
    np.save(tmp_path / "good.npy", batch)
    assert must(run(program, "--json", "--input", tmp_path / "good.npy")).stdout.count('"top"') == 3
    batch[1] *= np.float32(5e37)  # the head's sums overflow; of a NaN before it, oneDNN's ReLU makes a 0
    np.save(tmp_path / "bad.npy", batch)
    ran = run(program, "--input", tmp_path / "bad.npy")
    assert ran.returncode == 1, ran.stdout + ran.stderr
    assert "the model's answer cannot be classified" in ran.stderr and "(row 1)" in ran.stderr
    assert "nan" not in ran.stdout


def test_a_picture_that_fails_costs_no_other_its_answer(
    verified_project: Path, pictures: list[Path], tmp_path: Path
) -> None:
    program = verified_project / "build" / "photo"
    text = tmp_path / "text.jpg"
    text.write_text("no picture")
    files = [tmp_path / "missing.png", *pictures[:3], text, *pictures[3:]]
    done = run(program, "--json", "--threads", "3", *files)
    assert done.returncode == 1
    assert "missing.png: no such file" in done.stderr and "text.jpg" in done.stderr
    assert f"2 of {len(files)} pictures failed" in done.stderr
    results = json.loads(done.stdout)["results"]
    assert [r["source"] for r in results] == list(map(str, files))
    assert [i for i, r in enumerate(results) if "error" in r] == [0, 4]


def test_json_is_utf_8_whatever_files_are_called(
    verified_project: Path, pictures: list[Path], tmp_path: Path
) -> None:
    program = verified_project / "build" / "photo"
    file, labels = os.fsencode(tmp_path) + b"/caf\xe9 \xed\xa0\x80.ppm", tmp_path / "labels.txt"
    shutil.copyfile(pictures[1], file)
    labels.write_bytes(b"\xef\xbb\xbf" + b"".join(b"n\xffr %d \xf0\x9f\x98\xba\n" % i for i in range(10)))
    argv = [os.fsencode(program), b"--json", b"--labels", os.fsencode(labels), file, file + b".missing"]
    done = subprocess.run(argv, capture_output=True, check=False, timeout=300)
    assert done.returncode == 1, done.stderr
    first, second = json.loads(done.stdout.decode("utf-8"))["results"]
    assert first["source"] == f"{tmp_path}/caf\ufffd \ufffd\ufffd\ufffd.ppm"
    assert "\ufffd.ppm.missing" in second["error"].replace(" \ufffd\ufffd", "")
    for top in first["top"]:  # the first, too, without the mark in front of it
        assert top["label"] == f"n\ufffdr {top['index']} \U0001f63a"
    plain = subprocess.run([*argv[:1], *argv[2:5]], capture_output=True, check=True, timeout=300).stdout
    assert b"n\xffr " in plain and b"\xef\xbb\xbf" not in plain


def test_too_many_threads_are_refused_by_the_option_s_name(
    verified_project: Path, pictures: list[Path]
) -> None:
    program = verified_project / "build" / "photo"
    for files in (pictures[:1], pictures[:2]):
        done = run(program, "--threads", "999999", *files)
        told = "photo: --threads needs a whole number from 0 to 1024, got '999999'; see --help\n"
        assert (done.returncode, done.stderr) == (2, told)
    for program in (verified_project / "build" / "photo_bench", verified_project / "build" / "photo"):
        done = run(program, "--threads", "-1")
        told = f"{program.name}: --threads needs a whole number from 0 to 1024, got '-1'; see --help\n"
        assert (done.returncode, done.stderr) == (2, told)


@pytest.mark.parametrize(
    "command",
    [
        ("photo", "--help"),
        ("photo_bench", "--help"),
        ("photo_bench", "--device", "cpu", "--iterations", "1", "--warmup", "0"),
        ("photo_bench", "--memory-runs", "1"),
    ],
)
def test_standard_output_that_takes_nothing(verified_project: Path, command: tuple[str, ...]) -> None:
    name, *options = command
    with Path("/dev/full").open("w") as full:
        argv = [str(verified_project / "build" / name), *options]
        done = subprocess.run(argv, stdout=full, stderr=subprocess.PIPE, text=True, check=False, timeout=300)
    assert done.returncode == 1 and f"{name}: cannot write to standard output" in done.stderr


def test_bench_says_what_an_option_needs(verified_project: Path) -> None:
    program = verified_project / "build" / "photo_bench"
    for option, needs in {
        "--seconds=0": "a number of 0.001 or more",
        "--max-regression=-1": "a number of 0 or more",
        "--iterations=x": "a whole number of 1 or more",
        "--device=gpu": "cpu, cuda or cuda:N",
        "--device=cuda:-1": "cpu, cuda or cuda:N",
        "--baseline=": "a file",
    }.items():
        name, _, value = option.partition("=")
        done = run(program, option)
        told = f"photo_bench: {name} needs {needs}, got '{value}'; see --help\n"
        assert (done.returncode, done.stderr) == (2, told)


def test_fast_jpeg_is_draft_and_off_by_default(verified_project: Path, tmp_path: Path) -> None:
    if missing := image_libraries():
        pytest.skip(f"needs the development files of {missing}")
    program = verified_project / "build" / "photo"
    spec = read_manifest(verified_project).project.model.preprocess
    assert spec is not None
    shorter = 40  # of tests/support/models/photo.py: a picture of this shorter side is decoded at an eighth
    rng = np.random.default_rng(1)
    whole = Image.fromarray(rng.integers(0, 256, (8 * shorter + 5, 8 * shorter + 90, 3), dtype=np.uint8))
    file, ours = tmp_path / "large.jpg", tmp_path / "ours.npy"
    whole.save(file, quality=95)

    must(run(program, "--save-input", ours, file))
    with Image.open(file) as opened:
        np.testing.assert_array_equal(np.load(ours)[0], reference_tensor(spec, opened))
    must(run(program, "--fast-jpeg", "--save-input", ours, file))
    with Image.open(file) as opened:
        opened.draft(None, (shorter, shorter))
        assert opened.size == (52, 41)
        np.testing.assert_array_equal(np.load(ours)[0], reference_tensor(spec, opened))

    # The same for several pictures: other answers than without, those of one picture alone.
    several = must(run(program, "--fast-jpeg", "--threads", "2", file, file)).stdout
    assert several == 2 * must(run(program, "--fast-jpeg", "--threads", "1", file)).stdout
    assert several != must(run(program, "--threads", "2", file, file)).stdout


@pytest.mark.full("sanitizers")
@pytest.mark.parametrize("sanitizer", ["thread", "address,undefined"])
def test_many_pictures_under_a_sanitizer(sanitizer: str, tmp_path: Path) -> None:
    """The project's own test of them, with a model that needs no backend."""
    compiler = str(find_toolchain().compiler)
    flags = ["-std=c++17", "-O1", "-g", "-pthread", f"-fsanitize={sanitizer}", "-fno-sanitize-recover=all"]
    trivial = ["-x", "c++", "-", "-o", str(tmp_path / "trivial")]
    probe = subprocess.run(
        [compiler, *flags, *trivial], input="int main() {}", capture_output=True, text=True, check=False
    )
    if probe.returncode != 0 or run(tmp_path / "trivial").returncode != 0:
        pytest.skip(f"no -fsanitize={sanitizer} here: {probe.stderr[-300:]}")
    found = sorted((GENERATED / "src").rglob("*.cpp"))
    sources = [f for f in found if f.parent.name not in ROOMS and f.stem not in OTHERS]
    sources += [GENERATED / "tests" / name for name in ("places.cpp", "test_pictures.cpp")]
    sources.append(SUPPORT / "fakes" / "model_double.cpp")
    folders = [f'#define SAMPLE_TEST_{what} "{tmp_path}"\n' for what in ("GOLDENS", "SCRATCH")]
    (tmp_path / "test_folders.hpp").write_text("".join(folders))
    includes = [f"-I{folder}" for folder in (*(GENERATED / n for n in ("include", "src", "tests")), tmp_path)]
    program = tmp_path / "pictures"
    argv = [compiler, *flags, "-ffp-contract=off", *includes, *map(str, sources), "-ldl"]
    must(subprocess.run([*argv, "-o", str(program)], capture_output=True, text=True, check=False))
    done = run(program)
    assert done.returncode == 0 and done.stdout == "passed\n" and done.stderr == "", done.stdout + done.stderr


def libraries(program: Path) -> str:
    return must(subprocess.run(["ldd", str(program)], capture_output=True, text=True, check=False)).stdout


def test_a_project_for_the_cpu_needs_no_library_of_cuda(verified_project: Path, tmp_path: Path) -> None:
    program = verified_project / "build" / "photo"
    names = libraries(program)
    assert "libtorch_cpu" in names and "libtorch_cuda" not in names and "libtorch.so" not in names
    refused = run(program, "--device", "cuda", verified_project / "assets" / "goldens" / "golden.ppm")
    assert refused.returncode == 3 and "this project is for the CPU alone" in refused.stderr
    options = ("-DPHOTO_CUDA=ON", *cmake_arguments())
    asked = cmake("-S", verified_project, "-B", tmp_path / "build", "-G", "Ninja", *options)
    assert asked.returncode != 0 and "was made for the CPU alone" in asked.stderr


def test_a_project_for_any_device_has_a_build_without_cuda(
    photo_any_project: Path, verified_project: Path, tmp_path: Path, gencpp: Gencpp
) -> None:
    folder = Path(shutil.copytree(photo_any_project, tmp_path / "photo"))
    done = gencpp("verify", folder, "--only", "test,parity", "--allow-incomplete", env=STRICT_ENV)
    assert done.returncode == 0, done.stdout + done.stderr
    picture = folder / "assets" / "goldens" / "golden.ppm"
    theirs = must(run(verified_project / "build" / "photo", picture)).stdout.splitlines()[1:]
    program = folder / "build" / "photo"
    assert must(run(program, picture)).stdout.splitlines()[1:] == theirs
    asked = "CUDA is not available"
    if "libtorch_cuda" in libraries(program):  # not where LibTorch is a CPU build
        refused = run(program, "--device", "cuda", picture)
        assert refused.returncode == 0 or (refused.returncode == 3 and asked in refused.stderr)
    lean = [f"-DPHOTO_{what}=OFF" for what in ("CUDA", "BUILD_TESTS", "BUILD_BENCH")]
    must(cmake("--preset", "release", *lean, *cmake_arguments(), cwd=folder))
    must(cmake("--build", folder / "build"))
    names = libraries(program)
    assert "libtorch_cpu" in names and "libtorch_cuda" not in names and "libtorch.so" not in names
    assert must(run(program, picture)).stdout.splitlines()[1:] == theirs
    refused = run(program, "--device", "cuda", picture)
    assert refused.returncode == 3 and "PHOTO_CUDA=OFF" in refused.stderr
