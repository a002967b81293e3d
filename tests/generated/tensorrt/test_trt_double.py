"""Generated TensorRT projects on the fault double of tests/support/fakes: the flow, and its faults.

A double: nothing here is evidence that TensorRT runs. What it proves is what a program does around TensorRT:
order of calls, lifetimes, shapes, copies, waits, the cache, and one clear error for each thing that fails.
"""

from __future__ import annotations

import ctypes
import os
import re
import resource
import signal
import struct
import subprocess
import sys
import time
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from building import cmake, cmake_arguments, compile_object, ctest, must
from conftest import Gencpp, cuda, generated, include_of
from fakes.double import SANITIZE, Double, write_table
from fakes.harness import FAKES, Host, build_host
from once import Once
from trt import MORE_VERSIONS, divided
from trt import VERSIONS as ALL

from gencpp.core.toolchain import find_toolchain

VERSIONS = divided(("8.6", "10.13", "11.0", "11.1"), ("8.6", "10.13"), MORE_VERSIONS)
MAIN = "10.13"
"""Of tests whose subject does not depend on the version."""


@pytest.fixture(scope="session")
def hosts(
    doubles: Callable[[str], Double], trt_project: Path, once: Once, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], Host]:
    """The photo project on the double of a version, built once a run."""
    made: dict[str, Host] = {}

    def get(version: str) -> Host:
        if version not in made:
            double = doubles(version)
            folder = once.folder(f"host-{version}", lambda folder: build_host(trt_project, double, folder))
            made[version] = Host.built(trt_project, folder, tmp_path_factory.mktemp(f"runs-{version}"))
        return made[version]

    return get


@pytest.fixture(params=VERSIONS)
def host(request: pytest.FixtureRequest, hosts: Callable[[str], Host]) -> Host:
    return hosts(request.param)


@pytest.fixture
def photo(hosts: Callable[[str], Host]) -> Host:
    return hosts(MAIN)


# --- the double by itself ----------------------------------------------------------------------------------

SELF_TABLE = """gencpp-double 1
table self
onnx 15 {crc:08x}
input x 0 -1 4
output y 0 =0.0 3
layers conv1 fc
item {first:08x} 16
2 1 3 x{one}x
item {second:08x} 16
2 1 3 x{two}x
"""
RIGHT = "10 11 12 20 21 22"
VIOLATIONS = {
    "graph_of_dead_context": "work ran on a context that was destroyed",
    "second_stream": "was enqueued on a second stream while its work on the first is under way",
    "two_threads": "was used by two threads at once",
    "context_under_way": "a context was destroyed while its work is under way",
    "host_pointer": "the GPU cannot reach this address",
    "misaligned": "not a multiple of 256",
    "small_buffer": "output y: 24 bytes at an address that has 8",
    "late_layer": "a tensor or a layer was used after its network was destroyed",
    "foreign_tensor": "the tensor x is of another network",
    "parser_gone": "the parser, which holds the weights, was destroyed before the build",
    "builder_first": "IBuilder was destroyed before what it made",
    "runtime_first": "IRuntime was destroyed before what it made",
    "engine_first": "ICudaEngine was destroyed before what it made",
    "not_implemented": "the double does not implement VBuilderConfig::reset",
    "leak": "1 x cudaMalloc",
    "freed_twice": "memory was released that is not allocated",
}
REFUSALS = {
    "no_address": "Neither address or allocator is set for tensor y",
    "outside_profile": "Set dimension [9,4] for tensor x does not satisfy any optimization profiles",
    "damaged_plan": "checksum == expected",
    "no_profile": "no optimization profile has been defined",
    "capture_first": "operation not permitted when stream is capturing",
    "malloc_in_capture": "failed: end capture",
}


@pytest.mark.parametrize("version", divided(ALL, ("8.6", "10.13", "11.1"), MORE_VERSIONS))
def test_stubs_are_made_of_all_headers(version: str, tmp_path: Path) -> None:
    include = include_of(version)
    generate = [sys.executable, str(FAKES / "generate_stubs.py"), str(include), str(tmp_path / "stubs.hpp")]
    subprocess.run(generate, check=True)
    text = (tmp_path / "stubs.hpp").read_text()
    classes = re.findall(r"^class (StubV\w+)", text, re.MULTILINE)
    lines = ["#include <type_traits>", '#include "stubs.hpp"', "using namespace nvinfer1::apiv;"]
    lines += [f"static_assert(!std::is_abstract_v<{name}>);" for name in classes]
    lines += ["static_assert(!std::is_abstract_v<nvonnxparser::StubIParser>);"]
    (tmp_path / "all.cpp").write_text("\n".join(lines) + "\n")
    argv = [str(find_toolchain().compiler), "-std=c++17", "-Werror", "-fsyntax-only", f"-I{tmp_path}"]
    argv += ["-isystem", str(include), "-isystem", str(cuda()), str(tmp_path / "all.cpp")]
    must(subprocess.run(argv, capture_output=True, text=True, check=False))
    # Nothing was overlooked: as many functions as the header has "= 0" outside of comments.
    header = re.sub(r"//[^\n]*", "", (include / "NvInferImpl.h").read_text())
    assert text.count('not_implemented("V') == header.count("= 0;")


@pytest.fixture(scope="session")
def selftests(
    doubles: Callable[[str], Double], once: Once
) -> Callable[[str], Callable[[str], tuple[int, str]]]:
    """selftest.cpp for a version: scenario -> exit code and output."""
    made: dict[str, Path] = {}

    def get(version: str) -> Callable[[str], tuple[int, str]]:
        if version not in made:
            double = doubles(version)
            made[version] = once.folder(
                f"selftest-{version}", lambda folder: build_selftest(version, double, folder)
            )
        folder = made[version]

        def run(scenario: str) -> tuple[int, str]:
            done = subprocess.run(
                [str(folder / "selftest"), str(folder / "self.onnx"), scenario],
                capture_output=True,
                text=True,
                env={**os.environ, "GENCPP_DOUBLE_MODEL": str(folder / "table"), "GENCPP_DOUBLE_LEAKS": "1"},
                check=False,
                timeout=60,
            )
            return done.returncode, done.stdout + done.stderr

        return run

    return get


def build_selftest(version: str, double: Double, folder: Path) -> Path:
    import zlib

    (folder / "self.onnx").write_bytes(b"not really onnx")
    rows = [struct.pack("<4f", *row) for row in ((1, 2, 3, 4), (5, 6, 7, 8))]
    results = [struct.pack("<3f", *row).hex() for row in ((10, 11, 12), (20, 21, 22))]
    crcs = [zlib.crc32(row) for row in rows]
    table = SELF_TABLE.format(
        crc=zlib.crc32(b"not really onnx"), first=crcs[0], second=crcs[1], one=results[0], two=results[1]
    )
    (folder / "table").write_text(table)
    flags = ["-std=c++17", "-Wall", "-Wextra", "-Werror", *SANITIZE]
    flags += ["-isystem", str(include_of(version)), "-isystem", str(cuda())]
    must(compile_object(double.root, "source/selftest.cpp", folder / "selftest.o", *flags))
    argv = [str(find_toolchain().compiler), *SANITIZE, str(folder / "selftest.o")]
    for place in (double.root / "lib", double.root / "cuda"):
        argv += [f"-L{place}", f"-Wl,-rpath,{place}"]
    argv += ["-lnvinfer", "-lnvonnxparser", "-lcudart", "-pthread", "-o", str(folder / "selftest")]
    must(subprocess.run(argv, capture_output=True, text=True, check=False))
    return folder


SelfTests = Callable[[str], Callable[[str], tuple[int, str]]]


@pytest.mark.parametrize("version", VERSIONS)
def test_the_double_answers_a_program_that_is_right(version: str, selftests: SelfTests) -> None:
    run = selftests(version)
    for scenario in ("right", "graph"):
        code, output = run(scenario)
        assert code == 0 and RIGHT in output, output


@pytest.mark.parametrize("version", VERSIONS)
def test_the_double_notices_what_is_wrong(version: str, selftests: SelfTests) -> None:
    run = selftests(version)
    for scenario, said in VIOLATIONS.items():
        code, output = run(scenario)
        assert code in (-signal.SIGABRT, 66) and f"DOUBLE: {'LEAK' if code == 66 else 'VIOLATION'}" in output
        assert said in output, f"{scenario}: {output}"
    for scenario, said in REFUSALS.items():
        code, output = run(scenario)
        assert code != 0 and said in output, f"{scenario}: {output}"
    # A missing wait shows as old bytes, a buffer that is written too early as another input.
    for scenario in ("no_sync", "reused_early"):
        code, output = run(scenario)
        assert code == 0 and RIGHT not in output, f"{scenario}: {output}"
    code, output = run("touch_device")
    assert code == -signal.SIGSEGV or SANITIZE
    # Before 10, contexts have to be told that they may share a profile.
    code, output = run("second_context")
    assert (code != 0 and "has been chosen by another IExecutionContext" in output) == (version == "8.6")
    if version == "8.6":
        code, output = run("implicit_batch")
        assert code != 0 and "explicit batch dimension" in output


# --- the whole flow ----------------------------------------------------------------------------------------


def test_the_generated_tests_pass(host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GENCPP_DOUBLE_MODEL", str(host.table))
    monkeypatch.setenv("GENCPP_DOUBLE_LEAKS", "1")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    results = ctest(host.build)
    assert set(results) >= {"golden.seeded-0", "golden.batch", "golden.picture", "threads", "bad_input"}
    unexpected = {k: v for k, v in results.items() if v != "Passed" and not k.startswith("pixels.")}
    assert unexpected == {}


def test_goldens_with_and_without_cuda_graphs(host: Host, tmp_path: Path) -> None:
    with_graph = host.passes("golden", cache=tmp_path)
    assert with_graph.count("graph_launch") > 20 and with_graph.count("enqueue") < 5
    without = host.passes("golden", cache=tmp_path, graph=0)
    assert without.count("graph_launch") == 0 and without.count("enqueue") > 20
    for done in (with_graph, without):
        assert done.count("unknown input") == 0
        assert done.count("pageable copy") == 0  # the GPU copies from and to pinned memory only


def test_the_second_start_reads_the_cache(host: Host, tmp_path: Path) -> None:
    first = host.passes("golden", cache=tmp_path)
    assert (first.count("parse"), first.count("built")) == (1, 1)
    second = host.passes("golden", cache=tmp_path)
    assert (second.count("createInferBuilder"), second.count("parse"), second.count("built")) == (0, 0, 0)
    assert second.count("deserialize") == 1


def test_the_build_is_asked_for_as_the_project_says(host: Host) -> None:
    (built,) = [c for c in host.passes("load").calls if c.startswith("build ")]
    strongly = "strongly_typed=0" if "fp16=" in built and "strongly_typed=0" in built else "strongly_typed=1"
    assert " tf32=0 " in built and strongly in built and " profiles=1 " in built and " timing=1 " in built
    assert "fp16=1" not in built
    options = host.passes("load", workspace=1 << 28, level=2, hardware_compatible=1, version_compatible=1)
    (built,) = [c for c in options.calls if c.startswith("build ")]
    for part in (f" workspace={1 << 28} ", " level=2 ", " hardware=1", " version=1"):
        assert part in built
    quiet = host.passes("load", timing=0)
    assert " timing=0 " in next(c for c in quiet.calls if c.startswith("build "))


def test_eight_threads_on_a_pool_of_contexts(host: Host, tmp_path: Path) -> None:
    for contexts in (0, 1, 3):
        for graph in (0, 1):
            done = host.passes("threads", cache=tmp_path, contexts=contexts, graph=graph)
            assert done.count("unknown input") == 0


def test_run_async(host: Host) -> None:
    host.passes("async")
    host.passes("async", contexts=1)


def test_device_memory_in_and_out(host: Host) -> None:
    direct = host.passes("device", graph=0)
    copied = host.passes("device", graph=0, shift=4)  # not aligned as TensorRT asks: through its own memory
    assert direct.count("unknown input") == copied.count("unknown input") == 0
    host.passes("device", contexts=1)


def test_layers_times_and_description(host: Host) -> None:
    told = host.passes("tell").output
    assert "layer conv1_+_relu 0.250" in told and "layer head 0.500" in told
    assert '"Layers"' in told and "TensorRT " in told and "Double 3000" in told
    assert "image" in told and "logits" in told


def test_two_models_and_threads_with_another_device(host: Host, tmp_path: Path) -> None:
    host.passes("two_models", cache=tmp_path)
    host.passes("other_thread", cache=tmp_path, device=1, env={"GENCPP_DOUBLE_DEVICES": "2"})


def test_streams_that_work_at_once_give_the_same(photo: Host) -> None:
    photo.passes("golden", env={"GENCPP_DOUBLE_EAGER": "1"})
    photo.passes("threads", env={"GENCPP_DOUBLE_EAGER": "1"})


def test_progress_of_the_build(photo: Host) -> None:
    told = photo.passes("load", progress=1, env={"GENCPP_DOUBLE_BUILD_MS": "40"}).output
    fractions = [float(f) for f in re.findall(r"progress: (\S+)", told)]
    assert fractions == sorted(fractions) and fractions[-1] == 1.0 and len(fractions) > 5
    assert "Timing" in told


def test_app_and_bench(host: Host) -> None:
    app, goldens = host.build / "project" / "photo", host.project / "assets" / "goldens"
    picture = host.run(app, goldens / "golden.ppm", "--json")
    assert picture.code == 0 and '"class' in picture.output, picture.output
    info = host.run(app, "--info")
    assert info.code == 0 and "profile 0: image from 1x3x32x32 to 8x3x32x32" in info.output
    bench = host.run(host.build / "project" / "photo_bench", "--iterations", "5", "--json")
    assert bench.code == 0, bench.output


# --- faults ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """A fault by the double's name, and the error that a user is to see."""

    name: str
    code: str
    says: tuple[str, ...]
    command: str = "load"
    options: tuple[tuple[str, object], ...] = ()


FAULTS = (
    Fault(name="no_driver", code="no_device", says=("no NVIDIA driver", "libcuda.so.1", "docker")),
    Fault(
        name="driver_too_old", code="no_device", says=("driver is too old", "CUDA 11.4", "update the driver")
    ),
    Fault(name="no_device", code="no_device", says=("no CUDA device", "CUDA_VISIBLE_DEVICES")),
    Fault(name="library_major", code="no_device", says=("another major version", "LD_LIBRARY_PATH")),
    Fault(name="runtime_null", code="no_device", says=("cannot start", "CUDA initialization failure")),
    Fault(name="builder_null", code="backend", says=("a builder", "CUDA initialization failure")),
    Fault(name="network_null", code="backend", says=("a network",)),
    Fault(name="config_null", code="backend", says=("a build configuration",)),
    Fault(name="parser_null", code="backend", says=("ONNX parser cannot be made",)),
    Fault(name="parse_errors", code="backend", says=("the first double error", "the second double error")),
    Fault(name="unsupported_operators", code="unsupported", says=("2 operator(s)", "Relu", "Gemm")),
    Fault(name="build_null", code="backend", says=("could not build", "Could not find any implementation")),
    Fault(name="build_oom", code="backend", says=("could not build", "OutOfMemory", "free on the device")),
    Fault(name="plan_empty", code="backend", says=("could not build the engine",)),
    Fault(name="deserialize_null", code="backend", says=("cannot use the engine", "Serialization assertion")),
    Fault(name="cuda_malloc", code="backend", says=("OutOfMemory",)),
    Fault(name="cuda_malloc@2", code="backend", says=("does not fit on the GPU", "out of memory", "free on")),
    Fault(name="cuda_malloc@3", code="backend", says=("device memory", "out of memory")),
    Fault(name="host_alloc", code="backend", says=("pinned host memory", "out of memory")),
    Fault(name="stream_create", code="backend", says=("cudaStreamCreate", "out of memory")),
    Fault(name="event_create", code="backend", says=("cudaEventCreate",), command="tell"),
    Fault(name="context_null", code="backend", says=("execution context", "could not be allocated")),
    Fault(name="input_shape_false", code="backend", says=("does not take shape 1x3x32x32", "image")),
    Fault(name="tensor_address_false", code="backend", says=("memory of tensor 'image'",)),
    Fault(name="enqueue_false", code="backend", says=("could not run", "unspecified launch failure")),
    Fault(name="async_error", code="backend", says=("illegal memory access", "700")),
    Fault(name="memcpy_async", code="backend", says=("copying an input",)),
    Fault(name="stream_synchronize", code="backend", says=("719",)),
    Fault(name="graph_launch", code="backend", says=("cudaGraphLaunch",)),
    Fault(name="inspector_null", code="backend", says=("does not tell the engine's layers",), command="tell"),
)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_a_fault_is_named(fault: Fault, host: Host) -> None:
    done = host.fails(fault.command, fault.code, *fault.says, fault=fault.name, **dict(fault.options))
    assert fault.name.startswith(("no_", "driver_")) or any(c == f"fault {fault.name}" for c in done.calls)


def test_an_older_library_than_the_headers(hosts: Callable[[str], Host]) -> None:
    hosts("10.13").fails("load", "no_device", "10.12", "older library", fault="library_minor")


@pytest.mark.parametrize("name", ["begin_capture", "end_capture", "graph_instantiate"])
def test_without_cuda_graphs_it_runs_on_and_says_so(name: str, host: Host) -> None:
    done = host.passes("golden", fault=name)
    assert "not replayed as CUDA graphs" in done.output and done.count("graph_launch") == 0
    assert done.output.count("not replayed") == 1  # once, not for each run
    threads = host.passes("threads", fault=name)
    assert threads.output.count("not replayed") == 1


def test_a_run_fails_and_the_next_one_is_as_ever(host: Host) -> None:
    done = host.passes("after_failure", fault="enqueue_false@4", graph=0)
    assert "failed 1" in done.output and "unspecified launch failure" in done.output
    # After a fault of the GPU itself nothing works any more, which each run says.
    done = host.passes("after_failure", fault="async_error@4", graph=0)
    assert re.search(r"failed [4-6]", done.output) and "illegal memory access" in done.output


def test_a_device_that_is_not_there(host: Host) -> None:
    host.fails("load", "no_device", "no CUDA device 5", "has 1", device=5)
    host.fails("load", "no_device", "no CUDA device -1", device=-1)


def test_a_model_that_is_too_large_for_the_card(host: Host) -> None:
    for free in (0, 1 << 20, 1_100_000, 2 << 20):
        done = host.fails("load", "backend", env={"GENCPP_DOUBLE_MEMORY": str(free)})
        assert "OutOfMemory" in done.error or "out of memory" in done.error
    host.passes("load", env={"GENCPP_DOUBLE_MEMORY": str(4 << 20)})


def test_memory_for_fewer_contexts_than_callers(host: Host, tmp_path: Path) -> None:
    done = host.passes("threads", cache=tmp_path, env={"GENCPP_DOUBLE_MEMORY": str(4 << 20)})
    assert done.count("unknown input") == 0


CALLS = (
    *("cuda_malloc", "host_alloc", "stream_create", "event_create", "memcpy_async", "stream_synchronize"),
    *("begin_capture", "end_capture", "graph_instantiate", "graph_launch", "enqueue_false", "context_null"),
    *("input_shape_false", "tensor_address_false", "profile_false", "deserialize_null", "async_error"),
)


@pytest.mark.parametrize("call", CALLS)
def test_whichever_call_fails_nothing_is_lost(call: str, photo: Host, tmp_path: Path) -> None:
    """The nth call fails, for every n that a start and runs on several shapes make."""
    cache = tmp_path / "cache"
    photo.passes("load", cache=cache)
    for n in range(1, 200):
        # `finish` asserts that there was no crash, no leak and no misuse.
        done = photo.drive("golden", fault=f"{call}@{n}", cache=cache, times=2)
        if f"fault {call}@{n}" not in done.calls:
            assert done.code == 0 and (n > 1 or call in ("event_create", "profile_false")), (n, done.output)
            return
        assert "WRONG" not in done.output, done.output
        assert done.code == 0 or len(done.error) > 20, done.output
    pytest.fail("it never ends")


# --- the cache ---------------------------------------------------------------------------------------------


def engine_in(cache: Path) -> Path:
    (found,) = cache.glob("*.engine")
    return found


def rebuilt(host: Host, cache: Path, *reasons: str, **options: Any) -> None:
    """The engine in the cache is not used, for a reason that is logged; the next start uses the new one."""
    done = host.passes("golden", cache=cache, **options)
    assert done.count("built") == 1, done.output
    for reason in reasons:
        assert reason in done.output, f"'{reason}' is not in: {done.output}"
    assert host.passes("load", cache=cache, **options).count("built") == 0


def test_a_truncated_engine_is_rebuilt(host: Host, tmp_path: Path) -> None:
    host.passes("load", cache=tmp_path)
    whole = engine_in(tmp_path).read_bytes()
    for size in (0, 10, 200, len(whole) - 1):
        engine_in(tmp_path).write_bytes(whole[:size])
        rebuilt(host, tmp_path, "warning", "truncated")
    assert engine_in(tmp_path).read_bytes() == whole


def test_an_engine_with_a_flipped_byte_is_rebuilt(host: Host, tmp_path: Path) -> None:
    host.passes("load", cache=tmp_path)
    whole = engine_in(tmp_path).read_bytes()
    for at in range(0, len(whole), 97):
        damaged = bytearray(whole)
        damaged[at] ^= 0x10
        engine_in(tmp_path).write_bytes(damaged)
        done = host.passes("load", cache=tmp_path, check="full")
        assert done.count("built") == 1 and "warning" in done.output, f"byte {at}: {done.output}"
    engine_in(tmp_path).write_bytes(whole + b"more")
    rebuilt(host, tmp_path, "warning")


def test_an_engine_that_tensorrt_refuses_is_rebuilt(host: Host, tmp_path: Path) -> None:
    host.passes("load", cache=tmp_path)
    done = host.passes("golden", fault="deserialize_null@1", cache=tmp_path)
    assert done.count("built") == 1 and "cached engine cannot be used" in done.output
    assert "Serialization assertion" in done.output  # TensorRT's own reason
    done = host.passes("golden", fault="other_version@1", cache=tmp_path)
    assert done.count("built") == 1 and "Version tag does not match" in done.output


def test_engines_of_other_gpus_and_options_lie_side_by_side(host: Host, tmp_path: Path) -> None:
    def built(**options: Any) -> int:
        return host.passes("load", cache=tmp_path, **options).count("built")

    other, sibling = {"GENCPP_DOUBLE_GPU": "Double 9000:8.9"}, {"GENCPP_DOUBLE_GPU": "Double 3001:8.6"}
    assert [built(), built(env=other), built(env=sibling), built(level=1), built(workspace=1 << 26)] == [
        1
    ] * 5
    assert [built(), built(env=other), built(env=sibling), built(level=1), built(workspace=1 << 26)] == [
        0
    ] * 5
    assert len(list(tmp_path.glob("*.engine"))) == 5
    # An engine of another card under this card's name: TensorRT itself refuses it.
    files = {f.name: f.read_bytes() for f in tmp_path.glob("*.engine")}
    names = sorted(files)
    for name, content in zip(names, [files[n] for n in (*names[1:], names[0])], strict=True):
        (tmp_path / name).write_bytes(content)
    assert "was made for something else" in host.passes("golden", cache=tmp_path).output


def test_never_builds_when_it_must_not(host: Host, tmp_path: Path) -> None:
    done = host.fails(
        "load", "not_found", "photo_build_engine", str(tmp_path), engine="never", cache=tmp_path
    )
    assert done.count("createInferBuilder") == 0
    host.passes("load", cache=tmp_path)
    host.passes("golden", engine="never", cache=tmp_path)
    # The nearest engine there tells what is different.
    host.fails("load", "not_found", "optimisation level", engine="never", cache=tmp_path, level=4)
    engine_in(tmp_path).write_bytes(engine_in(tmp_path).read_bytes()[:100])
    done = host.drive("load", engine="never", cache=tmp_path)
    assert done.code == 1 and "truncated" in done.output


def test_a_good_engine_without_memory_is_not_built_anew(photo: Host, tmp_path: Path) -> None:
    """Another engine would need as much, and take minutes to find out."""
    photo.passes("golden", cache=tmp_path)
    done = photo.fails(
        "golden", "backend", "OutOfMemory", "are free", fault="deserialize_no_memory", cache=tmp_path
    )
    assert done.count("built") == 0
    assert photo.passes("golden", cache=tmp_path).count("built") == 0


def test_the_second_model_does_not_complain_of_its_logger(photo: Host, tmp_path: Path) -> None:
    assert "logger passed into" not in photo.passes("two_models", cache=tmp_path).output


def test_a_cache_that_cannot_be_written(photo: Host, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    done = photo.passes("golden", cache=tmp_path / "file" / "cache")
    assert "not kept" in done.output and str(tmp_path / "file") in done.output


def drop_override() -> None:
    """Root may write everywhere, unless it gives this up."""
    libc = ctypes.CDLL(None, use_errno=True)
    for capability in (1, 2, 3):  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH, CAP_FOWNER
        libc.prctl(24, capability, 0, 0, 0)  # PR_CAPBSET_DROP


def test_a_read_only_cache(photo: Host, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    photo.passes("load", cache=cache, level=1)
    cache.chmod(0o555)
    arguments = (photo.driver, "golden", f"cache={cache}")
    try:
        probe = ["sh", "-c", f"touch {cache}/probe"]
        if subprocess.run(probe, preexec_fn=drop_override, capture_output=True, check=False).returncode == 0:
            pytest.skip("this user can write to a read-only folder")
        done = photo.run(*arguments, preexec_fn=drop_override)
        assert done.code == 0 and "not kept" in done.output and "Permission denied" in done.output, (
            done.output
        )
        done = photo.run(*arguments, "level=1", preexec_fn=drop_override)  # what is in it is read
        assert done.code == 0 and done.count("built") == 0, done.output
    finally:
        cache.chmod(0o755)


def limit_files() -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)


def test_a_full_disk(photo: Host, tmp_path: Path) -> None:
    """As far as a write is concerned: files larger than 100 bytes cannot be written."""
    done = photo.run(
        *(photo.driver, "golden", f"cache={tmp_path}"),
        env={"GENCPP_DOUBLE_LOG": ""},
        preexec_fn=limit_files,
        restore_signals=False,
    )
    assert done.code == 0 and "not kept" in done.output, done.output
    assert [f.name for f in tmp_path.iterdir() if "lock" not in f.name] == []  # no half-written file either
    assert photo.passes("golden", cache=tmp_path).count("built") == 1


def test_processes_that_build_at_once(host: Host, tmp_path: Path) -> None:
    slow = {"GENCPP_DOUBLE_BUILD_MS": "800"}
    started = [host.start(host.driver, "golden", f"cache={tmp_path}", env=slow) for _ in range(4)]
    done = [host.finish(s) for s in started]
    assert [d.code for d in done] == [0] * 4
    assert sum(d.count("built") for d in done) == 1  # the others wait for it
    assert sum("somebody else is building" in d.output for d in done) == 3
    assert len(list(tmp_path.glob("*.engine"))) == 1 and not list(tmp_path.glob("*tmp*"))


def test_a_build_that_is_killed_leaves_nothing_behind(photo: Host, tmp_path: Path) -> None:
    slow = {"GENCPP_DOUBLE_BUILD_MS": "20000"}
    process, log = photo.start(photo.driver, "load", f"cache={tmp_path}", env=slow)
    while not (log.is_file() and "build " in log.read_text()):
        time.sleep(0.02)
    process.kill()
    process.communicate()
    assert not list(tmp_path.glob("*.engine"))
    assert photo.passes("golden", cache=tmp_path).count("built") == 1


def test_the_default_cache_is_the_users(photo: Host, tmp_path: Path) -> None:
    photo.passes("load", env={"XDG_CACHE_HOME": str(tmp_path / "xdg")})
    assert list((tmp_path / "xdg" / "photo").glob("*.engine"))
    photo.passes("load", env={"XDG_CACHE_HOME": "", "HOME": str(tmp_path / "home")})
    assert list((tmp_path / "home" / ".cache" / "photo").glob("*.engine"))


# --- engine files ------------------------------------------------------------------------------------------


@pytest.fixture
def plan(photo: Host, tmp_path: Path) -> bytes:
    """The plain plan of the photo project, as another tool would write it."""
    photo.passes("load", cache=tmp_path / "plan-cache")
    content = engine_in(tmp_path / "plan-cache").read_bytes()
    return content[content.index(b"ftrt") :]


def test_an_engine_file_is_taken_as_it_is(photo: Host, plan: bytes, tmp_path: Path) -> None:
    (tmp_path / "photo.engine").write_bytes(plan)
    done = photo.passes("golden", artifact=tmp_path / "photo.engine")
    assert (done.count("parse"), done.count("built")) == (0, 0)


def changed_plan(plan: bytes, change: Callable[[list[str]], None]) -> bytes:
    """A plan of the double with other facts: its lines after the magic number, and the checksum anew."""
    magic = len("ftrt") + 24 + 1
    lines = plan[magic : plan.rindex(b"\n") + 1].decode("latin-1").split("\n")
    change(lines)
    body = plan[:magic] + "\n".join(lines).encode("latin-1")
    return body + f"{zlib.crc32(body)}#".encode()


def test_an_engine_of_somebody_elses_may_have_one_context_for_a_profile(
    hosts: Callable[[str], Host], tmp_path: Path
) -> None:
    """On 8.6 whether contexts share a profile is decided by whoever builds the engine."""
    host = hosts("8.6")
    host.passes("load", cache=tmp_path / "own")
    kept = engine_in(tmp_path / "own").read_bytes()

    def without_sharing(lines: list[str]) -> None:
        facts = lines[0].split()
        assert facts[5] == "1"
        lines[0] = " ".join([*facts[:5], "0", facts[6]])

    file = tmp_path / "other.engine"
    file.write_bytes(changed_plan(kept[kept.index(b"ftrt") :], without_sharing))
    for command in ("golden", "threads"):
        host.passes(command, artifact=file, cache=tmp_path)
    told = host.passes("tell", artifact=file, cache=tmp_path).output
    assert "contexts: 1 of at most 1 (TensorRT 8.6 has one context for a profile" in told


def test_an_engine_that_is_tuned_for_more_than_the_project_takes(
    photo: Host, plan: bytes, tmp_path: Path
) -> None:
    def larger(lines: list[str]) -> None:
        assert lines[3:6] == ["4 1 3 32 32", "4 1 3 32 32", "4 8 3 32 32"]
        lines[4:6] = ["4 16 3 32 32", "4 64 3 32 32"]

    (tmp_path / "large.engine").write_bytes(changed_plan(plan, larger))
    photo.passes("golden", artifact=tmp_path / "large.engine")


def test_a_capture_that_another_thread_broke_is_made_again(photo: Host, tmp_path: Path) -> None:
    """What could be captured once is not given up: calls that synchronise the device break captures."""
    photo.passes("load", cache=tmp_path)
    whole = photo.passes("golden", cache=tmp_path, times=4)
    made = whole.count("capture")
    for n in (made - 1, made):  # the buffers have their largest size by then, so nothing else voids a graph
        done = photo.passes("golden", cache=tmp_path, times=4, fault=f"end_capture@{n}")
        assert f"fault end_capture@{n}" in done.calls and "not replayed" not in done.output
        assert done.count("capture") == made + 1
        assert 0 < done.count("graph_launch") < whole.count("graph_launch")


def test_files_that_are_no_engine(photo: Host, plan: bytes, tmp_path: Path) -> None:
    def fails(
        content: bytes, *parts: str, name: str = "x.engine", code: str = "bad_file", **more: Any
    ) -> None:
        (tmp_path / name).write_bytes(content)
        photo.fails("load", code, name, *parts, artifact=tmp_path / name, **more)

    metadata = b'{"description": "Ultralytics YOLO model", "task": "detect"}'
    fails(struct.pack("<i", len(metadata)) + metadata + plan, "Ultralytics", f"tail -c +{len(metadata) + 5}")
    fails((photo.project / "assets" / "model.onnx").read_bytes(), "ONNX", "*.onnx")
    fails(b"", "empty")
    fails(b'{"a": 1}', "JSON")
    fails(b"PK\x03\x04....", "zip")
    fails(b"version https://git-lfs.github.com/spec/v1\n", "git-lfs")
    fails(plan[:-20], "cannot use the engine")
    fails(b"\x9e" + os.urandom(499), "does not begin as a plan")
    other = {"GENCPP_DOUBLE_GPU": "Double 9000:8.9"}
    fails(plan, "expecting compute 8.9 got compute 8.6", "built by TensorRT 10.13.0", env=other)
    missing = tmp_path / "missing.engine"
    photo.fails("load", "not_found", "missing.engine", artifact=missing)


def test_an_engine_of_another_model(photo: Host, plan: bytes, tmp_path: Path) -> None:
    """It loads, but it is not what the project's code was generated for."""
    table = photo.table.read_text()
    for old, new in (("logits", "scores"), ("3 32 32", "3 64 64"), ("=0.0 10", "=0.0 11 2")):
        other = tmp_path / f"{new.replace(' ', '')}.table"
        other.write_text(table.replace(old, new, 1))
        done = photo.drive("load", env={"GENCPP_DOUBLE_MODEL": str(other)})
        assert done.error.startswith("unsupported: ") and "not that of this project" in done.error, (
            done.output
        )


# --- shapes ------------------------------------------------------------------------------------------------


def test_batches_inside_and_outside_the_bounds(host: Host) -> None:
    assert "output 8x10" in host.passes("batch", batch=8).output
    for batch in (0, 9):
        host.fails("batch", "invalid_argument", "image", "from 1 to 8", f"{batch}x3x32x32", batch=batch)
    host.fails("wrong_buffer", "invalid_argument", "logits", "3x10", "2x10")


def test_outputs_whose_size_only_the_run_tells(host: Host, tmp_path: Path) -> None:
    table = write_table(host.project, tmp_path / "table", runtime_dims={("logits", 0): 8})
    env = {"GENCPP_DOUBLE_MODEL": str(table)}
    for command in ("golden", "threads", "device"):
        done = host.passes(command, env=env)
        assert done.count("graph_launch") == 0  # their addresses move
    host.fails("wrong_buffer", "invalid_argument", "logits", "gave 3x10", "2x10", env=env)


@pytest.fixture(scope="session")
def profiled(
    doubles: Callable[[str], Double], gencpp: Gencpp, once: Once, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], Host]:
    """A project in fp16 or bf16, TF32 allowed, with two profiles and a gap between them."""
    bounds = ("--dynamic", "image:0=1:1:3,6:6:8", "--tf32", "--precision")

    def get(version: str) -> Host:
        precision, double = NARROW[version], doubles(version)
        project = generated(once, gencpp, f"photo_{precision}", "--backend", "tensorrt", *bounds, precision)
        folder = once.folder(
            f"profiled-{version}", lambda folder: build_host(project, double, folder, "driver")
        )
        return Host.built(project, folder, tmp_path_factory.mktemp(f"profiled-{version}"))

    return get


NARROW = {"8.6": "fp16", "10.13": "bf16"}
"""The precision of the project, by the version that it is built with."""


@pytest.mark.parametrize("version", NARROW)
def test_several_profiles(version: str, profiled: Callable[[str], Host]) -> None:
    host = profiled(version)
    (built,) = [c for c in host.passes("load").calls if c.startswith("build ")]
    assert " profiles=2 " in built and " tf32=1 " in built
    # fp16 stands in the ONNX file, which 8.x does not go by.
    assert (" fp16=1" in built) == (version == "8.6")
    for batch in (1, 3, 6, 8):
        assert f"output {batch}x10" in host.passes("batch", batch=batch).output
    host.fails(
        "batch", "invalid_argument", "profile", "4x3x32x32", "1x3x32x32", "3x3x32x32", "6x3", "8x3", batch=4
    )
    host.passes("golden")
    host.passes("threads")


@pytest.mark.parametrize("version", NARROW)
def test_a_precision_has_its_own_name(version: str, profiled: Callable[[str], Host]) -> None:
    assert f"precision: {NARROW[version]}" in profiled(version).passes("tell").output


def test_a_gpu_without_the_precision(profiled: Callable[[str], Host]) -> None:
    """Told before the minutes of a build; 8.x computes in float32 where a GPU has no float16."""
    host = profiled("10.13")
    said = ("bf16 needs a GPU of compute capability 8.0", "Old card has 7.5")
    done = host.fails("load", "no_device", *said, env={"GENCPP_DOUBLE_GPU": "Old card:7.5"})
    assert not [c for c in done.calls if c.startswith("build ")]
    host.passes("load", env={"GENCPP_DOUBLE_GPU": "Least card:8.0"})
    profiled("8.6").passes("load", env={"GENCPP_DOUBLE_GPU": "Old card:5.0"})


# --- the project as a package, and its programs -------------------------------------------------------------


def test_an_installed_project_serves_a_consumer(
    photo: Host, photo_project: Path, doubles: Callable[[str], Double], tmp_path: Path
) -> None:
    """The consumer's source is that of the LibTorch project of this name, which verify builds."""
    for file in ("main.cpp", "CMakeLists.txt"):
        theirs = photo_project / "tests" / "consumer" / file
        assert (photo.project / "tests" / "consumer" / file).read_bytes() == theirs.read_bytes()
    must(cmake("--install", photo.build / "project", "--prefix", tmp_path / "installed"))
    arguments = [*cmake_arguments(backend=False), *doubles(MAIN).cmake_arguments, "-DCONSUMER_MODE=package"]
    arguments.append(f"-DCMAKE_CXX_FLAGS={' '.join(SANITIZE)}")
    arguments += [f"-DCMAKE_PREFIX_PATH={tmp_path / 'installed'}"]
    source, folder = photo.project / "tests" / "consumer", tmp_path / "build"
    must(cmake("-G", "Ninja", "-S", source, "-B", folder, *arguments))
    must(cmake("--build", folder))
    done = photo.run(folder / "consumer")
    assert done.code == 0 and "logits: 1x10" in done.output, done.output
    skipped = photo.start(folder / "consumer", fault="no_driver")[0]
    output = skipped.communicate()[0]
    assert skipped.returncode == 77 and "skipped: " in output and "NVIDIA driver" in output


def test_an_engine_is_built_ahead(host: Host, tmp_path: Path) -> None:
    tool, cache = host.build / "project" / "photo_build_engine", f"--cacheDir={tmp_path / 'cache'}"
    done = host.run(tool, cache, f"--saveEngine={tmp_path / 'plain.engine'}")
    assert (done.code, done.count("built")) == (0, 1), done.output
    assert host.run(tool, cache).count("built") == 0
    assert host.run(tool, cache, "--force").count("built") == 1
    host.passes("golden", engine="never", cache=tmp_path / "cache")
    assert (tmp_path / "plain.engine").read_bytes().startswith(b"ftrt")
    assert host.passes("golden", artifact=tmp_path / "plain.engine").count("built") == 0
    for fault, code in (("build_null", 1), ("no_device", 3), ("unsupported_operators", 1)):
        assert host.run(tool, f"--cacheDir={tmp_path / fault}", fault=fault).code == code
    assert host.run(tool, "--nonsense").code == 2
