"""What a comparison with the goldens found, and the difference of two arrays."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..core.spec import ParityResult
from ..core.words import counted
from ..tensors.difference import difference

NO_DEVICE = 3
"""Exit code of generated programs that find no GPU to run on."""


@dataclass
class Comparison:
    """What was found; `problems` are failures that are no numbers, `notes` what was not compared."""

    no_device: str = ""
    """What the program says is missing to run the model."""
    lacking: str = ""
    """What this Python lacks for the comparison."""
    results: tuple[ParityResult, ...] = ()
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    log: str = ""

    def problem(self) -> str:
        """Everything that did not hold; empty when all did."""
        wrong = [f"{r.case}/{r.output}: {_relative(r)}" for r in self.results if not r.passed]
        return "; ".join([*self.problems, *wrong])

    def summary(self) -> str:
        """How many outputs were compared, and the largest difference."""
        worst = max((r.max_rel_diff or 0.0 for r in self.results), default=0.0)
        text = f"{counted(len(self.results), 'output')}, largest relative difference {worst:.2g}"
        return "; ".join([text, *self.notes])


def last_line(output: str) -> str:
    """The last line that a program printed, without its name in front."""
    lines = output.strip().splitlines() or [""]
    return lines[-1].partition(": ")[2] or lines[-1]


def _relative(result: ParityResult) -> str:
    if result.max_rel_diff is None:
        return "another shape or type, or not finite"
    return f"relative difference {result.max_rel_diff:.2g}"


def compared(case: str, output: str, ours: Any, theirs: Any, tolerance: float) -> ParityResult:
    """Two arrays, relative to the largest value of `theirs`."""
    import numpy as np

    absolute: float | None = None
    relative: float | None = None
    if ours.shape == theirs.shape and ours.dtype == theirs.dtype and np.isfinite(ours.astype(float)).all():
        found = difference(theirs, ours)
        absolute = found.absolute
        relative = found.relative if math.isfinite(found.relative) else None
    return ParityResult(
        case=case,
        output=output,
        max_abs_diff=absolute,
        max_rel_diff=relative,
        tolerance=tolerance,
        passed=relative is not None and relative <= tolerance,
    )


def load_array(file: Path, found: Comparison) -> Any:
    """The array of a .npy file; None, and a problem in `found`, where it cannot be read."""
    import numpy as np

    try:
        return np.load(file, allow_pickle=False)
    except (OSError, ValueError, EOFError, MemoryError) as e:
        found.problems.append(f"cannot read {file.name}: {type(e).__name__}: {e}")
        return None
