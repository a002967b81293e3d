"""On what was measured, as far as the machine tells it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from provenance import commit as commit

from gencpp.bench import machine as bench_machine

PACKAGES = ("triton", "onnx", "onnxscript")
"""Besides those that `gencpp bench` tells."""
_SMI = ("name", "driver_version", "memory.total", "compute_cap", "clocks.max.sm", "power.limit")


def machine() -> dict[str, Any]:
    """Names and versions; what cannot be told is empty."""
    about = bench_machine.machine()
    more = {p: v for p in PACKAGES if (v := bench_machine.version_of(p))}
    return {
        **about,
        "versions": {**about["versions"], **more},
        "gpu": dict(zip(_SMI, _gpu(), strict=False)),
        "cuda": _cuda(),
        "compiler": _first_line(["c++", "--version"]),
        "cmake": _first_line(["cmake", "--version"]),
    }


def has_gpu() -> str:
    """Why torch sees no GPU; empty when it does."""
    try:
        import torch
    except ImportError as e:
        return f"torch cannot be imported: {e}"
    if torch.cuda.is_available():
        return ""
    why = "a CPU build" if torch.version.cuda is None else "no NVIDIA GPU or driver"
    return f"torch {torch.__version__} sees no GPU: {why}"


def line(about: dict[str, Any]) -> str:
    """One line for people."""
    gpu = about["gpu"]
    what = f"{gpu['name']}, driver {gpu['driver_version']}" if gpu else "no NVIDIA GPU"
    versions = ", ".join(f"{k} {v}" for k, v in about["versions"].items())
    cuda = f", CUDA {about['cuda']}" if about["cuda"] else ""
    return f"{what}{cuda}; {about['cores']} cores of {about['cpu']}; Python {about['python']}, {versions}"


def compiler_environment(work: Path) -> dict[str, str]:
    """What AOTInductor's compiler needs to find cuda.h, and the driver's library under the linker's name.

    torch takes the toolkit's place from that of the nvcc on the PATH, which may be a wrapper or a link; and
    `libcuda.so` is in packages for developers only, the driver itself brings `libcuda.so.1`.
    """
    nvcc = shutil.which("nvcc")
    named = (os.environ.get("CUDA_HOME"), os.environ.get("CUDA_PATH"), "/usr/local/cuda")
    homes = [Path(h) for h in named if h] + ([Path(nvcc).resolve().parent.parent] if nvcc else [])
    found, folders = {}, []
    if home := next((h for h in homes if (h / "include" / "cuda.h").is_file()), None):
        found["CUDA_HOME"] = str(home)
        folders = [str(home / "lib64" / "stubs")]
    if driver := _loaded("libcuda.so"):
        link = work / "link" / "libcuda.so"
        link.parent.mkdir(parents=True, exist_ok=True)
        link.unlink(missing_ok=True)
        link.symlink_to(driver)
        folders.insert(0, str(link.parent))
    if folders:
        found["LIBRARY_PATH"] = ":".join([*folders, *filter(None, [os.environ.get("LIBRARY_PATH")])])
    return found


def _loaded(name: str) -> str:
    """The file of a library that this process has loaded; empty: it has not."""
    try:
        maps = Path("/proc/self/maps").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    return next((x.split(maxsplit=5)[-1] for x in maps.splitlines() if f"/{name}" in x), "")


def _gpu() -> list[str]:
    told = _output(["nvidia-smi", f"--query-gpu={','.join(_SMI)}", "--format=csv,noheader"])
    return [cell.strip() for cell in told.splitlines()[0].split(",")] if told.strip() else []


def _cuda() -> str:
    """Of the toolkit's compiler."""
    places = ("nvcc", "/usr/local/cuda/bin/nvcc")
    told = next((x for x in (_output([p, "--version"]) for p in places) if x), "")
    found = re.search(r"release ([\d.]+)", told)
    return found[1] if found else ""


def _first_line(argv: list[str]) -> str:
    return (_output(argv).splitlines() or [""])[0]


def _output(argv: list[str]) -> str:
    try:
        done = subprocess.run(
            argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout if done.returncode == 0 else ""


if __name__ == "__main__":
    sys.stdout.write(f"{line(machine())}\n")
