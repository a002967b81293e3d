"""The Python model of a project, made again from what `gencpp new` was told: as a program, `remake.py JOB`.

It runs in a process of its own, so that neither torch nor the model's code is in the one that measures.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from .. import backends  # noqa: F401 - their runtimes are in the project that the job has
from ..core.again import asked_again
from ..core.errors import GencppError
from ..core.spec import ModelSpec, ProjectSpec
from .process import environment, spawn

EAGER, ONNX = "eager.pt", "model.onnx"

_TIMEOUT = 1800.0


def remake(
    project: ProjectSpec, wanted: Sequence[str], scratch: Path, path: Sequence[str], named: Sequence[str] = ()
) -> dict[str, tuple[Path | None, str]]:
    """Of each in `wanted` (`eager`, `onnx`) its file in `scratch`, or why there is none."""
    job, told = scratch / "remake.json", scratch / "remade.json"
    asked = {"project": project.to_json(), "wanted": list(wanted), "path": list(path), "named": list(named)}
    job.write_text(json.dumps({**asked, "scratch": str(scratch), "result": str(told)}), encoding="utf-8")
    ran = spawn([sys.executable, "-m", __name__, str(job)], environment(1, path), timeout=_TIMEOUT)
    if ran.code != 0 or not told.is_file():
        return {what: (None, f"the Python model cannot be made again: {ran.problem()}") for what in wanted}
    found: dict[str, str] = json.loads(told.read_text(encoding="utf-8"))
    files = {"eager": scratch / EAGER, "onnx": scratch / ONNX}
    return {what: (None if found[what] else files[what], found[what]) for what in wanted}


def main(argv: Sequence[str]) -> int:
    """Writes the reasons for what could not be made; empty for what was."""
    job = json.loads(Path(argv[1]).read_text(encoding="utf-8"))
    project, scratch = ProjectSpec.from_json(job["project"]), Path(job["scratch"])
    reasons: dict[str, str]
    try:
        loaded = load_again(project, tuple(job["path"]), tuple(job["named"]))
    except GencppError as e:
        why = f"the Python model cannot be made again: {e.message}" + (f". {e.hint}" if e.hint else "")
        reasons = dict.fromkeys(job["wanted"], why)
    else:
        makers = {"eager": _eager, "onnx": _onnx}
        reasons = {what: makers[what](loaded, project, scratch) for what in job["wanted"]}
    Path(job["result"]).write_text(json.dumps(reasons), encoding="utf-8")
    return 0


def load_again(project: ProjectSpec, path: tuple[str, ...], named: tuple[str, ...] = ()) -> Any:
    """The model as `gencpp new` loaded it, with the weights that it took; raises GencppError.

    `named`: the Python code that the user named; a project's manifest decides nothing that is called.
    """
    from ..sources.load import load_source, parse_source

    asked = asked_again(project, path, named=named, transforms=False)
    return load_source(parse_source(asked.source), asked.load_options(), lambda _: None)


def _eager(loaded: Any, project: ProjectSpec, scratch: Path) -> str:
    import torch

    if loaded.scripted or loaded.onnx is not None:
        return f"there is no eager model: the source {project.model.source} is a file of another kind"
    try:
        torch.save(loaded.module, scratch / EAGER)
    except Exception as e:  # noqa: BLE001 - pickle has no root of its exceptions
        return f"the eager model cannot be pickled for processes of its own: {' '.join(str(e).split())}"
    return ""


def _onnx(loaded: Any, project: ProjectSpec, scratch: Path) -> str:
    from ..backends.tensorrt.onnx_export import OnnxOptions, export_onnx

    if loaded.onnx is not None:
        (scratch / ONNX).symlink_to(Path(loaded.onnx).resolve())
        return ""
    try:
        export_onnx(
            loaded, _with_files(project.model, loaded), scratch, OnnxOptions(parser=False), lambda _: None
        )
    except GencppError as e:
        return f"no ONNX file of the model: {' '.join(e.message.split())}"
    return ""


def _with_files(model: ModelSpec, loaded: Any) -> ModelSpec:
    """`model` with the elements of `--input NAME:...=FILE.npy`, which its manifest does not hold."""
    read = {t.name: t.values for t in loaded.inputs if t.values is not None and t.values.array is not None}
    return replace(
        model, inputs=tuple(replace(t, values=read[t.name]) if t.name in read else t for t in model.inputs)
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv))
