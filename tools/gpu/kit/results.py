"""What a run of the kit found: checks, times, and the figures that were to be reached, as JSON."""

from __future__ import annotations

import json
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

SCHEMA = 1
PASSED, FAILED, SKIPPED = "passed", "failed", "skipped"


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """Something that holds or does not."""

    name: str
    status: str
    detail: str = ""
    seconds: float = 0.0


@dataclass(slots=True, kw_only=True)
class Timing:
    """Times of one subject in one setting: milliseconds from host memory to host memory."""

    model: str
    precision: str
    subject: str
    """`eager`, `torchscript`, `c++`, `c++ graph`, `aoti`, `tensorrt network`, ..."""
    batch: int
    p50_ms: list[float] = field(default_factory=list)
    """One a round."""
    p99_ms: list[float] = field(default_factory=list)
    stages_ms: dict[str, float] = field(default_factory=dict)
    """Of the device, by CUDA's events: h2d, compute, d2h; `kernels` by torch's profiler."""

    @property
    def median_ms(self) -> float:
        """Of the rounds' medians."""
        return statistics.median(self.p50_ms)


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One that was to be reached, and what was measured."""

    name: str
    wanted: str
    value: float | None
    reached: bool | None
    """None: it was not measured."""
    reason: str = ""
    """Why it was not measured, or what the profile says where it was missed."""


@dataclass(slots=True, kw_only=True)
class Part:
    """One part of the kit."""

    number: int
    title: str
    checks: list[Check] = field(default_factory=list)
    timings: list[Timing] = field(default_factory=list)
    figures: list[Figure] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)
    seconds: float = 0.0

    def add(self, name: str, status: str, detail: str = "", seconds: float = 0.0) -> bool:
        """Appends a check; whether it passed."""
        told = " ".join(detail.split())[:600]
        self.checks.append(Check(name=name, status=status, detail=told, seconds=round(seconds, 2)))
        return status == PASSED

    @property
    def status(self) -> str:
        """failed if anything did, skipped if nothing ran."""
        found = {c.status for c in self.checks}
        if FAILED in found:
            return FAILED
        return PASSED if PASSED in found else SKIPPED

    def timing(self, model: str, precision: str, subject: str, batch: int) -> Timing | None:
        """The one with these names that was measured."""
        wanted = (model, precision, subject, batch)
        return next(
            (t for t in self.timings if (t.model, t.precision, t.subject, t.batch) == wanted and t.p50_ms),
            None,
        )


@dataclass(slots=True, kw_only=True)
class Results:
    """Of a whole run."""

    date: str
    dry_run: bool
    commit: str
    machine: dict[str, Any]
    budget_minutes: float
    parts: list[Part] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def failed(self) -> bool:
        """Whether a check of any part failed."""
        return any(p.status == FAILED for p in self.parts)

    @property
    def passed(self) -> bool:
        """Whether any part passed; not asked where one failed."""
        return any(p.status == PASSED for p in self.parts)

    def write(self, file: Path) -> None:
        """As JSON, whole or not at all."""
        part = file.with_suffix(".new")
        told = {"schema": SCHEMA, **asdict(self)}
        part.write_text(json.dumps(told, indent=1, allow_nan=False) + "\n", encoding="utf-8")
        part.rename(file)

    @classmethod
    def read(cls, file: Path) -> Results:
        """Raises ValueError, with what is wrong, for a file that `write` did not make."""
        try:
            data = json.loads(file.read_text(encoding="utf-8"))
            if data.pop("schema") != SCHEMA:
                raise ValueError("of another version of the kit")
            parts = [_part(p) for p in data.pop("parts")]
            return cls(**data, parts=parts)
        except OSError as e:
            raise ValueError(f"{file}: {e.strerror}") from None
        except (ValueError, TypeError, KeyError, AttributeError) as e:
            raise ValueError(f"{file} is no results.json of run.sh: {e}") from None


def _part(data: dict[str, Any]) -> Part:
    return Part(
        **{k: v for k, v in data.items() if k not in ("checks", "timings", "figures")},
        checks=[Check(**c) for c in data["checks"]],
        timings=[Timing(**t) for t in data["timings"]],
        figures=[Figure(**f) for f in data["figures"]],
    )


# --- for people --------------------------------------------------------------------------------------------


def ratio(part: Part, timing: Timing) -> float | None:
    """Eager PyTorch's time over this one's, in the same precision and batch: how many times faster."""
    eager = part.timing(timing.model, timing.precision, "eager", timing.batch)
    return None if eager is None or timing.subject == "eager" else eager.median_ms / timing.median_ms


def timing_rows(part: Part) -> list[tuple[str, ...]]:
    """Titles, then a row for each timing."""
    rows: list[tuple[str, ...]] = [
        ("model", "precision", "batch", "subject", "p50 ms", "p99 ms", "x eager", "GPU ms")
    ]
    for t in part.timings:
        if not t.p50_ms:
            continue
        faster = ratio(part, t)
        compute = t.stages_ms.get("compute", t.stages_ms.get("kernels"))
        rows.append(
            (
                *(t.model, t.precision, str(t.batch), t.subject, f"{t.median_ms:.3f}"),
                *(f"{statistics.median(t.p99_ms):.3f}", "" if faster is None else f"{faster:.2f}"),
                "" if compute is None else f"{compute:.3f}",
            )
        )
    return rows


def check_rows(part: Part, *, all_of_them: bool = True) -> list[tuple[str, ...]]:
    """Titles, then a row for each check; or only for those that did not pass."""
    rows: list[tuple[str, ...]] = [("check", "status", "seconds", "")]
    for c in part.checks:
        if all_of_them or c.status != PASSED:
            rows.append((c.name, c.status, f"{c.seconds:.1f}", c.detail))
    return rows


def figure_rows(part: Part) -> list[tuple[str, ...]]:
    """Titles, then a row for each figure that was to be reached."""
    rows: list[tuple[str, ...]] = [("figure", "wanted", "measured", "", "")]
    for f in part.figures:
        verdict = "not measured" if f.reached is None else "reached" if f.reached else "MISSED"
        rows.append((f.name, f.wanted, "" if f.value is None else f"{f.value:.3g}", verdict, f.reason))
    return rows


def table(rows: Sequence[Sequence[str]], cut: int = 90) -> str:
    """Columns beside each other; the last one is cut."""
    widths = [max(len(r[i]) for r in rows) for i in range(len(rows[0]))]
    lines = []
    for row in rows:
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=True)]
        last = row[-1] if len(row[-1]) <= cut else row[-1][: cut - 3] + "..."
        lines.append("  ".join([*cells[:-1], last]).rstrip())
    return "\n".join(lines)


def markdown(rows: Sequence[Sequence[str]]) -> str:
    """The same as a table of Markdown."""
    lines = [f"| {' | '.join(cell.replace('|', '/') for cell in row)} |" for row in rows]
    lines.insert(1, "|" + "---|" * len(rows[0]))
    return "\n".join(lines)
