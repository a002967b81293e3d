"""Which options a project's programs take, with each backend: compiled with neither of them.

Only what reads the command line is built, and a driver that says what was read.
"""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from building import compile_program
from once import Once
from samples import classifier, tensorrt
from writing import texts_of

PROJECTS = {"libtorch": classifier, "tensorrt": tensorrt}
"""Both are called `sample`."""

SOURCES = (
    *("app/arguments.cpp", "app/load_flags.cpp", "app/backend_flags.cpp"),
    *("bench/options.cpp", "bench/backend_options.cpp"),
)

DRIVER = r"""
#include <cstdio>
#include <cstring>

#include "arguments.hpp"
#include "load_flags.hpp"
#include "options.hpp"
#if defined(OF_TENSORRT)
#include "sample/tensorrt.hpp"
#endif

namespace sample::app {  // what the task would say
const char* const kTaskUsage = "  --topk N           classes to print (default 5)\n";
bool is_task_option(std::string_view option) noexcept { return option == "--topk"; }
Result<void> set_task_option(std::string_view, const std::string&, TaskOptions&) { return {}; }
}  // namespace sample::app

#if defined(OF_TENSORRT)
namespace sample {  // what the library would say
Result<std::string> engine_layers(const Model&) { return Error{ErrorCode::backend, "no library is here"}; }
}  // namespace sample
#endif

namespace {

int told(const sample::LoadOptions& load) {
  std::printf("artifact=%s cache_dir=%s full=%d graph=%d never=%d workspace=%llu level=%d\n",
              load.artifact.c_str(), load.cache_dir.c_str(), load.check == sample::Check::full,
              load.engine.cuda_graph, load.build_engine == sample::BuildEngine::never,
              static_cast<unsigned long long>(load.engine.workspace_bytes), load.engine.optimization_level);
  return 0;
}

int refused(const sample::Error& error) {
  std::printf("%s\n", error.message.c_str());
  return error.code == sample::ErrorCode::invalid_argument ? 2 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  const bool bench = std::strcmp(argv[1], "bench") == 0;
  if (argc > 2 && std::strcmp(argv[2], "--help") == 0) {
    std::fputs((bench ? sample::bench::usage() : sample::app::usage()).c_str(), stdout);
    return 0;
  }
  if (bench) {
    const auto parsed = sample::bench::parse_options(argc - 1, argv + 1);
    if (!parsed) {
      return refused(parsed.error());
    }
    std::printf("seconds=%g workers=%d profile=%d layers=%s ", parsed->seconds,
                parsed->workers, parsed->dump_profile, parsed->export_layers.c_str());
    return told(parsed->load);
  }
  const auto parsed = sample::app::parse_arguments(argc - 1, argv + 1);
  return parsed ? told(parsed->load) : refused(parsed.error());
}
"""

BOTH = {
    "--artifact",
    "--check",
    "--useCudaGraph",
    "--noCudaGraph",
    "--device",
    "--threads",
    "--json",
    "--help",
}
APP = {"--input", "--output", "--save-input", "--topk", "--fast-jpeg", "--max-pixels", "--info", "--verbose"}
BENCH = {
    *("--iterations", "--seconds", "--warmup", "--batch", "--workers", "--profile", "--exportProfile"),
    *("--exportTimes", "--baseline", "--max-regression", "--memory-loads", "--memory-runs", "--memory-sizes"),
    "--fast-jpeg",
}
TENSORRT = {
    *("--loadEngine", "--cacheDir", "--buildEngine", "--memPoolSize", "--builderOptimizationLevel"),
    *("--versionCompatible", "--hardwareCompatibilityLevel", "--tacticSources", "--profilingVerbosity"),
    "--noBuilderCache",
}
TRTEXEC = {"--exportLayerInfo", "--duration", "--infStreams", "--dumpProfile"}
"""More of TensorRT's, in the benchmark."""


@pytest.fixture(scope="module", params=PROJECTS)
def program(request: pytest.FixtureRequest, once: Once) -> tuple[str, Path]:
    """The backend's name, and its driver."""

    def make(folder: Path) -> None:
        for path, data in texts_of(PROJECTS[request.param]("sample")).items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(data)
        (folder / "driver.cpp").write_text(DRIVER)
        flags = ["-std=c++17", "-Wall", "-Wextra", "-Wconversion", "-Werror", "-Iinclude", "-Iapp", "-Ibench"]
        flags += ["-DOF_TENSORRT"] if request.param == "tensorrt" else []
        compile_program(folder, "driver", (*SOURCES, "driver.cpp"), *flags)

    return request.param, once.folder(f"program_options_{request.param}", make) / "driver"


def run(program: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([program, *arguments], capture_output=True, text=True, check=False)


@pytest.mark.parametrize("which", ["app", "bench"])
def test_help_lists_what_the_program_takes(program: tuple[str, Path], which: str) -> None:
    backend, driver = program
    text = run(driver, which, "--help").stdout
    more = {"app": set(), "bench": TRTEXEC}[which] | TENSORRT if backend == "tensorrt" else set()
    named = set(re.findall(r"(?:^  |, )(--[\w-]+)", text, re.MULTILINE))
    assert named == BOTH | {"app": APP, "bench": BENCH}[which] | more
    if backend != "tensorrt":
        assert not re.search("tensorrt|trtexec|engine", text, re.IGNORECASE)
    assert max(map(len, text.splitlines())) <= 80


VALUES = {
    "--memPoolSize": ("workspace:512", "workspace=536870912"),
    "--builderOptimizationLevel": ("4", "level=4"),
    "--buildEngine": ("never", "never=1"),
    "--hardwareCompatibilityLevel": ("ampere+", ""),
    "--profilingVerbosity": ("detailed", ""),
    "--loadEngine": ("x.plan", "artifact=x.plan"),
    "--cacheDir": ("/kept", "cache_dir=/kept"),
    "--tacticSources": ("-CUDNN", ""),
    "--exportLayerInfo": ("layers.json", "layers=layers.json"),
    "--duration": ("2", "seconds=2"),
    "--infStreams": ("4", "workers=4"),
    "--dumpProfile": ("", "profile=1"),
    "--versionCompatible": ("", ""),
    "--noBuilderCache": ("", ""),
}


@pytest.mark.parametrize("option", sorted(TENSORRT | TRTEXEC))
@pytest.mark.parametrize("attached", [True, False])
def test_an_option_of_tensorrt_is_unknown_to_libtorch(
    program: tuple[str, Path], option: str, attached: bool
) -> None:
    backend, driver = program
    value, said = VALUES[option]
    words = [f"{option}={value}"] if attached and value else [option, *([value] if value else [])]
    for which in ("bench",) if option in TRTEXEC else ("app", "bench"):
        done = run(driver, which, *words, *(["picture.jpg"] if which == "app" else []))
        if backend == "tensorrt":
            assert done.returncode == 0 and said in done.stdout, done.stdout
        else:
            assert done.returncode == 2 and done.stdout == f"unknown option {option}; see --help\n"


def test_what_both_have(program: tuple[str, Path]) -> None:
    _, driver = program
    for which, more in (("app", ["picture.jpg"]), ("bench", [])):
        done = run(driver, which, "--artifact=x", "--check", "full", "--noCudaGraph", *more)
        assert done.returncode == 0 and "artifact=x cache_dir= full=1 graph=0" in done.stdout
        done = run(driver, which, "--check", "some", *more)
        assert (done.returncode, done.stdout) == (2, "--check needs quick or full, got 'some'; see --help\n")
        for missing in ("--artifact=", "--check="):
            done = run(driver, which, missing, *more)
            assert done.returncode == 2 and "needs a value" in done.stdout
