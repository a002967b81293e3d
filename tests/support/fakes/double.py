"""Builds the fault double for one set of TensorRT headers, and writes the table that it answers from."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import zlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from building import compile_object, must

HERE = Path(__file__).parent
SOURCES = {
    "cudart": ("double.cpp", "fake_cuda_memory.cpp", "fake_cuda_streams.cpp"),
    "nvinfer": (
        *("table.cpp", "fake_builder.cpp", "fake_network.cpp", "fake_layers.cpp", "fake_record.cpp"),
        *("fake_engine.cpp", "fake_context.cpp"),
    ),
    "nvonnxparser": ("fake_parser.cpp",),
}
DTYPES = {
    **{"float32": 0, "float16": 1, "int8": 2, "int32": 3, "bool": 4, "uint8": 5},
    **{"bfloat16": 7, "int64": 8},
}
"""nvinfer1::DataType by numpy's names."""


SANITIZERS = os.environ.get("GENCPP_DOUBLE_SANITIZE", "")
"""`thread`, or `address,undefined`: builds the double and what runs on it with -fsanitize."""
SANITIZE = [f"-fsanitize={SANITIZERS}", "-g"] if SANITIZERS else []


@dataclass(frozen=True, slots=True, kw_only=True)
class Double:
    """A folder that looks like an installation of TensorRT, and a CUDA runtime."""

    version: str
    root: Path

    @property
    def cmake_arguments(self) -> list[str]:
        return [
            f"-DTensorRT_ROOT={self.root}",
            f"-DTensorRT_CUDART_LIBRARY={self.root / 'cuda' / 'libcudart.so'}",
        ]


def header_folders() -> dict[str, Path]:
    """Folders with NvInfer.h by version, below $GENCPP_TENSORRT_HEADERS."""
    default = Path.home() / ".cache" / "gencpp" / "tensorrt-headers"
    root = Path(os.environ.get("GENCPP_TENSORRT_HEADERS") or default)
    return {f.parent.name: f for f in root.glob("*/include") if (f / "NvOnnxParser.h").is_file()}


def library_version(include: Path) -> str:
    """Major.minor.patch, as the headers define them in three ways."""
    text = (include / "NvInferVersion.h").read_text(encoding="utf-8")
    parts = []
    for part in ("MAJOR", "MINOR", "PATCH"):
        found = re.search(
            rf"^#define\s+(?:NV_TENSORRT|TRT)_{part}(?:_ENTERPRISE)?\s+(\d+)", text, re.MULTILINE
        )
        assert found, include
        parts.append(found[1])
    return ".".join(parts)


def build(include: Path, cuda_include: Path, folder: Path, compiler: str) -> Double:
    """Compiles the three libraries into `folder`, laid out as an SDK."""
    (folder / "lib").mkdir(parents=True)
    (folder / "cuda").mkdir()
    (folder / "include").symlink_to(include)
    (folder / "source").symlink_to(HERE)
    generate = [sys.executable, str(HERE / "generate_stubs.py"), str(include), str(folder / "stubs.hpp")]
    subprocess.run(generate, check=True)
    version = library_version(include)
    libraries: list[str] = []
    for stem, sources in SOURCES.items():
        into = folder / ("cuda" if stem == "cudart" else "lib")
        major = "99" if stem == "cudart" else version.split(".")[0]
        library = into / f"lib{stem}.so.{major if stem == 'cudart' else version}"
        flags = ["-std=c++17", "-fPIC", *SANITIZE]
        flags += ["-Wall", "-Wextra", "-Woverloaded-virtual", "-Werror", "-Wno-deprecated-declarations"]
        flags += ["-isystem", str(include), "-isystem", str(cuda_include), "-I.", "-Isource"]

        def compiled(source: str, flags: list[str] = flags) -> Path:
            out = folder / f"{Path(source).stem}.o"
            must(compile_object(folder, f"source/{source}", out, *flags))
            return out

        with ThreadPoolExecutor(2) as pool:
            objects = list(pool.map(compiled, sources))
        argv = [compiler, "-shared", *SANITIZE, *map(str, objects)]
        argv += [
            "-o",
            str(library),
            f"-Wl,-soname,lib{stem}.so.{major}",
            "-Wl,-rpath,$ORIGIN:$ORIGIN/../cuda",
        ]
        argv += [*reversed(libraries), "-ldl", "-pthread"]
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr[-4000:]
        libraries.append(str(library))
        for name in {f"lib{stem}.so", f"lib{stem}.so.{major}"} - {library.name}:
            (into / name).symlink_to(library.name)
    return Double(version=version, root=folder)


def cuda_include() -> Path | None:
    """A folder with the CUDA runtime's headers: a toolkit's, or a pip package's."""
    roots = [os.environ.get(name, "") for name in ("CUDAToolkit_ROOT", "CUDA_PATH", "CUDA_HOME")]
    candidates = [Path(root) / "include" for root in [*filter(None, roots), "/usr/local/cuda"]]
    candidates += [f for path in sys.path for f in sorted(Path(path).glob("nvidia/*/include"))]
    complete = (f for f in candidates if (f / "cuda_runtime_api.h").is_file() and (f / "crt").is_dir())
    return next(complete, None)


def write_table(
    project: Path,
    file: Path,
    *,
    layers: tuple[str, ...] = ("conv1 + relu", "head"),
    runtime_dims: dict[tuple[str, int], int] | None = None,
) -> Path:
    """The answers of a generated project's model, taken from its goldens.

    `runtime_dims`: (output, dimension) whose size the engine is to tell only at run time, with its maximum.
    """
    import numpy as np

    spec = json.loads((project / "gencpp.json").read_text(encoding="utf-8"))["project"]
    inputs, outputs = spec["model"]["inputs"], spec["model"]["outputs"]
    onnx = (project / "assets" / spec["artifact"]["file"]).read_bytes()
    batched = all(t["dims"] and t["dims"][0]["min"] != t["dims"][0]["max"] for t in inputs)
    lines = ["gencpp-double 1", f"table {spec['name']}", f"onnx {len(onnx)} {zlib.crc32(onnx):08x}"]
    for tensor in inputs:
        dims = [str(d["max"]) if d["min"] == d["max"] else "-1" for d in tensor["dims"]]
        lines.append(f"input {tensor['name']} {DTYPES[tensor['dtype']]} {' '.join(dims)}")
    for tensor in outputs:
        dims = []
        for i, d in enumerate(tensor["dims"]):
            at_run_time = (runtime_dims or {}).get((tensor["name"], i))
            if at_run_time:
                dims.append(f"?{at_run_time}")
            else:
                dims.append(str(d["max"]) if d["min"] == d["max"] else same_dimension(d, i, inputs))
        lines.append(f"output {tensor['name']} {DTYPES[tensor['dtype']]} {' '.join(dims)}")
    lines.append("layers " + " ".join(name.replace(" ", "_") for name in layers))
    if spec["artifact"]["format"] == "network":
        from gencpp.backends.tensorrt.answers import network_plan

        from .plan_table import made_lines  # which imports this module

        lines += made_lines(network_plan(project))
    for case in spec["goldens"]["cases"]:
        goldens = project / "assets" / "goldens"
        given = [np.load(goldens / name) for name in case["inputs"]]
        results = [np.load(goldens / o["file"]) for o in case["outputs"]]
        count = given[0].shape[0] if batched else 1
        for i in range(count):
            cut = slice(i, i + 1) if batched else slice(None)
            data = b"".join(np.ascontiguousarray(x[cut]).tobytes() for x in given)
            lines.append(f"item {zlib.crc32(data):08x} {len(data)}")
            for y in results:
                # An output without the batch dimension is the same for all items.
                part = np.ascontiguousarray(y[cut] if batched and y.ndim and y.shape[0] == count else y)
                shape = " ".join(map(str, part.shape))
                lines.append(f"{part.ndim} {shape} x{part.tobytes().hex()}x")
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return file


def same_dimension(dim: dict[str, int], at: int, inputs: list[dict[str, Any]]) -> str:
    """`=INPUT.DIMENSION`: the input's dimension that an output's varies with."""
    for i, tensor in enumerate(inputs):
        if at < len(tensor["dims"]) and tensor["dims"][at] == dim:
            return f"={i}.{at}"
    raise ValueError(f"no input has a dimension like {dim}")
