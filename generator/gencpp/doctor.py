"""What this machine has for building and running generated projects, each with its remedy."""

from __future__ import annotations

import os
import re
import shutil
import sys
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as installed_version
from pathlib import Path

from .backends import BACKENDS
from .backends.tensorrt.found import find_cuda_runtime, find_tensorrt, pip_packages
from .core.backend import RuntimeOptions
from .core.spec import JsonValue
from .core.toolchain import find_compiler, find_program, first_line, run


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding(JsonValue):
    """One thing that was looked for."""

    name: str
    status: str
    """`ok`, `missing` (needed), `absent` (optional)"""
    detail: str
    remedy: str = ""


def examine() -> tuple[Finding, ...]:
    """Looks at everything; imports neither torch nor tensorrt."""
    return (
        _python(),
        _compiler(),
        _program("cmake", "pip install cmake", minimum=(3, 22)),
        _program("ninja", "pip install ninja"),
        _package("torch", needed=True),
        _libtorch(),
        _package("torchvision", needed=False),
        _package("onnx", needed=False),
        _package("onnxscript", needed=False),
        _package("onnxruntime", needed=False),
        _header("libjpeg", "jpeglib.h", "JPEG files cannot be read", "apt install libjpeg-dev"),
        _header("libpng", "png.h", "PNG files cannot be read", "apt install libpng-dev"),
        _gpu(),
        _cuda_toolkit(),
        _tensorrt(),
        _cuda_runtime(),
        _rtx_builder(),
    )


def _python() -> Finding:
    version = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info >= (3, 14):
        remedy = "TorchScript ends with Python 3.13: use 3.11, 3.12 or 3.13"
        return Finding(name="Python", status="missing", detail=version, remedy=remedy)
    return Finding(name="Python", status="ok", detail=version)


def _compiler() -> Finding:
    found = find_compiler()
    if found is None:
        chosen = os.environ.get("CXX")
        detail = f"CXX={chosen} is no program" if chosen else "not found"
        return Finding(
            name="C++ compiler",
            status="missing",
            detail=detail,
            remedy="apt install g++, or set CXX to a compiler",
        )
    return Finding(
        name="C++ compiler", status="ok", detail=first_line([str(found), "--version"]) or str(found)
    )


def _program(name: str, remedy: str, minimum: tuple[int, ...] = ()) -> Finding:
    found = find_program(name)
    if found is None:
        return Finding(name=name, status="missing", detail="not found", remedy=remedy)
    line = first_line([str(found), "--version"])
    numbers = tuple(int(n) for n in re.findall(r"\d+", line)[:2])
    if minimum and numbers and numbers < minimum:
        wanted = ".".join(map(str, minimum))
        return Finding(name=name, status="missing", detail=f"{line}, {wanted} is needed", remedy=remedy)
    return Finding(name=name, status="ok", detail=f"{line} ({found})")


def _package(name: str, *, needed: bool) -> Finding:
    try:
        return Finding(name=f"Python package {name}", status="ok", detail=installed_version(name))
    except PackageNotFoundError:
        status = "missing" if needed else "absent"
        return Finding(
            name=f"Python package {name}", status=status, detail="not installed", remedy=f"pip install {name}"
        )


def _libtorch() -> Finding:
    arguments, missing = BACKENDS["libtorch"].configure_arguments("", RuntimeOptions())
    remedy = "pip install torch, or set TORCH_ROOT to a downloaded libtorch/"
    if missing:
        return Finding(name="LibTorch", status="missing", detail=missing, remedy=remedy)
    root = Path(arguments[0].partition("=")[2])
    if not (root / "include" / "torch" / "csrc" / "jit" / "api" / "module.h").is_file():
        detail = f"{root} has no C++ headers"
        return Finding(name="LibTorch", status="missing", detail=detail, remedy=remedy)
    version = "version unknown"
    for header in ("torch/headeronly/version.h", "torch/csrc/api/include/torch/version.h"):
        file = root / "include" / header
        if file.is_file():
            parts = re.findall(r"define TORCH_VERSION_(?:MAJOR|MINOR|PATCH) (\d+)", file.read_text())
            version = ".".join(parts) or version
            break
    cuda = any((root / "lib").glob("*torch_cuda*"))
    detail = f"{version}, {'CUDA' if cuda else 'CPU'} build ({root})"
    return Finding(name="LibTorch", status="ok", detail=detail)


def _header(name: str, header: str, without: str, remedy: str) -> Finding:
    """Whether the compiler finds a header; libpng and libjpeg have no Python package to ask."""
    compiler = find_compiler()
    if compiler is None or compiler.stem.lower() == "cl":
        return Finding(name=name, status="absent", detail="not looked for: needs a GNU-like compiler")
    argv = [str(compiler), "-x", "c++", "-E", "-include", "stdio.h", "-include", header, os.devnull]
    if run(argv, timeout=60).code == 0:
        return Finding(name=name, status="ok", detail=f"<{header}> is found")
    return Finding(name=name, status="absent", detail=f"<{header}> is not found: {without}", remedy=remedy)


def _gpu() -> Finding:
    program = shutil.which("nvidia-smi")
    name = "NVIDIA GPU"
    if program is None:
        return Finding(
            name=name,
            status="absent",
            detail="no nvidia-smi: LibTorch runs on the CPU, TensorRT projects build but do not run",
        )
    line = first_line([program, "--query-gpu=name,driver_version,compute_cap", "--format=csv,noheader"])
    if not line:
        return Finding(
            name=name, status="absent", detail="nvidia-smi reports no GPU", remedy="check the driver"
        )
    return Finding(name=name, status="ok", detail=line)


def _cuda_toolkit() -> Finding:
    program = shutil.which("nvcc")
    if program is None:
        return Finding(
            name="CUDA toolkit", status="absent", detail="no nvcc; generated projects do not need it"
        )
    lines = [x for x in run([program, "--version"], timeout=60).output.splitlines() if "release" in x]
    return Finding(name="CUDA toolkit", status="ok", detail=lines[0].strip() if lines else program)


def _tensorrt() -> Finding:
    found = find_tensorrt()
    if found.problem:
        return Finding(name="TensorRT", status="absent", detail=found.problem, remedy=found.remedy)
    headers = f"headers {found.headers.version} in {found.headers.folder}" if found.headers else ""
    if not headers:
        headers = "headers are downloaded when a project is configured (or --tensorrt-headers DIR)"
    parser = "ONNX parser" if found.parser else "no ONNX parser"
    detail = f"{found.title} {found.version} ({found.library}), {parser}, {headers}"
    if not found.parser:
        remedy = "install the whole of TensorRT (Debian: apt install libnvonnxparsers-dev)"
        return Finding(name="TensorRT", status="absent", detail=detail, remedy=remedy)
    return Finding(name="TensorRT", status="ok", detail=detail)


def _cuda_runtime() -> Finding:
    found = find_cuda_runtime()
    if found.problem:
        return Finding(
            name="CUDA runtime headers", status="absent", detail=found.problem, remedy=found.remedy
        )
    return Finding(name="CUDA runtime headers", status="ok", detail=f"{found.version} ({found.include})")


def _rtx_builder() -> Finding:
    name = "TensorRT-RTX builder"
    packages = {p.package: p for p in pip_packages()}
    missing = [p for p in ("tensorrt_rtx_libs", "tensorrt_rtx_bindings") if p not in packages]
    if missing:
        return Finding(
            name=name,
            status="absent",
            detail="verify cannot put ONNX files through it",
            remedy="pip install 'gencpp[rtx]'",
        )
    return Finding(name=name, status="ok", detail=packages["tensorrt_rtx_bindings"].version)
