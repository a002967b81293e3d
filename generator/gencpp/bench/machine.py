"""On what was measured."""

from __future__ import annotations

import os
import platform
import re
import sys
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as installed
from pathlib import Path
from typing import Any

from ..core.other_work import OtherWork
from .options import cores

BUSY = 0.25
"""Load average, as a share of the cores, above which other work disturbs the figures, where the system tells
nothing better."""

_PACKAGES = ("torch", "torchvision", "onnxruntime", "openvino", "numpy", "pillow")


def machine() -> dict[str, Any]:
    """Processor, cores, memory, system, versions, and how busy it is now; measuring adds `other_work`."""
    return {
        "cpu": _cpu(),
        "cores": cores(),
        "memory_bytes": _memory(),
        "system": platform.platform(),
        "python": ".".join(map(str, sys.version_info[:3])),
        "versions": {p: v for p in _PACKAGES if (v := version_of(p))},
        "load_average": load_average(),
        "other_work": None,
    }


def load_average() -> float | None:
    """Of the last minute; None where the system does not tell it."""
    return round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None


def busy(about: dict[str, Any]) -> str:
    """A warning when the machine did other work while it was measured; else empty."""
    if about.get("other_work") is not None:
        return OtherWork.from_json(about["other_work"]).sentence()
    load = about["load_average"]
    if load is None or load <= BUSY * about["cores"]:
        return ""
    return f"The load average was {load} on {about['cores']} cores at the start: figures of a busy machine."


def line(about: dict[str, Any]) -> str:
    """One line that says on which machine."""
    memory = f", {about['memory_bytes'] / 2**30:.0f} GiB" if about["memory_bytes"] else ""
    versions = ", ".join(f"{name} {version}" for name, version in about["versions"].items())
    load = "unknown" if about["load_average"] is None else about["load_average"]
    other_work = about.get("other_work")
    others = f", other work meanwhile {100 * other_work['share']:.0f} %" if other_work else ""
    return (
        f"{about['cpu']}, {about['cores']} cores{memory}, {about['system']}, Python {about['python']}, "
        f"{versions}; load average at the start {load}{others}"
    )


def _cpu() -> str:
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        text = ""
    found = re.search(r"^(?:model name|Processor)\s*:\s*(.+)$", text, re.MULTILINE)
    return " ".join(found.group(1).split()) if found else platform.processor() or platform.machine()


def _memory() -> int | None:
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        return None


def version_of(package: str) -> str:
    """Of an installed package; empty where it is not."""
    try:
        return installed(package)
    except PackageNotFoundError:
        return ""
