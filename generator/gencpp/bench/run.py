"""`gencpp bench`: builds, gathers the peers, measures, and gives bench.json's content."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from .. import __version__
from ..backends import backend_named
from ..core.errors import UsageError
from ..core.other_work import Watch
from ..core.progress import Progress
from ..project import check_replaceable, replace_text
from . import baseline, machine, processors
from .build import Built, build
from .measure import measure
from .options import Options, cores
from .subjects import Field, gather

SCHEMA = 1
"""Number of bench.json's schema."""


def bench(
    options: Options, progress: Progress, keep: Callable[[dict[str, Any]], None] = lambda _: None
) -> dict[str, Any]:
    """Measures every project of `options`; bench.json's content.

    `keep` gets it as it is before each project's growth, which takes long. Raises UsageError before anything
    is built where the baseline cannot be compared with.
    """
    begun = datetime.now(UTC)
    about = machine.machine()  # before building makes the machine busy
    stored = baseline.read(options.baseline, about) if options.baseline else None
    projects = _named([build(folder, progress) for folder in options.folders])
    growth: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory(prefix="gencpp-bench-") as scratch:
        fields = [gather(p, options, Path(scratch), progress) for p in projects]
        watch = Watch()
        measured = measure(fields, options, progress)
        others = watch.other_work()
        about["other_work"] = others.to_json() if others else None
        report = _report(options, begun, about, fields, measured, growth)
        if options.growth is not None:
            from .growth import grow

            for f in fields:
                keep(report)
                growth.append(grow(f.program, options, Path(scratch), progress))
    if stored is not None:
        report["baseline"] = baseline.compare(report, stored, options.max_regression)
    return report


def failures(report: dict[str, Any]) -> bool:
    """Whether something is slower than the baseline allows, or a curve of growth could not be measured."""
    lost = any(growth["failed"] for growth in report["growth"])
    return lost or bool(report.get("baseline", {}).get("regressed"))


def _report(
    options: Options,
    begun: datetime,
    about: dict[str, Any],
    fields: Sequence[Field],
    measured: dict[str, Any],
    growth: list[dict[str, Any]],
) -> dict[str, Any]:
    warnings = [text for text in (machine.busy(about),) if text]
    models = [f.program.built.project.model for f in fields]
    return {
        "schema": SCHEMA,
        "gencpp": __version__,
        "date": begun.isoformat(timespec="seconds"),
        "command": options.command,
        "machine": about,
        "options": {
            "rounds": options.rounds,
            "seconds": options.seconds,
            "warmup": options.warmup,
            "against": list(options.against),
        },
        "pinning": processors.described(_threads(options)),
        "projects": [_project(f) for f in fields],
        **measured,
        "growth": growth,
        "warnings": [*warnings, *(w for m in models if (w := m.weights.warning))],
    }


def target(folder: Path, name: str) -> Path:
    """The file in `folder`, which is made before minutes of measuring."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        raise UsageError(f"--out {folder}: there is a file in its place", hint="Name a folder.") from None
    check_replaceable(folder / name, ("machine", "runs"))
    return folder / name


def write(report: dict[str, Any], file: Path) -> None:
    """bench.json."""
    try:
        replace_text(file, json.dumps(report, indent=1, allow_nan=False) + "\n")
    except OSError as e:
        raise UsageError(f"cannot write {file}: {e.strerror or e}") from None


def _named(projects: Sequence[Built]) -> list[Built]:
    """Two projects of one name are told apart by their folders."""
    names = [p.project.name for p in projects]
    made = [replace(p, key=p.folder.name) if names.count(p.project.name) > 1 else p for p in projects]
    keys = [p.key for p in made]
    return [replace(p, key=f"{p.key}-{i}") if keys.count(p.key) > 1 else p for i, p in enumerate(made)]


def _threads(options: Options) -> Sequence[int]:
    """Every count of threads that a process had."""
    asked = options.threads or (cores(),)
    return (*asked, *range(1, cores() + 1)) if options.growth else asked


def _project(field: Field) -> dict[str, Any]:
    project = field.program.built.project
    return {
        "name": field.program.built.key,
        "source": project.model.source,
        "backend": project.backend,
        "weights": project.model.weights.detail,
        "artifact": {
            "format": project.artifact.format,
            "method": project.artifact.method,
            "bytes": project.artifact.size,
            **backend_named(project.backend).facts(project),
        },
        "skipped": field.skipped,
    }
