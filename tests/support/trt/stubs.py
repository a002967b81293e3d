"""Stand-ins for TensorRT's libraries and headers, made at test time: they link and start, and run nothing."""

from __future__ import annotations

import functools
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from gencpp.core.toolchain import find_toolchain

HERE = Path(__file__).resolve().parent


def real_headers() -> Path:
    """The folder that holds real header sets as X.Y/include; it need not exist."""
    default = Path.home() / ".cache" / "gencpp" / "tensorrt-headers"
    return Path(os.environ.get("GENCPP_TENSORRT_HEADERS") or default)


def library_number(version: str) -> int:
    """What getInferLibVersion says: 8503 for 8.5.3, 101303 for 10.13.3."""
    major, minor, patch = (int(n) for n in version.split(".")[:3])
    return major * (1000 if major < 10 else 10000) + minor * 100 + patch


@functools.cache
def _scratch() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="gencpp-stubs-")


def _compiled(source: str, soname: str, *definitions: str) -> Path:
    """A shared library, compiled once a session."""
    key = "-".join((Path(source).stem, soname, *definitions)).replace("=", "-")
    out = Path(_scratch().name) / key
    if not out.exists():
        argv = [str(find_toolchain().compiler), "-shared", "-fPIC", "-Wall", "-Werror", str(HERE / source)]
        argv += [f"-Wl,-soname,{soname}", *(f"-D{d}" for d in definitions), "-o", str(out)]
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
    return out


def pip_libraries(
    folder: Path, version: str, *, stem: str = "nvinfer", parser: bool = True, dist: str = ""
) -> Path:
    """A folder as pip packages have it: versioned names only; `dist` names its dist-info beside it."""
    folder.mkdir(parents=True, exist_ok=True)
    major = version.partition(".")[0]
    definition = f"STUB_VERSION={library_number(version)}"
    name = f"lib{stem}.so.{major}"
    shutil.copy(_compiled("stub_nvinfer.cpp", name, definition), folder / name)
    if parser:
        parser_stem = "tensorrt_onnxparser_rtx" if stem == "tensorrt_rtx" else "nvonnxparser"
        name = f"lib{parser_stem}.so.{major}"
        shutil.copy(_compiled("stub_parser.cpp", name), folder / name)
    (folder / "__init__.py").touch()
    if dist:
        (folder.parent / f"{dist}-{version}.dist-info").mkdir(exist_ok=True)
    return folder


def sdk(
    root: Path, version: str, *, headers: Path | None = None, stem: str = "nvinfer", parser: bool = True
) -> Path:
    """A folder as NVIDIA's archive has it: lib/ with its chain of links; include/ for `headers`."""
    libraries = root / "lib"
    libraries.mkdir(parents=True)
    major = version.partition(".")[0]
    definition = f"STUB_VERSION={library_number(version)}"
    parser_stem = "tensorrt_onnxparser_rtx" if stem == "tensorrt_rtx" else "nvonnxparser"
    built = {stem: _compiled("stub_nvinfer.cpp", f"lib{stem}.so.{major}", definition)}
    if parser:
        built[parser_stem] = _compiled("stub_parser.cpp", f"lib{parser_stem}.so.{major}")
    for name, file in built.items():
        shutil.copy(file, libraries / f"lib{name}.so.{version}")
        (libraries / f"lib{name}.so.{major}").symlink_to(f"lib{name}.so.{version}")
        (libraries / f"lib{name}.so").symlink_to(f"lib{name}.so.{major}")
    if headers:
        shutil.copytree(headers, root / "include")
    return root


def driver(folder: Path, *, cuda: int, error: int) -> Path:
    """A folder with a libcuda.so.1 that supports this version of CUDA and answers every call with `error`."""
    folder.mkdir(parents=True)
    built = _compiled("stub_driver.cpp", "libcuda.so.1", f"STUB_DRIVER={cuda}", f"STUB_ERROR={error}")
    shutil.copy(built, folder / "libcuda.so.1")
    return folder


def stand_ins(folder: Path, library: Path) -> Path:
    """A folder with stand-ins for what `library` needs and this machine lacks, such as cuBLAS and cuDNN.

    They have every function that the library names, under its symbol version, and each of them returns 1.
    """
    folder.mkdir(parents=True)
    listed = subprocess.run(["nm", "-D", str(library)], capture_output=True, text=True, check=True).stdout
    wanted: dict[str, list[str]] = {}
    for name, needed in re.findall(r"^ +U (\w+)@+(lib\w+\.so\.\d+)$", listed, re.MULTILINE):
        wanted.setdefault(needed, []).append(name)
    for needed, names in wanted.items():
        (folder / "source.c").write_text("".join(f"int {name}(void) {{ return 1; }}\n" for name in names))
        (folder / "versions").write_text(f"{needed} {{ global: *; }};\n")
        argv = [str(find_toolchain().compiler), "-x", "c", "-shared", "-fPIC", "source.c"]
        argv += [f"-Wl,-soname,{needed}", "-Wl,--version-script=versions", "-o", needed]
        done = subprocess.run(argv, cwd=folder, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
    return folder


def fake_headers(folder: Path, version: str, *, parser: bool = True, style: str = "") -> Path:
    """Small headers that say their version in the way that the real ones of it do, and no more."""
    folder.mkdir(parents=True, exist_ok=True)
    numbers = [int(n) for n in version.split(".")[:3]]
    style = style or ("enterprise" if tuple(numbers) >= (10, 11) else "plain")
    lines = ["#define NV_INFER_VERSION_H"]
    for part, number in zip(("MAJOR", "MINOR", "PATCH"), numbers, strict=True):
        if style == "plain":
            lines.append(f"#define NV_TENSORRT_{part} {number} //!< TensorRT version.")
        else:
            macro = f"TRT_{part}_{style.upper()}"
            lines += [
                f"#define {macro} {number}",
                f"#define NV_TENSORRT_{part} {macro} //!< TensorRT version.",
            ]
    lines += ["#define NV_TENSORRT_LWS_MAJOR 0", "#define NV_TENSORRT_SONAME_MAJOR 99"]
    (folder / "NvInferVersion.h").write_text("\n".join(lines) + "\n")
    (folder / "NvInfer.h").write_text(
        '#pragma once\n#include "NvInferVersion.h"\n#include "impl/Detail.h"\n'
        'extern "C" int getInferLibVersion() noexcept;\n'
    )
    (folder / "NvInferPlugin.h").write_text('#pragma once\n#include "NvInfer.h"\n')
    (folder / "impl").mkdir(exist_ok=True)
    (folder / "impl" / "Detail.h").write_text('#pragma once\n#include "../NvInferVersion.h"\n')
    if parser:
        (folder / "NvOnnxParser.h").write_text('#pragma once\n#include "NvInfer.h"\n')
    return folder
