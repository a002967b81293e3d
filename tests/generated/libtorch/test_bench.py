"""`gencpp bench` and the generated benchmark's own comparison, on a project that is really built."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from building import WITHOUT_CUDA, cmake, cmake_arguments, must
from places import MODELS, ROOT

from gencpp.backends.libtorch.variants import DEFAULT
from gencpp.bench.options import PEERS
from gencpp.bench.page import available
from gencpp.core.toolchain import find_toolchain

Gencpp = Callable[..., subprocess.CompletedProcess[str]]
Bench = Callable[..., subprocess.CompletedProcess[str]]

QUICK = ("--rounds", "1", "--seconds", "0.02", "--threads", "1")


@pytest.fixture(scope="module")
def bench(gencpp: Gencpp) -> Bench:
    return partial(gencpp, "bench")


@pytest.fixture(scope="module")
def verified_project(verified_project: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy: the command builds in the project's folder, and tests change it for a moment.

    With fewer goldens, which every command compares first, and programs that start without CUDA's libraries.
    """
    folder = tmp_path_factory.mktemp("timed") / "photo"
    shutil.copytree(verified_project, folder, ignore=shutil.ignore_patterns("build", "verify"))
    manifest = json.loads((folder / "gencpp.json").read_text())
    cases = manifest["project"]["goldens"]["cases"]
    cases[:] = [case for case in cases if case["name"] in ("seeded-0", "seeded-1", "picture")]
    (folder / "gencpp.json").write_text(json.dumps(manifest))
    must(cmake("--preset", "release", *WITHOUT_CUDA, *cmake_arguments(), cwd=folder))
    return folder


@pytest.fixture(scope="module")
def measured(verified_project: Path, tmp_path_factory: pytest.TempPathFactory, bench: Bench) -> Path:
    """The folder that a whole bench, with growth, wrote."""
    out = tmp_path_factory.mktemp("bench")
    growth = ("--growth", "--growth-loads", "8", "--growth-runs", "200", "--growth-megapixels", "0.5")
    named = ("--model", "photo:model", "--path", MODELS)
    arguments = (*QUICK, "--batch", "1,4", *named, "--out", out, *growth)
    done = bench(verified_project, *arguments)
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.match(r"photo in C\+\+ on LibTorch (is .* eager.*: |takes )[\d.]+ ms a run \(", done.stdout)
    return out


@pytest.fixture(scope="module")
def report(measured: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((measured / "bench.json").read_text())
    return found


def test_every_installed_peer_runs_the_same_model(report: dict[str, Any]) -> None:
    (project,) = report["projects"]
    subjects = {r["subject"] for r in report["runs"]}
    assert {"c++", "eager", "torchscript", "onnxruntime"} <= subjects
    assert subjects - {"c++"} | set(project["skipped"]) == set(PEERS)
    for name, why in project["skipped"].items():
        assert why == f"{name} is not installed: pip install {name}"  # and for no other reason


def test_every_setting_has_its_rounds_and_ratios(report: dict[str, Any]) -> None:
    subjects = {r["subject"] for r in report["runs"]}
    for subject in subjects:
        runs = [r for r in report["runs"] if r["subject"] == subject]
        assert [(r["batch"], r["threads"]) for r in runs] == [(1, 1), (4, 1)]
        for run in runs:
            assert len(run["rounds"]) == 1 and run["p50_ms"] > 0 and run["throughput_per_s"] > 0
            assert run["quantiles_ms"] == sorted(run["quantiles_ms"])
            assert run["peak_bytes"] > 10 << 20
    assert {(r["peer"], r["batch"]) for r in report["ratios"]} == {
        (subject, batch) for subject in subjects - {"c++"} for batch in (1, 4)
    }
    assert all(r["low"] <= r["median"] <= r["high"] for r in report["ratios"])
    assert {s["subject"] for s in report["start"]} == subjects
    assert all(s["seconds"] > 0 and len(s["rounds"]) == 1 for s in report["start"])
    assert {s["subject"] for s in report["stages"]} == {"c++", "eager"}
    assert all(s["decode_ms"] > 0 and s["preprocess_ms"] > 0 for s in report["stages"])


def test_where_and_what_was_run(report: dict[str, Any]) -> None:
    count = len(os.sched_getaffinity(0))
    assert [row["threads"] for row in report["pinning"]] == list(range(1, count + 1))
    assert all(len(row["processors"]) == row["threads"] for row in report["pinning"][:-1])
    assert report["pinning"][-1]["reason"] == f"on all {count} processors"
    assert report["projects"][0]["artifact"]["variant"] == DEFAULT
    assert 0 <= report["machine"]["other_work"]["share"] <= 1


@pytest.mark.parametrize("program", ["photo", "photo_bench"])
def test_the_programs_threads_sleep_while_they_wait(
    program: str, verified_project: Path, measured: Path
) -> None:
    """As the libgomp that LibTorch brings tells it when it is loaded, into the programs that bench built."""
    if len(os.sched_getaffinity(0)) < 2:
        pytest.skip("with one processor the programs leave it to libgomp")
    chosen = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME", "KMP_LIBRARY")
    env = {k: v for k, v in os.environ.items() if k not in chosen} | {"OMP_DISPLAY_ENV": "verbose"}
    argv = [verified_project / "build" / program, "--help"]
    done = subprocess.run(argv, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0 and "GOMP_SPINCOUNT = '0'" in done.stderr, done.stderr


def test_growth_has_its_curves(report: dict[str, Any]) -> None:
    (growth,) = report["growth"]
    curves = {c["name"]: c for c in growth["curves"]}
    assert list(curves) == ["batch", "threads", "decode", "preprocess", "loads", "runs", "sizes"]
    assert curves["batch"]["x"] == [1, 2, 4, 8] and "takes batches of 1 to 8" in curves["batch"]["stopped"]
    assert curves["batch"]["fit"]["exponent"] > 0
    assert curves["decode"]["x"] == pytest.approx([0.1, 0.2, 0.5], rel=0.01)
    assert curves["loads"]["x"][-1] == 8 and curves["runs"]["x"][-1] == 200
    assert curves["sizes"]["x"][-1] == 200  # of the batch
    assert all(c["sentence"] for c in curves.values())
    assert min(curves["loads"]["y"]) > 10  # MiB


def test_the_page_is_beside_the_figures(measured: Path) -> None:
    if not available():
        assert not (measured / "bench.html").exists()
        pytest.skip("plotly is not installed: the page was not written")
    text = (measured / "bench.html").read_text()
    assert "How many times faster the C++ program is" in text and "Memory over runs" in text


def test_nothing_of_this_machine_s_folders_is_in_the_figures(measured: Path, verified_project: Path) -> None:
    text = (measured / "bench.json").read_text()
    assert str(verified_project.parent) not in text and str(ROOT) not in text


def test_a_baseline_decides_the_exit_code(
    measured: Path, report: dict[str, Any], verified_project: Path, tmp_path: Path, bench: Bench
) -> None:
    def against(factor: float, cpu: str = "") -> subprocess.CompletedProcess[str]:
        stored = json.loads(json.dumps(report))
        for run in stored["runs"]:
            run["p50_ms"] *= factor
        stored["machine"]["cpu"] = cpu or stored["machine"]["cpu"]
        (tmp_path / "then.json").write_text(json.dumps(stored))
        arguments = (*QUICK, "--against", "none", "--out", tmp_path, "--baseline", tmp_path / "then.json")
        return bench(verified_project, *arguments)

    done = against(1000.0)
    assert done.returncode == 0 and "passed" in done.stdout, done.stdout + done.stderr
    done = against(0.001)
    assert done.returncode == 1 and "SLOWER" in done.stdout, done.stdout + done.stderr
    done = against(1.0, cpu="an abacus")
    assert done.returncode == 2 and "another machine" in done.stderr


def test_a_peer_that_answers_otherwise_is_not_timed(
    verified_project: Path, tmp_path: Path, bench: Bench
) -> None:
    """The factory gives other weights than when the project was made."""
    source = (MODELS / "photo.py").read_text()
    (tmp_path / "photo.py").write_text(source.replace("manual_seed(3)", "manual_seed(4)"))
    named = ("--model", "photo:model", "--path", tmp_path)
    arguments = (*QUICK, "--against", "eager,torchscript", *named, "--out", tmp_path, "--json")
    done = bench(verified_project, *arguments)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert "answers otherwise than the model" in found["projects"][0]["skipped"]["eager"]
    assert {r["subject"] for r in found["runs"]} == {"c++", "torchscript"}


def test_a_model_that_cannot_be_made_again_is_said(
    verified_project: Path, tmp_path: Path, bench: Bench
) -> None:
    """Without --model its code does not run; without --path it is not found."""
    for named, why in (((), "Add --model photo:model"), (("--model", "photo:model"), "no module 'photo'")):
        arguments = (*QUICK, *named, "--against", "eager,onnxruntime", "--out", tmp_path)
        done = bench(verified_project, *arguments)
        assert done.returncode == 0, done.stderr
        for peer in ("eager", "onnxruntime"):
            assert f"skipped: photo, {peer}: the Python model cannot be made again: " in done.stdout
        assert why in done.stdout


def test_a_program_that_answers_otherwise_is_not_timed(
    verified_project: Path, tmp_path: Path, bench: Bench
) -> None:
    """Goldens are swapped, so that the program's right answers are wrong ones."""
    goldens = verified_project / "assets" / "goldens"
    names = ("seeded-0-output-0.npy", "seeded-1-output-0.npy")
    kept = [(goldens / n).read_bytes() for n in names]
    try:
        for name, data in zip(names, reversed(kept), strict=True):
            (goldens / name).write_bytes(data)
        done = bench(verified_project, *QUICK, "--against", "none", "--out", tmp_path)
    finally:
        for name, data in zip(names, kept, strict=True):
            (goldens / name).write_bytes(data)
    assert done.returncode == 1 and "does not give the Python model's answers" in done.stderr
    assert not (tmp_path / "bench.json").exists()


def test_a_project_of_an_older_gencpp_is_to_be_made_anew(
    verified_project: Path, tmp_path: Path, bench: Bench
) -> None:
    """Its benchmark knows fewer options; this one stands for it, newer than what it would be built from."""
    program = verified_project / "build" / "photo_bench"
    hidden = program.rename(tmp_path / "hidden")
    try:
        program.write_text("#!/bin/sh\necho '  --json  --iterations N'\n")
        program.chmod(0o755)
        done = bench(verified_project, *QUICK, "--against", "none", "--out", tmp_path)
    finally:
        program.unlink()
        shutil.move(hidden, program)
    assert done.returncode == 2, done.stdout + done.stderr
    assert "was generated by an older gencpp: its benchmark has no --exportTimes" in done.stderr
    assert "Generate the project anew" in done.stderr and not (tmp_path / "bench.json").exists()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--against", "eager,eger"), "Choose from: eager, torchscript, onnxruntime, openvino"),
        (("--batch", "99", "--against", "none"), "photo takes 1 to 8"),
        (("--threads", "zero"), "--threads zero"),
        (("--baseline", "absent.json"), "absent.json"),
        (("--out", "/dev/null"), "--out /dev/null: there is a file in its place"),
    ],
)
def test_wrong_usage(verified_project: Path, bench: Bench, arguments: tuple[str, ...], says: str) -> None:
    done = bench(verified_project, *arguments)
    assert done.returncode == 2 and says in done.stderr, done.stderr


def test_a_folder_that_is_no_project(tmp_path: Path, bench: Bench) -> None:
    done = bench(tmp_path)
    assert done.returncode == 2 and "is not a gencpp project" in done.stderr


def test_a_project_that_cannot_run_here_lacks_something(
    trt_project: Path, tmp_path: Path, bench: Bench
) -> None:
    project = tmp_path / "photo"
    shutil.copytree(trt_project, project, ignore=shutil.ignore_patterns("build", "verify"))
    done = bench(project, *QUICK, "--against", "none")
    if done.returncode == 0:
        pytest.skip("this machine has TensorRT and a GPU")
    assert done.returncode == 3, done.stdout + done.stderr
    assert "TensorRT was not found" in done.stderr or "cannot run here" in done.stderr
    assert not (project / "bench.json").exists()


# The generated benchmark -----------------------------------------------------------------------------------


def own_bench(project: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    argv = [str(project / "build" / "photo_bench"), *map(str, arguments), "--threads", "1"]
    return subprocess.run(argv, capture_output=True, text=True, check=False)


RUN = ("--iterations", "20", "--warmup", "2")


@pytest.fixture(scope="module")
def baseline(verified_project: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    done = own_bench(verified_project, *RUN, "--json")
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_a_stored_run_decides_the_exit_code(
    verified_project: Path, baseline: dict[str, Any], tmp_path: Path
) -> None:
    file = tmp_path / "then.json"
    file.write_text(json.dumps({**baseline, "p50_ms": 1000 * baseline["p50_ms"]}))
    done = own_bench(verified_project, *RUN, "--json", "--baseline", file)
    assert done.returncode == 0, done.stderr
    assert 0 < json.loads(done.stdout)["baseline_ratio"] < 1
    file.write_text(json.dumps({**baseline, "p50_ms": baseline["p50_ms"] / 1000}))
    done = own_bench(verified_project, *RUN, "--baseline", file)
    assert done.returncode == 1 and "slower than the baseline" in done.stderr
    assert "p50" in done.stdout  # the figures are told all the same
    done = own_bench(verified_project, *RUN, "--baseline", file, "--max-regression", "1e9")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"batch": 8}, "batch 1 here, 8 there"),
        ({"threads": 3, "workers": 2}, "threads 1 here, 3 there; workers 1 here, 2 there"),
        ({"device": "cuda"}, "device cpu here, cuda there"),
        ({"p50_ms": "fast"}, "is not what `photo_bench --json` prints"),
        ({"p50_ms": -1}, "is not what `photo_bench --json` prints"),
    ],
)
def test_a_run_of_another_kind_is_refused(
    verified_project: Path, baseline: dict[str, Any], tmp_path: Path, change: dict[str, Any], says: str
) -> None:
    file = tmp_path / "then.json"
    file.write_text(json.dumps({**baseline, **change}))
    done = own_bench(verified_project, *RUN, "--baseline", file)
    assert done.returncode == 2 and says in done.stderr, done.stderr


@pytest.mark.parametrize("content", [None, "", "{}", "not JSON", '{"p50_ms": 1e999}'])
def test_a_file_that_is_no_run_is_refused(
    verified_project: Path, tmp_path: Path, content: str | None
) -> None:
    file = tmp_path / "then.json"
    if content is not None:
        file.write_text(content)
    done = own_bench(verified_project, *RUN, "--baseline", file)
    assert done.returncode == 2 and "--baseline" in done.stderr


def test_every_latency_is_exported(verified_project: Path, tmp_path: Path) -> None:
    done = own_bench(verified_project, *RUN, "--json", "--exportTimes", tmp_path / "times.json")
    assert done.returncode == 0, done.stderr
    times, told = json.loads((tmp_path / "times.json").read_text()), json.loads(done.stdout)
    assert len(times) == told["iterations"] == 20 and times == sorted(times)
    assert times[9] == pytest.approx(told["p50_ms"], rel=1e-5)


@pytest.mark.parametrize("of", ["loads", "runs"])
def test_memory_over_loads_and_runs(verified_project: Path, of: str) -> None:
    done = own_bench(verified_project, f"--memory-{of}", "5")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert (told["of"], told["count"]) == (of, 5)
    assert [done for done, _ in told["points"]] == [1, 2, 3, 4, 5]
    assert all(resident > 10 << 20 for _, resident in told["points"])


def test_ctest_compares_with_the_baseline(
    verified_project: Path, baseline: dict[str, Any], tmp_path: Path
) -> None:
    project = tmp_path / "photo"
    shutil.copytree(verified_project, project, ignore=shutil.ignore_patterns("build", "verify"))
    file = project / "baseline.json"  # named relative to the project, as in a repository
    options = [f"-D{k}={v}" for k, v in {"PHOTO_BUILD_APP": "OFF", "PHOTO_INSTALL": "OFF"}.items()]
    arguments = "--threads;1;--iterations;20"
    options += ["-DPHOTO_BENCH_BASELINE:STRING=baseline.json", f"-DPHOTO_BENCH_ARGUMENTS={arguments}"]
    build = tmp_path / "build"
    configure = ["-G", "Ninja", "-S", project, "-B", build, "-DCMAKE_BUILD_TYPE=Release"]
    must(cmake(*configure, *options, *cmake_arguments()))
    must(cmake("--build", build, "--target", "photo_bench"))
    ctest = [str(find_toolchain().ctest), "--test-dir", str(build), "-R", "^photo.bench_regression$"]
    for factor, code in ((1000.0, 0), (0.001, 8)):
        file.write_text(json.dumps({**baseline, "p50_ms": factor * baseline["p50_ms"]}))
        done = subprocess.run([*ctest, "--no-tests=error"], capture_output=True, text=True, check=False)
        assert done.returncode == code, done.stdout + done.stderr
