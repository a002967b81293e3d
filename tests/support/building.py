"""Building generated projects in tests."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from gencpp.backends import backend_named
from gencpp.core.backend import RuntimeOptions
from gencpp.core.files import file_facts
from gencpp.core.toolchain import find_toolchain
from gencpp.project import headers, read_manifest

STRICT = ("-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Wshadow", "-Werror")
"""Those of the dev preset."""
STRICT_ENV = {"CXXFLAGS": " ".join(STRICT)}
"""For `gencpp verify`: its objects are then also those of builds whose warnings are errors."""


WITHOUT_CUDA = ("-DPHOTO_CUDA=OFF",)
"""For `photo` where it starts many times: LibTorch's CUDA libraries take a third of a start."""


def cmake_arguments(*, backend: bool = True) -> list[str]:
    """What verify passes to CMake on this machine."""
    tools = find_toolchain()
    arguments = [f"-DCMAKE_MAKE_PROGRAM={tools.ninja}"]
    return (
        arguments + backend_named("libtorch").configure_arguments("", RuntimeOptions())[0]
        if backend
        else arguments
    )


def cmake(*arguments: str | Path, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Runs cmake; the caller looks at the exit code."""
    argv = [str(find_toolchain().cmake), *map(str, arguments)]
    return subprocess.run(argv, capture_output=True, text=True, cwd=cwd, check=False)


def must(done: subprocess.CompletedProcess[str]) -> subprocess.CompletedProcess[str]:
    """The same, after a check that it passed."""
    assert done.returncode == 0, (done.stdout + done.stderr)[-4000:]
    return done


def compile_object(folder: Path, source: str, out: Path, *flags: str) -> subprocess.CompletedProcess[str]:
    """One object file, by the launcher that CMake's builds have; the caller looks at the exit code.

    It compiles in `folder`, with `source` below it: an object of an earlier run is found by how the files lie
    to the folder that the compiler runs in.
    """
    launcher = list(filter(None, os.environ.get("CMAKE_CXX_COMPILER_LAUNCHER", "").split(";")))
    argv = [*launcher, str(find_toolchain().compiler), *flags, "-MD", "-MF", str(out.with_suffix(".d"))]
    argv += ["-c", source, "-o", str(out)]
    return subprocess.run(argv, cwd=folder, capture_output=True, text=True, check=False)


def compile_program(
    folder: Path, program: str, sources: Sequence[str], *flags: str, link: Sequence[str] = ()
) -> Path:
    """A program of sources in `folder`, whose objects later runs find; `link`: more for the linker."""
    objects = []
    for source in sources:
        objects.append(f"{program}-{source.replace('/', '-')}.o")
        must(compile_object(folder, source, folder / objects[-1], *flags))
    argv = [str(find_toolchain().compiler), *objects, *link, "-o", program]
    must(subprocess.run(argv, cwd=folder, capture_output=True, text=True, check=False))
    return folder / program


def own_facts(folder: Path) -> None:
    """Makes the project in `folder` take its assets/model.pt for its own, whatever it computes."""
    spec = read_manifest(folder).project
    facts = file_facts(folder / "assets" / "model.pt")
    artifact = replace(
        spec.artifact,
        size=facts.size,
        sha256=facts.sha256,
        head_tail_sha256=facts.head_tail_sha256,
        fletcher4=facts.fletcher4,
    )
    header = headers.artifact_info_header(replace(spec, artifact=artifact))
    (folder / "src" / "artifact_info.hpp").write_text(header)


def ctest(build: Path, *arguments: str) -> dict[str, str]:
    """Runs ctest; gives each test's name, less the project's, with Passed, Failed or Skipped."""
    argv = [str(find_toolchain().ctest), "--test-dir", str(build), *arguments]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    results = {}
    for line in done.stdout.splitlines():
        if " Test " in line and "#" in line:
            name = line.split(":", 1)[1].split()[0].partition(".")[2]
            results[name] = "Passed" if "Passed" in line else "Skipped" if "Skipped" in line else "Failed"
    assert results, done.stdout + done.stderr
    return results


def image_libraries() -> str:
    """Those of libjpeg and libpng whose development files this machine lacks; empty: none."""
    compiler = str(find_toolchain().compiler)
    missing = []
    for name, header in (("libjpeg", "jpeglib.h"), ("libpng", "png.h")):
        argv = [compiler, "-x", "c++", "-E", "-include", "stdio.h", "-include", header, "/dev/null"]
        if subprocess.run(argv, capture_output=True, check=False).returncode != 0:
            missing.append(name)
    return " and ".join(missing)
