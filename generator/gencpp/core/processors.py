"""How many processors this process may keep busy, as a generated program counts them, too."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

_ESCAPED = re.compile(r"\\([0-7]{3})")
"""A character in /proc/self/mountinfo: a space is `\\040`."""


def available_processors(root: Path = Path("/")) -> int:
    """The least of this process's affinity and, on Linux, of its cgroups' CPU quotas, rounded up; 1 or more.

    Cgroups of version 1 and 2 count, and those above them. `root` is where proc/ and sys/ are looked for.
    """
    most = len(affinity()) or os.cpu_count() or 1
    quota = min(_quotas(root), default=None)
    return most if quota is None else max(1, min(most, math.ceil(quota)))


def affinity() -> tuple[int, ...]:
    """The processors that this process may run on; empty where the system does not tell."""
    return tuple(sorted(os.sched_getaffinity(0))) if hasattr(os, "sched_getaffinity") else ()


def _quotas(root: Path) -> Iterator[float]:
    """Of the process's group and of those above it, as far as they are mounted: 1.5 for 150 ms of 100."""
    for unified, top, folder in _hierarchies(root):
        group = _own_group(root, unified)
        top = "" if top == "/" else top
        mounted = root / folder.lstrip("/")
        # Of a group that lies elsewhere (a container's own view) only what is mounted can be seen.
        below = group.startswith(f"{top}/") and ".." not in group
        own = PurePosixPath(group[len(top) :].lstrip("/") if below else "")
        for part in (own, *own.parents) if own.parts else (own,):
            quota = _quota(mounted / part, unified)
            if quota is not None:
                yield quota


def _hierarchies(root: Path) -> Iterator[tuple[bool, str, str]]:
    """(version 2, the group that is mounted, where) of those that the CPU's quota is in."""
    for line in _read(root / "proc/self/mountinfo").splitlines():
        # id, parent, device, root, mount point, options, tags, "-", type, source, the type's options
        before, dash, after = line.partition(" - ")
        fields, kind = before.split(" "), after.split(" ")
        if not dash or len(fields) < 5 or len(kind) < 3:
            continue
        unified = kind[0] == "cgroup2"
        if unified or (kind[0] == "cgroup" and "cpu" in kind[2].split(",")):
            top, folder = (_ESCAPED.sub(lambda m: chr(int(m[1], 8)), text) for text in fields[3:5])
            yield unified, top, folder


def _own_group(root: Path, unified: bool) -> str:
    """The group of this process in that hierarchy; empty where there is none."""
    for line in _read(root / "proc/self/cgroup").splitlines():
        number, _, rest = line.partition(":")
        controllers, _, group = rest.partition(":")
        if (number == "0" and not controllers) if unified else "cpu" in controllers.split(","):
            return group
    return ""


def _quota(group: Path, unified: bool) -> float | None:
    """Processors that a group may keep busy; None: there is no quota."""
    if unified:
        told = _read(group / "cpu.max").split()  # "max 100000" without a quota
    else:
        told = [*_read(group / "cpu.cfs_quota_us").split(), *_read(group / "cpu.cfs_period_us").split()]
    try:
        quota, period = map(int, told)
    except ValueError:
        return None
    return quota / period if quota > 0 and period > 0 else None


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
