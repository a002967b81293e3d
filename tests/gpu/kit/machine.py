"""On what was measured, as far as the machine tells it."""

from __future__ import annotations

import os
import platform
import re
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

PACKAGES = ("torch", "torchvision", "triton", "onnx", "onnxscript", "onnxruntime", "numpy", "pillow")
_SMI = ("name", "driver_version", "memory.total", "compute_cap", "clocks.max.sm", "power.limit")


def machine() -> dict[str, Any]:
    """Names and versions; what cannot be told is empty."""
    return {
        "gpu": dict(zip(_SMI, _gpu(), strict=False)),
        "cuda": _cuda(),
        "cpu": _cpu(),
        "cores": len(os.sched_getaffinity(0)),
        "system": platform.platform(),
        "python": platform.python_version(),
        "compiler": _first_line(["c++", "--version"]),
        "cmake": _first_line(["cmake", "--version"]),
        "versions": {p: v for p in PACKAGES if (v := _version(p))},
    }


def commit(root: Path) -> str:
    """Of the checkout; `unknown` where it is no clone (a copy without its history)."""
    found = _output(["git", "-C", str(root), "rev-parse", "--short=12", "HEAD"]).strip()
    changed = bool(_output(["git", "-C", str(root), "status", "--porcelain", "--untracked-files=no"]).strip())
    return f"{found}{' with changes' if changed else ''}" if found else "unknown"


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


def _gpu() -> list[str]:
    told = _output(["nvidia-smi", f"--query-gpu={','.join(_SMI)}", "--format=csv,noheader"])
    return [cell.strip() for cell in told.splitlines()[0].split(",")] if told.strip() else []


def _cuda() -> str:
    """Of the toolkit's compiler."""
    places = ("nvcc", "/usr/local/cuda/bin/nvcc")
    told = next((x for x in (_output([p, "--version"]) for p in places) if x), "")
    found = re.search(r"release ([\d.]+)", told)
    return found[1] if found else ""


def _cpu() -> str:
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        text = ""
    found = re.search(r"^model name\s*:\s*(.+)$", text, re.MULTILINE)
    return " ".join(found[1].split()) if found else platform.machine()


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


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""


if __name__ == "__main__":
    sys.stdout.write(f"{line(machine())}\n")
