"""Which processors a measured process may run on, so that every subject has the same ones."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from ..core.processors import affinity

_TOPOLOGY = "/sys/devices/system/cpu/cpu{}/topology/thread_siblings_list"


def pinned(threads: int) -> tuple[int, ...]:
    """Processors for a process of `threads` threads; empty where it may use all that there are.

    Those of different cores first: two threads of one core would share what the other subjects' do not.
    """
    if not hasattr(os, "sched_setaffinity") or threads >= len(affinity()):
        return ()
    return spread(affinity(), _core)[:threads]


def spread(processors: Iterable[int], core: Callable[[int], object]) -> tuple[int, ...]:
    """One processor of each core, then the second ones, and so on."""
    seen: dict[object, int] = {}
    order = []
    for processor in processors:
        place = core(processor)
        order.append((seen.get(place, 0), processor))
        seen[place] = seen.get(place, 0) + 1
    return tuple(processor for _, processor in sorted(order))


def described(counts: Iterable[int]) -> list[dict[str, Any]]:
    """For bench.json: by count of threads the processors, or why there are none named."""
    return [{"threads": t, "processors": list(pinned(t)), "reason": _reason(t)} for t in sorted(set(counts))]


def line(rows: Iterable[dict[str, Any]]) -> str:
    """`1 thread: on processor 0; 2 threads: on all 2 processors`."""
    told = []
    for row in rows:
        names = ", ".join(map(str, row["processors"]))
        where = f"on processor{'s' if len(row['processors']) > 1 else ''} {names}" if names else row["reason"]
        told.append(f"{row['threads']} thread{'' if row['threads'] == 1 else 's'}: {where}")
    return "; ".join(told)


def _reason(threads: int) -> str:
    if pinned(threads):
        return ""
    if affinity() and threads >= len(affinity()):
        return f"on all {len(affinity())} processors"
    return "not pinned, because this system cannot"


def _core(processor: int) -> str:
    """What its sibling threads have in common; its own number where the system does not tell."""
    try:
        return Path(_TOPOLOGY.format(processor)).read_text(encoding="utf-8").strip()
    except OSError:
        return str(processor)
