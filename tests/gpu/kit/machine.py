"""On what was measured, as far as the machine tells it."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

from generator.bench import machine as bench_machine

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
