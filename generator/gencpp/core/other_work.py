"""Whether something else kept the processors busy while this process measured."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from .json_value import JsonValue
from .processors import affinity

BUSY = 0.05
"""Share of the processors' time, taken by others, above which figures are those of a busy machine."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherWork(JsonValue):
    """What others took of the time of the processors that this process may run on."""

    share: float
    """Of everybody but this process and its children, with `stolen`; 0 to 1."""
    stolen: float
    """Of other virtual machines, as the hypervisor tells it; 0 to 1."""

    def sentence(self) -> str:
        """What it means for the figures; empty where others took next to nothing."""
        if self.share <= BUSY:
            return ""
        virtual = f" ({100 * self.stolen:.0f} % by other virtual machines)" if self.stolen >= 0.005 else ""
        return (
            f"Other work took {100 * self.share:.0f} % of the processors' time during the measurement"
            f"{virtual}: these are figures of a busy machine."
        )


class Watch:
    """Begins when it is made.

    The kernel counts the time of each processor by what it did, and that of a process and of its children
    that ended: what is left was others'. Unlike the load average, it knows nothing of the time before, and
    does not count who waits for a disk.
    """

    def __init__(self, stat: Path = Path("/proc/stat")) -> None:
        self._stat = stat
        self._own = _own_seconds()
        self._begin = _times(stat)

    def other_work(self) -> OtherWork | None:
        """Since the beginning; None where the system does not tell it."""
        if self._begin is None or (end := _times(self._stat)) is None:
            return None
        busy, stolen, total = (b - a for a, b in zip(self._begin, end, strict=True))
        if total <= 0:
            return None
        others = busy - (_own_seconds() - self._own)
        return OtherWork(share=_share(others, total), stolen=_share(stolen, total))


def _share(part: float, whole: float) -> float:
    return round(min(1.0, max(0.0, part / whole)), 4)


def _times(stat: Path) -> tuple[float, float, float] | None:
    """Seconds that the processors of this process's affinity were busy, stolen (which is busy), and there."""
    try:
        lines = stat.read_text(encoding="ascii").splitlines()
        ticks = os.sysconf("SC_CLK_TCK")
    except (OSError, ValueError, AttributeError):
        return None
    wanted = {f"cpu{number}" for number in affinity()}
    each = [line.split() for line in lines if line.split(" ")[0] in wanted]
    rows = [[int(n) for n in fields[1:9] if n.isdecimal()] for fields in each]
    if not rows or any(len(row) < 8 for row in rows):
        return None
    # user, nice, system, idle, iowait, irq, softirq, steal
    columns = [sum(column) / ticks for column in zip(*rows, strict=True)]
    idle, stolen = columns[3] + columns[4], columns[7]
    return sum(columns) - idle, stolen, sum(columns)


def _own_seconds() -> float:
    """Processor time of this process and of its children that ended."""
    own = os.times()
    return own.user + own.system + own.children_user + own.children_system
