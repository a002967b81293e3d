"""A host that has no CMake: a Makefile, pkg-config, and an installed shared library that was moved."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from building import STRICT, WITHOUT_CUDA, cmake, cmake_arguments, must

from gencpp.core.toolchain import find_toolchain

MAKEFILE = """
PACKAGE = photo
host: main.cpp
\t$(CXX) -std=c++17 $(FLAGS) $$(pkg-config --cflags $(PACKAGE)) $< -o $@ $$(pkg-config --libs $(PACKAGE)) \\
\t  -Wl,-rpath,$$(pkg-config --variable=libdir $(PACKAGE))
"""
MAIN = """
#include <photo/model.hpp>
#include <photo/version.hpp>

#include <cstdio>

int main() {
  const auto model = photo::Model::load();
  if (!model) {
    std::fprintf(stderr, "%s\\n", model.error().message.c_str());
    return 1;
  }
  const photo::TensorInfo& info = model->inputs()[0];
  const photo::Tensor tensor = photo::filled(info.dtype, info.opt, info.fill);
  const auto inputs = model->order_inputs({{info.name, tensor.view()}});
  const auto outputs = inputs ? model->run(*inputs) : photo::Result<photo::Outputs>(inputs.error());
  std::printf("%s %s\\n", PHOTO_VERSION, outputs ? "answers" : outputs.error().message.c_str());
  return outputs ? 0 : 1;
}
"""


def assert_only_public_symbols(library: Path, headers: Path) -> None:
    """What the public headers name, and nothing from inside.

    Nothing of the standard library or of the backend, which would meet that of others in one process; but for
    the lock of LibTorch's passes, which all projects of a process have in common.
    """
    argv = ["nm", "-DC", "--defined-only", str(library)]
    told = subprocess.run(argv, capture_output=True, text=True, check=True).stdout
    names = [line.split(" ", 2)[2] for line in told.splitlines()]
    of_types = r"(typeinfo (name )?for |vtable for |guard variable for )?"
    foreign = [name for name in names if not re.match(rf"{of_types}(photo|gencpp_shared)::", name)]
    assert len(names) > 20 and not foreign, (library, len(names), foreign[:10])
    assert ("gencpp_shared::libtorch_passes" in names) == (library.name == "libphoto.so")
    public = set(re.findall(r"\w+", "".join(p.read_text() for p in headers.glob("*.hpp"))))
    own = [(name, re.match(rf"{of_types}photo::(\w+)", name)) for name in names]
    inside = [name for name, found in own if found and found[3] not in public]
    assert not inside, (library, len(inside), inside[:10])


def test_a_makefile_with_pkg_config(photo_copy: Path, tmp_path: Path) -> None:
    if shutil.which("pkg-config") is None or shutil.which("make") is None:
        pytest.skip("needs pkg-config and make: apt install pkg-config make")
    build, prefix, moved = tmp_path / "build", tmp_path / "prefix", tmp_path / "elsewhere" / "moved"
    options = ("-DBUILD_SHARED_LIBS=ON", "-DPHOTO_BUILD_TESTS=OFF", "-DPHOTO_BUILD_BENCH=OFF")
    release = ("-DCMAKE_BUILD_TYPE=Release", "-DPHOTO_FIND_SOURCE_ASSETS=OFF", *WITHOUT_CUDA)
    must(cmake("-S", photo_copy, "-B", build, "-G", "Ninja", *release, *options, *cmake_arguments()))
    must(cmake("--build", build))
    must(cmake("--install", build, "--prefix", prefix, "--component", "photo_runtime"))
    runtime = {p.relative_to(prefix).as_posix() for p in prefix.rglob("*") if not p.is_dir()}
    shared = {f"lib/libphoto{part}.so.1{more}" for part in ("", "_core") for more in ("", ".0.0")}
    assert {*shared, "bin/photo", "share/photo/model.pt", "share/photo/labels.txt"} == runtime
    must(cmake("--install", build, "--prefix", prefix, "--component", "photo_development"))
    development = {p.relative_to(prefix).as_posix() for p in prefix.rglob("*") if not p.is_dir()} - runtime
    assert {"lib/libphoto.so", "lib/pkgconfig/photo.pc", "include/photo/model.hpp"} <= development
    assert all(p.startswith(("include/photo/", "lib/")) for p in development)
    for library in ("photo", "photo_core"):
        assert_only_public_symbols(prefix / "lib" / f"lib{library}.so", prefix / "include" / "photo")
    moved.parent.mkdir()
    shutil.move(prefix, moved)
    for gone in (build, photo_copy):
        shutil.rmtree(gone)

    host = tmp_path / "host"
    host.mkdir()
    (host / "Makefile").write_text(MAKEFILE)
    (host / "main.cpp").write_text(MAIN)
    env = {**os.environ, "PKG_CONFIG_PATH": str(moved / "lib" / "pkgconfig")}
    told = subprocess.run(
        ["pkg-config", "--modversion", "--variable=assets", "photo"],
        env=env, capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    assert "1.0.0" in told
    compiler = str(find_toolchain().compiler)
    made = subprocess.run(
        ["make", f"CXX={compiler}", f"FLAGS={' '.join(STRICT)}"],
        cwd=host, env=env, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert made.returncode == 0, made.stdout + made.stderr
    ran = subprocess.run([str(host / "host")], capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stdout) == (0, "1.0.0 answers\n"), ran.stderr
